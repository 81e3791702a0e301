package report

import (
	"fmt"
	"strconv"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
)

// A wait that passes statusAfter gets a status line, rewritten every
// statusTick.
const (
	statusAfter = 500 * time.Millisecond
	statusTick  = 100 * time.Millisecond
)

// Tick implements escalate.Observer. It returns 0 if there is no terminal for a status line.
func (r *Reporter) Tick() time.Duration {
	if !r.opts.Terminal || r.opts.Quiet || r.opts.JSON || r.opts.Verbose {
		return 0
	}
	return statusTick
}

// Waiting implements escalate.Observer. The line is short enough for 80
// columns whatever the numbers.
func (r *Reporter) Waiting(p escalate.Progress) {
	if p.Elapsed < statusAfter {
		return
	}
	line := fmt.Sprintf("%s: %d of %d gone", r.opts.Applet, p.Gone, p.Total)
	switch {
	case p.In == duration.Forever:
	case p.Next != 0:
		line += fmt.Sprintf(", %v in %s", p.Next, formatTenths(p.In))
	default:
		line += ", giving up in " + formatTenths(p.In)
	}
	fmt.Fprint(r.opts.Screen, "\r\x1b[K"+line)
	r.statusShown = true
}

// formatTenths returns a duration in tenths of a second.
func formatTenths(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s" }

// clearStatusLine removes the status line from the screen.
func (r *Reporter) clearStatusLine() {
	if r.statusShown {
		fmt.Fprint(r.opts.Screen, "\r\x1b[K")
		r.statusShown = false
	}
}

// Close removes the status line.
func (r *Reporter) Close() { r.clearStatusLine() }

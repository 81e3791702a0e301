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

// Tick implements escalate.Observer: no ticks where nobody looks.
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
		line += fmt.Sprintf(", %v in %s", p.Next, tenths(p.In))
	default:
		line += ", giving up in " + tenths(p.In)
	}
	fmt.Fprint(r.opts.Screen, "\r\x1b[K"+line)
	r.status = true
}

func tenths(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s" }

// wipe takes the status line off the screen.
func (r *Reporter) wipe() {
	if r.status {
		fmt.Fprint(r.opts.Screen, "\r\x1b[K")
		r.status = false
	}
}

// Close leaves a clean line behind.
func (r *Reporter) Close() { r.wipe() }

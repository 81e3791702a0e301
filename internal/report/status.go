package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
)

// When a wait has taken statusAfter, the status line appears. It is rewritten every statusTick.
const (
	statusAfter = 500 * time.Millisecond
	statusTick  = 100 * time.Millisecond
)

// Tick implements escalate.Observer. It returns 0 if no status line is shown: without a terminal, or with Quiet, JSON
// or Verbose.
func (r *Reporter) Tick() time.Duration {
	if !r.opts.Terminal || r.opts.Quiet || r.opts.JSON || r.opts.Verbose {
		return 0
	}
	return statusTick
}

// Waiting implements escalate.Observer: it prints the status line. Even with the largest numbers the line is shorter
// than 80 columns. In a narrower terminal the name of the applet is left out first, because a line that wraps cannot be
// cleared. The width is read each time: the user may have changed it.
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
	if width := r.opts.columns(); width > 0 && len(line) >= width {
		line = strings.TrimPrefix(line, r.opts.Applet+": ")
		line = line[:min(len(line), width-1)]
	}
	fmt.Fprint(r.opts.Screen, "\r\x1b[K"+line)
	r.statusShown = true
}

// formatTenths returns a duration in seconds with one decimal.
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

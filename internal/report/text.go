// Package report tells what happens, as text, as JSON and as a status line on
// a terminal, and explains why a process is still there.
package report

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Options of a Reporter.
type Options struct {
	Applet   string
	Out, Err io.Writer
	// Proc, if set, tells of a target that is a zombie which process does not reap it.
	Proc    *procfs.FS
	Verbose bool
	JSON    bool
	Quiet   bool
	// Terminal: Err is a terminal and may be given a status line. The status line
	// is written to Screen, if set, because Err may escape control sequences.
	Terminal bool
	Screen   io.Writer
}

// Reporter is the escalate.Observer of every applet.
type Reporter struct {
	opts   Options
	status bool // a status line is on the screen
	skips  int
	// Errors counts what Failed was told.
	Errors int
}

// New returns a Reporter.
func New(opts Options) *Reporter {
	opts.Verbose = opts.Verbose && !opts.Quiet
	if opts.Screen == nil {
		opts.Screen = opts.Err
	}
	return &Reporter{opts: opts}
}

// Process names a process in a diagnostic: its PID, and its comm where that is
// known.
func Process(st *procfs.Stat) string {
	if st.State == 0 || st.Hidden() {
		return strconv.Itoa(st.PID)
	}
	return strconv.Itoa(st.PID) + " (" + Escape(st.Comm) + ")"
}

// Escape makes the name of a process safe for a terminal, as show.Escape does.
func Escape(s string) string { return show.Escape(s) }

// Seconds prints a time as the reports do.
func Seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) + " s"
}

func (r *Reporter) out(format string, args ...any) {
	r.wipe()
	fmt.Fprintf(r.opts.Out, r.opts.Applet+": "+format+"\n", args...)
}

func (r *Reporter) err(format string, args ...any) {
	r.wipe()
	fmt.Fprintf(r.opts.Err, r.opts.Applet+": "+format+"\n", args...)
}

// Signalled implements escalate.Observer.
func (r *Reporter) Signalled(res *escalate.Result, s signals.Signal, rung int, elapsed time.Duration) {
	switch {
	case r.opts.JSON:
		e := about(&res.Stat, "signal")
		e.Signal, e.Rung, e.Time = s.String(), rung, seconds(elapsed)
		r.json(e)
	case r.opts.Verbose:
		r.out("%s: %v sent after %s, rung %d", Process(&res.Stat), s, Seconds(elapsed), rung)
	}
}

// Gone implements escalate.Observer.
func (r *Reporter) Gone(res *escalate.Result) {
	switch {
	case r.opts.JSON:
		e := about(&res.Stat, "gone")
		e.Rung, e.Time = res.Rung, seconds(res.Elapsed)
		if e.Why = Unreaped(r.opts.Proc, &res.Stat); e.Why != "" {
			e.PPID = res.PPID
		}
		e.setStatus(res.Status)
		r.json(e)
	case r.opts.Verbose:
		if res.Stat.Gone() {
			zombie := cmp.Or(Unreaped(r.opts.Proc, &res.Stat), "zombie, reaped since")
			r.out("%s: %s", Process(&res.Stat), zombie)
			return
		}
		how := ""
		if res.Status != nil {
			how = ", " + res.Status.String()
		}
		if res.Rung == 0 {
			r.out("%s: gone after %s%s", Process(&res.Stat), Seconds(res.Elapsed), how)
		} else {
			r.out("%s: gone after %s, rung %d%s", Process(&res.Stat), Seconds(res.Elapsed), res.Rung, how)
		}
	}
}

// Unreaped reports a member of a group that is a zombie, and therefore no target.
func (r *Reporter) Unreaped(st *procfs.Stat) {
	why := Unreaped(r.opts.Proc, st)
	switch {
	case why == "":
	case r.opts.JSON:
		e := about(st, "zombie")
		e.PPID, e.State, e.Why = st.PPID, string(st.State), why
		r.json(e)
	case r.opts.Verbose:
		r.out("%s: %s", Process(st), why)
	}
}

// Failed implements escalate.Observer.
func (r *Reporter) Failed(res *escalate.Result, err error) {
	r.Errors++
	if r.opts.JSON {
		e := event{Event: "error"}
		if res != nil {
			e = about(&res.Stat, "error")
		}
		e.Error = err.Error()
		r.json(e)
	}
	if r.opts.Quiet {
		return
	}
	if res != nil {
		r.err("%s: %v", Process(&res.Stat), err)
	} else {
		r.err("%v", err)
	}
}

// Frozen implements escalate.Observer. What is frozen has been reported as sent STOP.
func (r *Reporter) Frozen([]*escalate.Result) {}

// Skipped implements escalate.Observer.
func (r *Reporter) Skipped(s escalate.Skip) {
	r.skips++
	switch {
	case r.opts.JSON:
		e := about(&s.Stat, "skip")
		e.Reason = s.Reason
		r.json(e)
	case r.opts.Verbose:
		r.out("%s: skipped: %s", Process(&s.Stat), s.Reason)
	}
}

// Survivor reports a process that is still there.
func (r *Reporter) Survivor(res *escalate.Result, why string) {
	if r.opts.JSON {
		e := about(&res.Stat, "survivor")
		e.Rung, e.Why = res.Rung, why
		r.json(e)
	}
	if !r.opts.Quiet {
		r.err("%s: still there: %s", Process(&res.Stat), why)
	}
}

// Note prints a line that concerns the whole call.
func (r *Reporter) Note(text string) {
	if !r.opts.Quiet {
		r.err("%s", text)
	}
}

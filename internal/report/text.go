// Package report prints the events of a call as text or JSON, prints the status line on a terminal, and explains why a
// process remains.
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
	// Proc is used to find the parent of a zombie, and the targets that ignore or block a signal. It may be nil.
	Proc    *procfs.FS
	Verbose bool
	JSON    bool
	Quiet   bool
	// Owner returns the handle of the owner that the owner mark of a process names, if the process was selected by it,
	// and otherwise "". It may be nil.
	Owner func(procfs.ID) string
	// Holds returns how a process holds the object of --port, --open or --mount, if it was selected by that, and
	// otherwise "". It may be nil.
	Holds func(procfs.ID) string
	// Identify reads the stat, with the inode, of the process that has the PID now. It may be nil.
	Identify func(pid int) (procfs.Stat, error)
	// Terminal means that standard error is a terminal, so a status line may be shown. The status line goes to
	// Screen if that is set, because Err may be a writer that escapes control sequences.
	Terminal bool
	Screen   io.Writer
	// Columns returns the width of standard error in columns, and 0 if standard error is no terminal. The user can
	// change the width during a call. Columns may be nil.
	Columns func() int
	ASCII   bool // command lines have only characters of ASCII
}

func (o *Options) columns() int {
	if o.Columns == nil {
		return 0
	}
	return o.Columns()
}

// Reporter is the escalate.Observer of every applet.
type Reporter struct {
	opts        Options
	statusShown bool // a status line is on the screen
	skipped     int
	ended       int        // number of calls of Ended
	described   *describer // nil until a process is described
	remembered  map[procfs.ID]remembered
	// Errors counts the calls of Failed.
	Errors int
}

// New returns a Reporter. Quiet overrides Verbose.
func New(opts Options) *Reporter {
	opts.Verbose = opts.Verbose && !opts.Quiet
	if opts.Screen == nil {
		opts.Screen = opts.Err
	}
	return &Reporter{opts: opts}
}

// Process returns the name of a process in a diagnostic: its PID, and its comm in parentheses if that is known.
func Process(st *procfs.Stat) string {
	if st.State == 0 || st.Hidden() {
		return strconv.Itoa(st.PID)
	}
	return strconv.Itoa(st.PID) + " (" + Escape(st.Comm) + ")"
}

// Escape makes the name of a process safe for a terminal, as show.Escape does.
func Escape(s string) string { return show.Escape(s) }

// Seconds returns a duration in seconds with three decimals.
func Seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) + " s"
}

func (r *Reporter) printOut(format string, args ...any) {
	r.clearStatusLine()
	fmt.Fprintf(r.opts.Out, r.opts.Applet+": "+format+"\n", args...)
}

func (r *Reporter) printErr(format string, args ...any) {
	r.clearStatusLine()
	fmt.Fprintf(r.opts.Err, r.opts.Applet+": "+format+"\n", args...)
}

// Signalled implements escalate.Observer.
func (r *Reporter) Signalled(res *escalate.Result, s signals.Signal, rung int, elapsed time.Duration) {
	switch {
	case r.opts.JSON:
		e := r.newEvent(&res.Stat, "signal")
		e.Signal, e.Rung, e.Time = s.String(), rung, toSeconds(elapsed)
		r.printJSON(e)
	case r.opts.Verbose:
		r.printOut("%s: %v sent after %s, rung %d", Process(&res.Stat), s, Seconds(elapsed), rung)
	}
}

// Attributed implements escalate.Observer.
func (r *Reporter) Attributed(res *escalate.Result) {
	switch {
	case r.opts.JSON:
		e := r.newEvent(&res.Stat, "orphan")
		e.Evidence = res.Evidence
		r.printJSON(e)
	case r.opts.Verbose:
		r.printOut("%s: %s", Process(&res.Stat), res.Evidence)
	}
}

// remembered is what PrintTargets has printed of a target and the event of its end repeats.
type remembered struct {
	args      []string
	exe, user string
}

// Gone implements escalate.Observer.
func (r *Reporter) Gone(res *escalate.Result) {
	switch {
	case r.opts.JSON:
		e := r.newEvent(&res.Stat, "gone")
		known := r.remembered[res.ID]
		e.Args, e.Exe, e.User = known.args, known.exe, known.user
		e.Rung, e.Time = res.Rung, toSeconds(res.Elapsed)
		if e.Why = ExplainUnreaped(r.opts.Proc, &res.Stat); e.Why != "" {
			e.PPID = res.PPID
		}
		e.setStatus(res.Status)
		r.printJSON(e)
	case r.opts.Verbose:
		if res.Stat.Gone() {
			zombie := cmp.Or(ExplainUnreaped(r.opts.Proc, &res.Stat), "zombie, reaped since")
			r.printOut("%s: %s", Process(&res.Stat), zombie)
			return
		}
		how := ""
		if res.Status != nil {
			how = ", " + res.Status.String()
		}
		if res.Rung == 0 {
			r.printOut("%s: gone after %s%s", Process(&res.Stat), Seconds(res.Elapsed), how)
		} else {
			r.printOut("%s: gone after %s, rung %d%s", Process(&res.Stat), Seconds(res.Elapsed), res.Rung, how)
		}
	}
}

// Ended reports a target that was gone before the call. handle is the operand, and st what it tells. With note, a line
// is printed even without --verbose.
func (r *Reporter) Ended(handle string, st *procfs.Stat, note bool) {
	r.ended++
	const why = "gone before the call"
	if r.opts.JSON {
		e := r.newEvent(st, "gone")
		e.Why = why
		r.printJSON(e)
	}
	switch {
	case note:
		r.Note(show.Word(handle) + ": " + why)
	case r.opts.Verbose && !r.opts.JSON:
		r.printOut("%s: %s", show.Word(handle), why)
	}
}

// Unreaped reports a member of a group that is a zombie, and therefore no target.
func (r *Reporter) Unreaped(st *procfs.Stat) {
	why := ExplainUnreaped(r.opts.Proc, st)
	switch {
	case why == "":
	case r.opts.JSON:
		e := r.newEvent(st, "zombie")
		e.PPID, e.State, e.Why = st.PPID, string(st.State), why
		r.printJSON(e)
	case r.opts.Verbose:
		r.printOut("%s: %s", Process(st), why)
	}
}

// Failed implements escalate.Observer.
func (r *Reporter) Failed(res *escalate.Result, err error) {
	r.Errors++
	if r.opts.JSON {
		e := event{Event: "error"}
		if res != nil {
			e = r.newEvent(&res.Stat, "error")
		}
		e.Error = err.Error()
		r.printJSON(e)
	}
	if r.opts.Quiet {
		return
	}
	if res != nil {
		r.printErr("%s: %v", Process(&res.Stat), err)
	} else {
		r.printErr("%v", err)
	}
}

// Frozen implements escalate.Observer. It prints nothing, because Signalled has reported the STOP.
func (r *Reporter) Frozen([]*escalate.Result) {}

// Skipped implements escalate.Observer. A skipped process is an excluded one, with the event "skip" in JSON.
func (r *Reporter) Skipped(s escalate.Skip) {
	r.skipped++
	switch {
	case r.opts.JSON:
		e := r.newEvent(&s.Stat, "skip")
		r.describeEvent(&e, &s.Stat, 0)
		e.Reason = s.Reason
		r.printJSON(e)
	case r.opts.Verbose:
		r.printOut("%s: excluded: %s", Process(&s.Stat), s.Reason)
	}
}

// Survivor reports a process that remains after the last step.
func (r *Reporter) Survivor(res *escalate.Result, why string) {
	if r.opts.JSON {
		e := r.newEvent(&res.Stat, "survivor")
		e.Rung, e.Why = res.Rung, why
		r.describeEvent(&e, &res.Stat, 0)
		r.printJSON(e)
	}
	if r.opts.Quiet {
		return
	}
	r.printErr("%s: still there: %s", Process(&res.Stat), why)
	if r.opts.Verbose && !r.opts.JSON {
		r.printCommand(&res.Stat)
	}
}

// printCommand prints the command line of a process that remains.
func (r *Reporter) printCommand(st *procfs.Stat) {
	lead := Process(st) + ": command: "
	if d := r.describer().describe(st, 0, false); len(d.args) > 0 {
		columns := 0
		if width := r.opts.columns(); width > 0 {
			columns = max(width-show.Columns(r.opts.Applet+": "+lead), 1)
		}
		r.printErr("%s%s", lead, CommandLine(st, d.args, columns, r.opts.ASCII))
	}
}

// Note prints a line that concerns the whole call.
func (r *Reporter) Note(text string) {
	if !r.opts.Quiet {
		r.printErr("%s", text)
	}
}

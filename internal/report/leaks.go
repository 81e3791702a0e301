package report

import (
	"fmt"
	"strconv"
	"time"

	"killbox/internal/duration"
	"killbox/internal/show"
	"killbox/procfs"
)

// Leak reports a process that the command of reapwait has left behind. args is its command line, nil if it is not
// known; age is the time since it was started, negative if that is not known.
func (r *Reporter) Leak(st *procfs.Stat, args []string, age time.Duration) {
	if r.opts.JSON {
		e := r.newEvent(st, "leak")
		r.describeEvent(&e, st, 0)
		e.PPID, e.Args = st.PPID, args
		if age >= 0 {
			e.Age = toSeconds(age)
		}
		r.printJSON(e)
	}
	if r.opts.Quiet {
		return
	}
	text := Process(st) + ": left behind"
	if age >= 0 {
		text += ", started " + Seconds(age) + " ago"
	}
	if len(args) > 0 {
		text += ": " + CommandLine(st, args, show.Limit, r.opts.ASCII)
	}
	r.printErr("%s", text)
}

// UnseenLeaks reports that the command of reapwait has left processes behind that cannot be named, and why.
func (r *Reporter) UnseenLeaks(why string) {
	if r.opts.JSON {
		r.printJSON(event{Event: "leak", Why: why})
	}
	r.Note("left behind: processes remain; " + why)
}

// LimitReached reports that the time limit of reapwait was reached, and how many processes were ended. If exact is
// false, there may have been more.
func (r *Reporter) LimitReached(limit time.Duration, ended int, exact bool) {
	if r.opts.JSON {
		r.printJSON(event{Event: "limit", Limit: toSeconds(limit), Ended: &ended})
	}
	number := strconv.Itoa(ended)
	if !exact {
		number = "at least " + number
	}
	noun := "processes"
	if ended == 1 {
		noun = "process"
	}
	r.Note(fmt.Sprintf("time limit of %s reached: ended %s %s", duration.Format(limit), number, noun))
}

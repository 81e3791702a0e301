package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// event is a line of --json. killbox(7) documents the fields. New fields may be added; existing fields keep their
// meaning.
type event struct {
	Event  string `json:"event"`
	PID    int    `json:"pid,omitempty"`
	Handle string `json:"handle,omitempty"`
	Comm   string `json:"comm,omitempty"`

	PPID        int      `json:"ppid,omitempty"`
	PGID        int      `json:"pgid,omitempty"`
	SID         int      `json:"sid,omitempty"`
	State       string   `json:"state,omitempty"`
	User        string   `json:"user,omitempty"`
	Age         *float64 `json:"age,omitempty"`
	RSS         uint64   `json:"rss,omitempty"`
	Permitted   *bool    `json:"permitted,omitempty"`
	Disposition string   `json:"disposition,omitempty"`
	Ladder      string   `json:"ladder,omitempty"`
	Root        bool     `json:"root,omitempty"`
	Evidence    string   `json:"evidence,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Holds       string   `json:"holds,omitempty"`

	Signal string   `json:"signal,omitempty"`
	Exit   *int     `json:"exit,omitempty"`
	Rung   int      `json:"rung,omitempty"`
	Time   *float64 `json:"time,omitempty"`
	Reason string   `json:"reason,omitempty"`
	Why    string   `json:"why,omitempty"`
	Error  string   `json:"error,omitempty"`

	Args []string `json:"args,omitempty"`
	Exe  string   `json:"exe,omitempty"`

	Limit *float64 `json:"limit,omitempty"`
	Ended *int     `json:"ended,omitempty"`
	Count int      `json:"count,omitempty"`

	Run  *float64 `json:"run,omitempty"`
	CPU  *float64 `json:"cpu,omitempty"`
	Peak *uint64  `json:"peak,omitempty"`

	Wchan     string   `json:"wchan,omitempty"`
	Pending   bool     `json:"pending,omitempty"`
	Tracer    int      `json:"tracer,omitempty"`
	Cgroup    string   `json:"cgroup,omitempty"`
	Unit      string   `json:"unit,omitempty"`
	Ancestors []int    `json:"ancestors,omitempty"`
	Orphans   []string `json:"orphans,omitempty"`

	*totals
	*LeftAlone
}

type totals struct {
	Targets   int  `json:"targets"`
	Gone      int  `json:"gone"`
	Survivors int  `json:"survivors"`
	Errors    int  `json:"errors"`
	Skipped   int  `json:"skipped"`
	Proved    bool `json:"proved"`
}

// LeftAlone counts the processes that --owner-gone has left alone, and those that --port, --open or --mount could not
// examine. In JSON these are the fields of the event "marks".
type LeftAlone struct {
	OtherNamespace int `json:"namespace"`  // the mark is that of another PID namespace
	OtherBoot      int `json:"boot"`       // the mark is that of another boot
	Malformed      int `json:"malformed"`  // the mark is malformed
	Unknown        int `json:"unknown"`    // it is not known whether the owner is gone
	Unexamined     int `json:"unexamined"` // the environment or the descriptors could not be read
}

// encode returns the line. It also escapes the characters on which a terminal acts (show.Acts). In JSON they occur only
// within strings.
func (e *event) encode() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		panic(err) // an event has only what JSON can express
	}
	var line []byte
	for _, r := range b.String() {
		if r != '\n' && show.Acts(r) { // no such character is above U+FFFF, so four hexadecimal digits suffice
			line = fmt.Appendf(line, `\u%04x`, r)
		} else {
			line = utf8.AppendRune(line, r)
		}
	}
	return line
}

// toSeconds returns a duration in seconds, rounded to the microsecond.
func toSeconds(d time.Duration) *float64 {
	s := float64(d.Round(time.Microsecond)) / float64(time.Second)
	return &s
}

// newEvent returns an event about a process.
func (r *Reporter) newEvent(st *procfs.Stat, what string) event {
	return event{Event: what, PID: st.PID, Comm: st.Comm, Handle: r.handle(st)}
}

// handle returns the handle of a process, so that all events of the process have the same one: with the inode of a
// pidfd, also if st is from a scan. It is "" if neither start time nor inode is known.
func (r *Reporter) handle(st *procfs.Stat) string {
	switch {
	case st.Start == 0 && st.Inode != 0: // hidden, or a handle without the start time
		return fmt.Sprintf("%d:%d", st.PID, st.Inode)
	case st.Start == 0 || st.Inode != 0 || r.opts.Identify == nil:
		return st.Handle()
	}
	if now, err := r.opts.Identify(st.PID); err == nil && now.ID == st.ID {
		return now.Handle()
	}
	return st.Handle()
}

func (e *event) setStatus(s *signals.Status) {
	if s == nil {
		return
	}
	if code, ok := s.Exited(); ok {
		e.Exit = &code
	} else if sig, _, ok := s.Signaled(); ok {
		e.Signal = sig.String()
	}
}

// printJSON prints a line of --json.
func (r *Reporter) printJSON(e event) {
	r.clearStatusLine()
	r.opts.Out.Write(e.encode()) // the writer keeps an error for the end of the call
}

// Summary prints the last line of --json. exit is the exit status of the call.
func (r *Reporter) Summary(s *escalate.Summary, exit int) {
	if !r.opts.JSON {
		return
	}
	r.printJSON(event{
		Event: "summary", Rung: s.Rung, Time: toSeconds(s.Elapsed), Exit: &exit,
		totals: &totals{
			Targets: len(s.Results) + r.ended, Gone: s.Count(escalate.Gone) + r.ended, Survivors: s.Count(escalate.Survived),
			Errors: r.Errors, Skipped: r.skipped, Proved: s.Proved,
		},
	})
}

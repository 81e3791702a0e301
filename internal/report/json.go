package report

import (
	"encoding/json"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
)

// event is a line of --json, documented in killbox(7). Fields are only ever
// added.
type event struct {
	Event  string `json:"event"`
	PID    int    `json:"pid,omitempty"`
	Handle string `json:"handle,omitempty"`
	Comm   string `json:"comm,omitempty"`

	PPID        int    `json:"ppid,omitempty"`
	PGID        int    `json:"pgid,omitempty"`
	SID         int    `json:"sid,omitempty"`
	State       string `json:"state,omitempty"`
	User        string `json:"user,omitempty"`
	Age         *real  `json:"age,omitempty"`
	Disposition string `json:"disposition,omitempty"`
	Ladder      string `json:"ladder,omitempty"`
	Root        bool   `json:"root,omitempty"`

	Signal string `json:"signal,omitempty"`
	Exit   *int   `json:"exit,omitempty"`
	Rung   int    `json:"rung,omitempty"`
	Time   *real  `json:"time,omitempty"`
	Reason string `json:"reason,omitempty"`
	Why    string `json:"why,omitempty"`
	Error  string `json:"error,omitempty"`

	Run  *real   `json:"run,omitempty"`
	CPU  *real   `json:"cpu,omitempty"`
	Peak *uint64 `json:"peak,omitempty"`

	*totals
}

type totals struct {
	Targets   int  `json:"targets"`
	Gone      int  `json:"gone"`
	Survivors int  `json:"survivors"`
	Errors    int  `json:"errors"`
	Skipped   int  `json:"skipped"`
	Proved    bool `json:"proved"`
}

// real is a time in seconds, to the microsecond.
type real float64

func seconds(d time.Duration) *real {
	s := real(float64(d.Round(time.Microsecond)) / float64(time.Second))
	return &s
}

func about(st *procfs.Stat, what string) event {
	e := event{Event: what, PID: st.PID, Comm: st.Comm}
	if st.Start != 0 {
		e.Handle = st.ID.String()
	}
	return e
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

func (r *Reporter) json(e event) {
	b, err := json.Marshal(e)
	if err != nil {
		// Nothing in an event can fail to be encoded.
		panic(err)
	}
	r.wipe()
	r.opts.Out.Write(append(b, '\n')) // an error is kept by the writer
}

// Summary prints the last line of --json.
func (r *Reporter) Summary(s *escalate.Summary, exit int) {
	if !r.opts.JSON {
		return
	}
	r.json(event{
		Event: "summary", Rung: s.Rung, Time: seconds(s.Elapsed), Exit: &exit,
		totals: &totals{
			Targets: len(s.Results), Gone: s.Count(escalate.Gone), Survivors: s.Count(escalate.Survived),
			Errors: r.Errors, Skipped: r.skips, Proved: s.Proved,
		},
	})
}

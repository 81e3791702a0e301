package report

import (
	"strconv"
	"time"
	"unicode/utf8"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// event is a line of --json, documented in killbox(7). Fields are only ever
// added.
type event struct {
	Event  string
	PID    int
	Handle string
	Comm   string

	PPID, PGID, SID int
	State           string
	User            string
	Age             *real
	Disposition     string
	Ladder          string
	Root            bool

	Signal string
	Exit   *int
	Rung   int
	Time   *real
	Reason string
	Why    string
	Error  string

	Run, CPU *real
	Peak     *uint64

	*totals
}

type totals struct {
	Targets, Gone, Survivors, Errors, Skipped int
	Proved                                    bool
}

// encode writes the fields that are set, in a fixed order.
func (e *event) encode() []byte {
	o := object("{")
	o.text("event", e.Event)
	o.number("pid", e.PID)
	o.text("handle", e.Handle)
	o.text("comm", e.Comm)
	o.number("ppid", e.PPID)
	o.number("pgid", e.PGID)
	o.number("sid", e.SID)
	o.text("state", e.State)
	o.text("user", e.User)
	o.real("age", e.Age)
	o.text("disposition", e.Disposition)
	o.text("ladder", e.Ladder)
	if e.Root {
		o.value("root", "true")
	}
	o.text("signal", e.Signal)
	if e.Exit != nil {
		o.value("exit", strconv.Itoa(*e.Exit))
	}
	o.number("rung", e.Rung)
	o.real("time", e.Time)
	o.text("reason", e.Reason)
	o.text("why", e.Why)
	o.text("error", e.Error)
	o.real("run", e.Run)
	o.real("cpu", e.CPU)
	if e.Peak != nil {
		o.value("peak", strconv.FormatUint(*e.Peak, 10))
	}
	if t := e.totals; t != nil {
		o.value("targets", strconv.Itoa(t.Targets))
		o.value("gone", strconv.Itoa(t.Gone))
		o.value("survivors", strconv.Itoa(t.Survivors))
		o.value("errors", strconv.Itoa(t.Errors))
		o.value("skipped", strconv.Itoa(t.Skipped))
		o.value("proved", strconv.FormatBool(t.Proved))
	}
	return append(o, '}')
}

// object is a JSON object that is being written. (encoding/json would be a
// twentieth of the binary.)
type object []byte

func (o *object) value(key, value string) {
	if len(*o) > 1 {
		*o = append(*o, ',')
	}
	*o = append(append(append(append(*o, '"'), key...), `":`...), value...)
}

// number leaves out 0, as text does "" and real nil.
func (o *object) number(key string, n int) {
	if n != 0 {
		o.value(key, strconv.Itoa(n))
	}
}

func (o *object) real(key string, r *real) {
	if r != nil {
		o.value(key, strconv.FormatFloat(float64(*r), 'f', -1, 64))
	}
}

func (o *object) text(key, s string) {
	if s != "" {
		o.value(key, quote(s))
	}
}

// quote writes a string of JSON. What is not UTF-8 becomes U+FFFD. What a terminal
// acts on is escaped. That includes U+2028 and U+2029, which end a line in
// JavaScript.
func quote(s string) string {
	const hex = "0123456789abcdef"
	b := []byte{'"'}
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case show.Acts(c): // none is beyond U+FFFF
			b = append(b, '\\', 'u', hex[c>>12], hex[c>>8&15], hex[c>>4&15], hex[c&15])
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return string(append(b, '"'))
}

// real is a time in seconds, to the microsecond.
type real float64

func seconds(d time.Duration) *real {
	s := real(float64(d.Round(time.Microsecond)) / float64(time.Second))
	return &s
}

func about(st *procfs.Stat, what string) event {
	return event{Event: what, PID: st.PID, Comm: st.Comm, Handle: st.Handle()}
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
	r.wipe()
	r.opts.Out.Write(append(e.encode(), '\n')) // an error is kept by the writer
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

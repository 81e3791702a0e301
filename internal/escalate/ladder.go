package escalate

import (
	"errors"
	"strings"
	"time"

	"killbox/internal/duration"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// A Step is one rung: a signal, and how long to wait after it.
type Step struct {
	Signal signals.Signal
	Grace  time.Duration
}

// A Ladder is climbed from its first step to its last, as far as is needed.
type Ladder []Step

// Waits of the default ladder, TERM/5s/KILL/2s.
const (
	DefaultGrace = 5 * time.Second
	KillGrace    = 2 * time.Second
)

// NewLadder returns the ladder that begins with first, waits for grace, and
// ends with KILL. KILL cannot be escalated, so a ladder that begins with it has
// no second rung.
func NewLadder(first signals.Signal, grace time.Duration) Ladder {
	if first == signals.KILL {
		return Ladder{{first, grace}}
	}
	return Ladder{{first, grace}, {signals.KILL, KillGrace}}
}

// ParseLadder reads a schedule in the syntax of start-stop-daemon(8),
// SIG/DUR/SIG/DUR..., where the last wait may be "forever". A bare duration T
// means first/T/KILL/T.
func ParseLadder(s string, first signals.Signal) (Ladder, error) {
	items := strings.Split(s, "/")
	if len(items) == 1 {
		grace, err := parseWait(s)
		if err != nil {
			if _, sigErr := signals.Parse(strings.TrimPrefix(s, "-")); sigErr == nil {
				return nil, errors.New("schedule " + show.Quoted(s) + " needs a wait after the signal, as in " + show.Word(s) + "/5s")
			}
			return nil, errors.New("invalid schedule " + show.Quoted(s) + ": want SIGNAL/WAIT/SIGNAL/WAIT, or one duration")
		}
		if grace == duration.Forever || first == signals.KILL {
			return Ladder{{first, grace}}, nil
		}
		return Ladder{{first, grace}, {signals.KILL, grace}}, nil
	}
	var l Ladder
	for i := 0; i < len(items); i += 2 {
		sig, err := signals.Parse(strings.TrimPrefix(items[i], "-"))
		if err != nil {
			return nil, errors.New("schedule " + show.Quoted(s) + ": " + err.Error())
		}
		if sig == 0 {
			return nil, errors.New("schedule " + show.Quoted(s) + ": signal 0 ends nothing")
		}
		if i+1 == len(items) {
			return nil, errors.New("schedule " + show.Quoted(s) + " needs a wait after its last signal")
		}
		grace, err := parseWait(items[i+1])
		if err != nil {
			return nil, errors.New("schedule " + show.Quoted(s) + ": " + err.Error())
		}
		if grace == duration.Forever && i+2 < len(items) {
			return nil, errors.New("schedule " + show.Quoted(s) + ": nothing comes after forever")
		}
		l = append(l, Step{sig, grace})
	}
	return l, nil
}

func parseWait(s string) (time.Duration, error) {
	if s == "forever" {
		return duration.Forever, nil
	}
	return duration.Parse(s)
}

// String prints the ladder as ParseLadder reads it.
func (l Ladder) String() string {
	var b strings.Builder
	for i, step := range l {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(step.Signal.String())
		b.WriteByte('/')
		b.WriteString(duration.Format(step.Grace))
	}
	return b.String()
}

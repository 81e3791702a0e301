package escalate

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"killbox/internal/duration"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// A Step is a signal and the wait after it. In identifiers, a rung is the number of a step, from 1.
type Step struct {
	Signal signals.Signal
	Grace  time.Duration // the longest wait; duration.Forever for no limit
}

// A Ladder is a list of steps. They are carried out in order until no target remains.
type Ladder []Step

// Waits of the default ladder, TERM/5s/KILL/2s.
const (
	DefaultGrace = 5 * time.Second
	KillGrace    = 2 * time.Second
)

// NewLadder returns the ladder that sends first, waits for grace, and then sends KILL and waits for KillGrace. If first
// is KILL, the ladder has one step, because no signal is stronger.
func NewLadder(first signals.Signal, grace time.Duration) Ladder {
	if first == signals.KILL {
		return Ladder{{first, grace}}
	}
	return Ladder{{first, grace}, {signals.KILL, KillGrace}}
}

// ParseLadder reads a schedule in the syntax of start-stop-daemon(8), SIG/DUR/SIG/DUR..., where the last wait may be
// "forever". Without a last wait, that is KillGrace, but the last signal must not be a number without a dash. A single
// duration T means first/T/KILL/T. A single signal is an error, as in start-stop-daemon.
func ParseLadder(s string, first signals.Signal) (Ladder, error) {
	items := strings.Split(s, "/")
	if len(items) == 1 {
		grace, err := parseWait(s)
		if err != nil {
			if _, sigErr := signals.Parse(strings.TrimPrefix(s, "-")); sigErr == nil {
				return nil, errors.New("schedule " + show.Quoted(s) + " needs a wait after the signal, as in " + show.Word(s) + "/5s")
			}
			if s != "" && s[0] >= '0' && s[0] <= '9' {
				return nil, fmt.Errorf("schedule: %w", err)
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
			return nil, fmt.Errorf("schedule %s, word %d: %w", show.Quoted(s), i+1, err)
		}
		if sig == 0 {
			return nil, errors.New("schedule " + show.Quoted(s) + ": signal 0 ends nothing")
		}
		if i+1 == len(items) {
			// start-stop-daemon takes a number without a dash for a wait.
			if items[i][0] >= '0' && items[i][0] <= '9' {
				return nil, errors.New("schedule " + show.Quoted(s) + " needs a wait after its last signal, as in " + show.Word(s) + "/2s")
			}
			l = append(l, Step{sig, KillGrace})
			break
		}
		grace, err := parseWait(items[i+1])
		if err != nil {
			return nil, fmt.Errorf("schedule %s, word %d: %w", show.Quoted(s), i+2, err)
		}
		if grace == duration.Forever && i+2 < len(items) {
			return nil, errors.New("schedule " + show.Quoted(s) + ": forever must be the last wait")
		}
		l = append(l, Step{sig, grace})
	}
	return l, nil
}

// parseWait reads a duration or the word "forever".
func parseWait(s string) (time.Duration, error) {
	if s == "forever" {
		return duration.Forever, nil
	}
	return duration.Parse(s)
}

// String returns the ladder in the syntax that ParseLadder reads.
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

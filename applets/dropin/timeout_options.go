package dropin

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"killbox/internal/duration"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// gnuDuration is a duration in the syntax of GNU sleep and timeout: a number of strtod(3), and optionally s, m, h or d.
type gnuDuration struct{ d time.Duration }

func (v *gnuDuration) String() string {
	if v.d == 0 {
		return ""
	}
	return v.d.String()
}

func (v *gnuDuration) Type() string { return "DURATION" }

// Set reads s as coreutils does. A number below 0 is refused, even one that underflows to -0; -0 itself is 0. A number
// above 0 that underflows is 1 nanosecond.
func (v *gnuDuration) Set(s string) error {
	invalid := fmt.Errorf("invalid time interval %s", gnuQuote(s))
	number, letter := strtod(s)
	if number == "" {
		return invalid
	}
	unit, ok := map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[letter]
	number = strings.ToLower(number)
	if strings.Contains(number, "0x") && !strings.Contains(number, "p") {
		number += "p0"
	}
	f, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil && !errors.Is(err, strconv.ErrRange) {
		return invalid
	}
	underflow := f == 0 && !isZero(number)
	if f < 0 || underflow && number[0] == '-' {
		return invalid
	}
	switch f *= unit * float64(time.Second); {
	case f >= math.MaxInt64:
		v.d = duration.Forever
	case underflow:
		v.d = 1
	default:
		v.d = time.Duration(math.Ceil(f))
	}
	return nil
}

// gnuSignal is a signal as operand2sig of coreutils reads it: a name, a number, or an exit status such as 143.
type gnuSignal struct{ s signals.Signal }

func (v *gnuSignal) String() string { return v.s.String() }

func (v *gnuSignal) Type() string { return "SIGNAL" }

func (v *gnuSignal) Set(s string) error {
	invalid := fmt.Errorf("%s: invalid signal", gnuQuote(s))
	if s != "" && s[0] >= '0' && s[0] <= '9' {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return invalid
		}
		sig, ok := signals.FromShell(int(n))
		if !ok {
			return invalid
		}
		v.s = sig
		return nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if name == "EXIT" {
		v.s = signals.Null
		return nil
	}
	if n, err := strconv.ParseUint(name, 10, 8); err == nil && n <= uint64(signals.RTMax) {
		v.s = signals.Signal(n) // SIG9
		return nil
	}
	sig, err := signals.Parse(s)
	if err != nil {
		return invalid
	}
	v.s = sig
	return nil
}

// gnuQuote quotes a word as the messages of coreutils do in the C locale, and cuts it to show.Limit characters.
func gnuQuote(s string) string { return "'" + show.Cut(s, gnuEscape) + "'" }

func gnuEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= 7 && c <= 13:
			b.WriteByte('\\')
			b.WriteByte("abtnvfr"[c-7])
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Package duration parses and prints durations as users write them.
package duration

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"killbox/internal/show"
)

// Forever is a wait without a limit of its own. It ends when the target is gone or when the time limit of the whole
// call is reached.
const Forever = time.Duration(math.MaxInt64)

// units are in descending order: Format uses the first unit that divides the duration without a remainder.
var units = [...]struct {
	suffix string
	length time.Duration
}{
	{"d", 24 * time.Hour},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
	{"ms", time.Millisecond},
}

// Parse parses a duration: decimal digits with an optional fraction and an optional unit, ms, s, m, h or d. The default
// unit is the second. Digits below a nanosecond are dropped. Signs, exponents, NaN and durations of more than 292
// years, the range of time.Duration, are errors.
func Parse(s string) (time.Duration, error) {
	if s == "" {
		return 0, errors.New("empty duration")
	}
	number, unit := s, time.Second
	for _, u := range units {
		// "5ms" also ends in "s", but "5m" is no number: the loop goes on to "ms".
		if head, ok := strings.CutSuffix(s, u.suffix); ok && isDecimal(head) {
			number, unit = head, u.length
			break
		}
	}
	if !isDecimal(number) {
		if strings.HasPrefix(s, "-") {
			return 0, errors.New("negative duration " + show.Quoted(s))
		}
		return 0, errors.New("invalid duration " + show.Quoted(s))
	}
	whole, fraction, _ := strings.Cut(number, ".")
	var n int64
	if whole != "" {
		var err error
		if n, err = strconv.ParseInt(whole, 10, 64); err != nil {
			return 0, errors.New("duration " + show.Quoted(s) + " is too long")
		}
	}
	if n > math.MaxInt64/int64(unit) {
		return 0, errors.New("duration " + show.Quoted(s) + " is too long")
	}
	d := time.Duration(n) * unit
	// Add the fraction digit by digit. A float would round it, and Format would print digits that the user did not
	// write.
	digit := unit
	rest := time.Duration(0)
	for _, c := range fraction {
		digit /= 10
		rest += digit * time.Duration(c-'0')
	}
	if d > Forever-1-rest {
		return 0, errors.New("duration " + show.Quoted(s) + " is too long")
	}
	return d + rest, nil
}

// isDecimal reports whether s consists of digits and at most one point: "5", "0.5", "5." or ".5".
func isDecimal(s string) bool {
	digits, points := 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.':
			points++
		default:
			return false
		}
	}
	return digits > 0 && points <= 1
}

// Format returns d as text that Parse parses to the same value. Forever is "forever", which Parse refuses.
func Format(d time.Duration) string {
	if d == Forever {
		return "forever"
	}
	if d == 0 {
		return "0s"
	}
	for _, u := range units {
		if d%u.length == 0 {
			return strconv.FormatInt(int64(d/u.length), 10) + u.suffix
		}
	}
	s := strconv.FormatInt(int64(d/time.Millisecond), 10) + "."
	fraction := strconv.FormatInt(int64(time.Millisecond+d%time.Millisecond), 10)[1:]
	return s + strings.TrimRight(fraction, "0") + "ms"
}

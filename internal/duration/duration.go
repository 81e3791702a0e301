// Package duration reads and prints durations as users write them.
package duration

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"killbox/internal/show"
)

// Forever is the wait that only the target's end, or the limit of the whole
// call, cuts short.
const Forever = time.Duration(math.MaxInt64)

// units are ordered from the largest: Format takes the first that
// divides without remainder.
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

// Parse reads a duration as users write it: decimal digits with an
// optional fraction and one of the units ms, s, m, h and d. A bare number is
// seconds. Signs, exponents, NaN and anything that does not fit into 292 years
// are errors.
func Parse(s string) (time.Duration, error) {
	if s == "" {
		return 0, errors.New("empty duration")
	}
	number, unit := s, time.Second
	for _, u := range units {
		// "ms" ends in "s" but "5m" must not be read as "5" + "m" + "s".
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
	// The fraction is added digit by digit: a float would make 0.1s + 0.2s
	// print as something nobody wrote.
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

// isDecimal holds for "5", "0.5", "5." and ".5".
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

// Format prints d so that Parse reads the same value back.
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

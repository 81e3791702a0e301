// Package duration parses and prints durations as users write them.
package duration

import (
	"errors"
	"math"
	"slices"
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
	d, err := parse(s)
	if err == errInvalid {
		hint := "the units are ms, s, m, h and d"
		if guess := Guess(s); guess != "" {
			hint = "did you mean " + guess + "?"
		}
		err = errors.New("invalid duration " + show.Quoted(s) + " (" + hint + ")")
	}
	return d, err
}

// errInvalid is the error of parse for a text that is no duration.
var errInvalid = errors.New("invalid duration")

func parse(s string) (time.Duration, error) {
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
		return 0, errInvalid
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

// Guess returns the duration that s probably means, as Format prints it, or "". It reads numbers with units that are
// written out, such as 5sec, 5 minutes or 1h30m. A number without a unit that follows another one is in seconds.
func Guess(s string) string {
	total := time.Duration(0)
	rest := strings.ToLower(s)
	if rest == "" {
		return ""
	}
	for first := true; rest != ""; first = false {
		number := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789."))]
		rest = strings.TrimLeft(rest[len(number):], " ")
		name := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))]
		rest = strings.TrimLeft(rest[len(name):], " ")
		d, err := parse(number + unitOf(name))
		if err != nil || first && name == "" || name != "" && unitOf(name) == "" || total > Forever-1-d {
			return ""
		}
		total += d
	}
	return Format(total)
}

// unitOf returns the suffix of the unit that a word names, or "".
func unitOf(word string) string {
	for _, names := range []string{
		"d day days", "h hr hrs hour hours", "m min mins minute minutes", "s sec secs second seconds", "ms msec msecs millis milliseconds",
	} {
		if words := strings.Fields(names); slices.Contains(words, word) {
			return words[0]
		}
	}
	return ""
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

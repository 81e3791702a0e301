package dropin

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"killbox/internal/cli"
	"killbox/internal/show"
)

// blanks is what strtol(3) passes over before a number.
const blanks = " \t\n\v\f\r"

// parseLoose reads a number as procps does: an empty one is 0, a sign may stand
// before it.
func parseLoose(s string) (int64, bool) {
	digits := strings.TrimPrefix(s, "+")
	if digits == s {
		digits = strings.TrimPrefix(s, "-")
	}
	if digits == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if s[0] == '-' {
		return -int64(n), err == nil
	}
	return int64(n), err == nil
}

// trimNumber takes off what strtol(3) passes over before a number: ps(1) and others
// pad theirs.
func trimNumber(word string) string {
	text := strings.TrimLeft(word, blanks)
	text = strings.TrimPrefix(text, "+")
	if text == "" || text[0] < '0' || text[0] > '9' {
		return word
	}
	return text
}

// parseUtilNumber reads a number from low on, of so many bits, as the tools of util-linux do: blanks and a sign may stand
// before it. The error begins with what, and gives a reason only if the number is out of range.
func parseUtilNumber(what, word string, low int64, bits int) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimLeft(word, blanks), 10, bits)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n < low:
		return 0, fmt.Errorf("%s: '%s': %s", what, show.Word(word), cli.StrError(syscall.ERANGE))
	case err != nil:
		return 0, fmt.Errorf("%s: '%s'", what, show.Word(word))
	}
	return n, nil
}

// strtod cuts what strtod(3) reads in the C locale from the beginning of s,
// without the blanks before it. It is "" if that is nothing.
func strtod(s string) (number, rest string) {
	s = strings.TrimLeft(s, blanks)
	at := 0
	// run passes over characters, at most limit of them.
	run := func(any string, limit int) (n int) {
		for n < limit && at < len(s) && strings.IndexByte(any, s[at]) >= 0 {
			at, n = at+1, n+1
		}
		return n
	}
	// mantissa passes over digits with a point.
	mantissa := func(digits string) bool {
		whole := run(digits, len(s))
		point := run(".", 1)
		return whole+point*run(digits, len(s)) > 0
	}
	exponent := func(letters string) {
		before := at
		if run(letters, 1) == 0 || run("+-", 1) < 0 || run("0123456789", len(s)) == 0 {
			at = before
		}
	}
	run("+-", 1)
	sign := at
	for _, word := range []string{"infinity", "inf"} {
		if end := at + len(word); end <= len(s) && strings.EqualFold(s[at:end], word) {
			return s[:end], s[end:]
		}
	}
	if run("0", 1) > 0 && run("xX", 1) > 0 && mantissa("0123456789abcdefABCDEF") {
		exponent("pP")
		return s[:at], s[at:]
	}
	at = sign
	if !mantissa("0123456789") {
		return "", s
	}
	exponent("eE")
	return s[:at], s[at:]
}

// isZero reports whether a number that strtod returned, in lower case, has no digit but 0
// before its exponent.
func isZero(number string) bool {
	number = strings.TrimLeft(number, "+-")
	digits, letter := number, "e"
	if hex, ok := strings.CutPrefix(number, "0x"); ok {
		digits, letter = hex, "p"
	}
	digits, _, _ = strings.Cut(digits, letter)
	return strings.Trim(digits, "0.") == ""
}

// atoi reads a number as that of C does.
func atoi(s string) int {
	s = strings.TrimLeft(s, blanks)
	end := len(s) - len(strings.TrimLeft(s, "+-"))
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

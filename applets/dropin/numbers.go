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

// blanks are the characters that strtol(3) skips before a number.
const blanks = " \t\n\v\f\r"

// parseLoose reads a decimal number as procps does: a sign is accepted, and no digits mean 0.
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

// trimNumber removes the blanks and the plus that strtol(3) skips before a number: ps(1), for example, pads PIDs. A
// word without a digit behind them is returned unchanged.
func trimNumber(word string) string {
	text := strings.TrimLeft(word, blanks)
	text = strings.TrimPrefix(text, "+")
	if text == "" || text[0] < '0' || text[0] > '9' {
		return word
	}
	return text
}

// parseUtilNumber reads a number as the tools of util-linux do, with blanks and a sign before it. The number must be at
// least low and fit into the given number of bits. The error text is "WHAT: 'WORD'", followed by a reason only if the
// number is out of range.
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

// strtod splits s behind the number that strtod(3) would read in the C locale. Blanks before the number are dropped.
// number is "" if there is none. Unlike strtod(3), it does not read NaN.
func strtod(s string) (number, rest string) {
	s = strings.TrimLeft(s, blanks)
	at := 0
	// run skips up to limit characters that occur in the string any, and returns how many it has skipped.
	run := func(any string, limit int) (n int) {
		for n < limit && at < len(s) && strings.IndexByte(any, s[at]) >= 0 {
			at, n = at+1, n+1
		}
		return n
	}
	// mantissa skips digits with an optional point. It reports whether there was a digit.
	mantissa := func(digits string) bool {
		whole := run(digits, len(s))
		point := run(".", 1)
		return whole+point*run(digits, len(s)) > 0
	}
	// exponent skips an exponent, or nothing if it has no digit.
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

// isZero reports whether all digits before the exponent are 0. number was returned by strtod and is in lower case.
func isZero(number string) bool {
	number = strings.TrimLeft(number, "+-")
	digits, letter := number, "e"
	if hex, ok := strings.CutPrefix(number, "0x"); ok {
		digits, letter = hex, "p"
	}
	digits, _, _ = strings.Cut(digits, letter)
	return strings.Trim(digits, "0.") == ""
}

// atoi reads a number as atoi(3) does: it ignores all that follows the digits, and no digits mean 0.
func atoi(s string) int {
	s = strings.TrimLeft(s, blanks)
	end := len(s) - len(strings.TrimLeft(s, "+-"))
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

package target

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"

	"killbox/internal/show"
)

// ParseSize parses a size and returns it in bytes: a decimal number, with an optional fraction, and a unit as those of
// GNU coreutils: K, M, G, T or P, also in lower case or with "iB", is a power of 1024, with "B" a power of 1000, and
// "B" alone is the byte. The unit is required: ps(1) and ulimit print kilobytes, prlimit(1) and systemd take bytes. Of
// a fraction, nine digits count. Signs, exponents and sizes above 16 EiB are errors.
func ParseSize(s string) (uint64, error) {
	i := strings.IndexFunc(s, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
	if i < 0 {
		return 0, errors.New(show.Quoted(s) + " has no unit: write B, K, M, G or T after it")
	}
	whole, fraction, _ := strings.Cut(s[:i], ".")
	unit, ok := parseUnit(s[i:])
	if !ok || whole+fraction == "" || strings.Contains(fraction, ".") {
		return 0, errors.New(show.Quoted(s) + " is not a size such as 500M or 1.5G")
	}
	n, err := strconv.ParseUint("0"+whole, 10, 64)
	high, size := bits.Mul64(n, unit)
	const digits = "000000000"
	billionths, _ := strconv.ParseUint((fraction + digits)[:len(digits)], 10, 64)
	restHigh, restLow := bits.Mul64(billionths, unit)
	rest, _ := bits.Div64(restHigh, restLow, 1e9)
	size, carry := bits.Add64(size, rest, 0)
	if err != nil || high != 0 || carry != 0 {
		return 0, errors.New("size " + show.Quoted(s) + " is too large")
	}
	return size, nil
}

// parseUnit returns the number of bytes of a unit.
func parseUnit(s string) (unit uint64, ok bool) {
	base := uint64(1024)
	power, rest := strings.IndexByte(" KMGTP", s[0]&^0x20), s[1:]
	switch {
	case s == "B":
		return 1, true
	case power < 1 || rest != "" && rest != "iB" && rest != "B":
		return 0, false
	case rest == "B":
		base = 1000
	}
	for unit = base; power > 1; power-- {
		unit *= base
	}
	return unit, true
}

package dropin

import (
	"math/big"
	"strings"
	"testing"
)

// TestAtoi compares with the results of atoi(3). Overflow, which is undefined there, is not tested.
func TestAtoi(t *testing.T) {
	for s, want := range map[string]int{"": 0, "x": 0, "2": 2, " \t2x": 2, "+2": 2, "-2": -2, "02": 2, "0x2": 0, "--2": 0, "2 3": 2} {
		if got := atoi(s); got != want {
			t.Errorf("atoi(%q) = %d", s, got)
		}
	}
}

// FuzzNumbers reads a word by each function for numbers. One that accepts the word as a whole must return its value: it
// is a PID, which must not wrap around.
func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{
		"", " ", "+", "-", "0", "-0", "5", " \t\v+5", "-5", "++5", "+-5", "5 ", "5x", "x5", "0x5", "5_0", "05", "2147483648", "4294967297", "-2147483649", "9223372036854775808",
		"18446744073709551617", "5\n6", "5\x006", "٥", "\u00a05", "5\u00a0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		value, isNumber := new(big.Int).SetString(strings.TrimLeft(word, blanks), 10)
		check := func(name string, got int64, ok bool) {
			if ok && (!isNumber || !value.IsInt64() || value.Int64() != got) {
				t.Errorf("%s(%q) = %d", name, word, got)
			}
		}
		n, ok := parseLoose(word)
		check("parseLoose", n, ok && strings.Trim(word, "+-") != "")
		n, err := parseUtilNumber("number", word, -1, 32)
		check("parseUtilNumber", n, err == nil)
		if n < -1 {
			t.Errorf("parseUtilNumber(%q) = %d, below the lowest number", word, n)
		}
		n, ok = pidOfLine(word)
		check("pidOfLine", n, ok && !strings.ContainsAny(strings.TrimLeft(word, blanks), blanks+"\x00"))
		if trimmed := trimNumber(word); trimmed != word && trimNumber(trimmed) != trimmed {
			t.Errorf("trimNumber(%q) = %q, which has more to trim", word, trimmed)
		}
		o := new(tiniOptions)
		err = o.setExpected(word)
		if err == nil && word != "" {
			check("-e", int64(o.expected[0]), true)
		}
		_, _ = atoi(word), parseReason(word)
	})
}

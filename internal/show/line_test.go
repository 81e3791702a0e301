package show

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for _, test := range []struct {
		in      string
		columns int
		ascii   bool
		want    string
	}{
		{"sleep 100", 9, false, "sleep 100"},
		{"sleep 100", 8, false, "sleep..."},
		{"sleep 100", 3, false, "..."},
		{"sleep 100", 1, false, "."},
		{`grep a\.b`, 0, false, `grep a\.b`},
		{"a\x1b[2J\\", 0, false, `a\x1b[2J\\`},
		{"a\n9 forged", 0, false, `a\n9 forged`},
		{"\u202eabc\u2028", 0, false, `\u202eabc\u2028`},
		{"\xff\x9b31m", 0, false, `\xff\x9b31m`},
		{"żółw 日本", 0, true, `\u017c\u00f3\u0142w \u65e5\u672c`},
		{`"q" \`, 0, true, `"q" \`},
		// A wide character that does not fit is left out as a whole.
		{"日本語日本語", 12, false, "日本語日本語"},
		{"日本語日本語", 11, false, "日本語日..."},
		{"日本語日本語", 10, false, "日本語..."},
		{"🐟🐟🐟🐟", 7, false, "🐟🐟..."},
		// The escape of a character is never cut in two.
		{"abc\x1bdefgh", 9, false, "abc..."},
		{strings.Repeat("x", 2*MaxLine), 0, false, strings.Repeat("x", MaxLine-3) + "..."},
	} {
		if got := Line(test.in, test.columns, test.ascii); got != test.want {
			t.Errorf("Line(%q, %d, %v) = %q, want %q", test.in, test.columns, test.ascii, got, test.want)
		}
	}
}

// FuzzLine checks that a line has no more columns than wanted and no character on which a terminal acts, and with ascii
// none outside of ASCII.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"x", "\x1b[2J", "\u009b", "\xff", "a\nb", "\u202e", "日本", "\u2028", "e\u0301", "🐟"} {
		f.Add(s, 40, true)
		f.Add(s, 3, false)
	}
	f.Fuzz(func(t *testing.T, s string, columns int, ascii bool) {
		got := Line(s, columns, ascii)
		if columns <= 0 {
			columns = MaxLine
		}
		if Columns(got) > columns || strings.ContainsFunc(got, Acts) || !utf8.ValidString(got) {
			t.Errorf("%q in %d columns: %q", s, columns, got)
		}
		if ascii && strings.ContainsFunc(got, func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Errorf("%q: %q is not ASCII", s, got)
		}
	})
}

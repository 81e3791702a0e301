//go:build !nodropins

package applets

import (
	"regexp"
	"testing"
)

// FuzzStrtod compares with a description of what strtod(3) reads.
func FuzzStrtod(f *testing.F) {
	form := regexp.MustCompile(`^[ \t\n\v\f\r]*([+-]?(?i:0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?|` +
		`(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?))`)
	for _, s := range []string{
		"", "1", " +1.5s", "-.5", ".", "1.", "1e3", "1e", "1e+", "1E-5d", "0x", "0x.", "0x.8p1", "0XaP", "0x1p+3m", "00x1", "inf", "-INFINITYs", "infinit", "İnf", "e1",
		"\v1", "1 ", "1_0", "0x1.8.2", "+-1", "nan", "ınf",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, rest := "", s
		if m := form.FindStringSubmatch(s); m != nil {
			want, rest = m[1], s[len(m[0]):]
		}
		got, after := strtod(s)
		if got != want || want != "" && after != rest {
			t.Errorf("%q is read as %q and %q, want %q and %q", s, got, after, want, rest)
		}
	})
}

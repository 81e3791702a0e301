package dropin

import (
	"regexp"
	"testing"
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
)

// TestGNUDuration compares with coreutils 9.11. A negative time stands for a refused word.
func TestGNUDuration(t *testing.T) {
	for want, list := range map[time.Duration][]string{
		0: {"0", "-0", "+0", "-0.0", "-.0", "-0.", "-0s", "-0d", "-0e5", "-0e99999", "-0e-99999", "0x0", "-0x0", "-0x0p-5", "-0x.000p5", "-0x0p-99999", "0.0000e-999999999999999999999"},
		// Above 0, and too small for a double.
		1:                    {"1e-400", "1e-10000", "1e-10000d", "1e-99999999999999999999", "0x1p-10000", "0x0.ep-99999", "+1e-10000"},
		time.Second / 2:      {".5", "0x1p-1", "0x.8", "5e-1", "+.5", " .5", "0x8p-4s"},
		14 * time.Second:     {"0xe", "0x0e", "0xep0", "14s"},
		36 * time.Hour:       {"1.5d", "36h", "2160m", "0x1.8p0d"},
		duration.Forever:     {"inf", "+inf", "INFINITY", "infd", "1e10000", "1e99999999999999999999", "0x1p10000", "99999999999d"},
		-1 * time.Nanosecond: {"", "-1", "-1e-9", "-1e-320", "-1e-400", "-1e-10000", "-1e-10000s", "-1e-10000d", "-0x1p-10000", "-0x.1p-99999", "-0.01e-9999", "-inf", "-1e10000", "nan", "-nan", "NAN(5)", "-", "-0xp5", "0x", "1ms", "--1"},
	} {
		for _, s := range list {
			var v gnuDuration
			err := v.Set(s)
			if want < 0 && err == nil || want >= 0 && (err != nil || v.d != want) {
				t.Errorf("%q is %v, %v; want %v", s, v.d, err, want)
			}
		}
	}
}

// TestGNUSignal compares with coreutils 9.11, which accepts exit statuses for signals. -1 stands for a refused word.
func TestGNUSignal(t *testing.T) {
	for s, want := range map[string]signals.Signal{
		"0": 0, "EXIT": 0, "128": 0, "256": 0, "15": 15, "143": 15, "271": 15, "527": 15, "32": 32, "33": 33, "161": 33, "64": 64, "320": 64, "SIGEXIT": 0, "exit": 0,
		"65": -1, "127": -1, "193": -1, "255": -1, "399": -1, "": -1, "SIG": -1, "4294967311": -1, "+9": -1,
	} {
		var v gnuSignal
		if err := v.Set(s); want < 0 && err == nil || want >= 0 && (err != nil || v.s != want) {
			t.Errorf("%q is %v, %v; want %v", s, v.s, err, want)
		}
	}
}

// FuzzStrtod compares strtod with a regular expression for the numbers that strtod(3) reads, except NaN.
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

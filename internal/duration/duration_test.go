package duration

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "0.0ms": 0, "00": 0, "5": 5 * time.Second, "05": 5 * time.Second,
		"0.5": 500 * time.Millisecond, ".5": 500 * time.Millisecond, "5.": 5 * time.Second, "5.s": 5 * time.Second,
		"500ms": 500 * time.Millisecond, "2m": 2 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour,
		"1.5d": 36 * time.Hour, "0.1ms": 100 * time.Microsecond, "0.000000001": 1,
		// Digits below a nanosecond are dropped.
		"0.0000000009": 0, "0." + strings.Repeat("0", 5000) + "1": 0,
		// Fractions that have no exact value as a float.
		"0.3": 300 * time.Millisecond, "1.1": 1100 * time.Millisecond, "0.000000003": 3,
		"106751d": 106751 * 24 * time.Hour, "9223372036.854775806s": Forever - 1,
	} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "s", "ms", ".", ".s", "..", "1..5", "1.5.5", "1,5", "-1", "-0", "+1", "-1s", "1 s", " 1", "1\n", "1\x00",
		"NaN", "nan", "Inf", "inf", "infinity", "forever", "0x10", "1e3", "1_000", "١", "5S", "5M", "5us", "5ns", "5w", "5mm",
		"5m5s", "5sm", "1h30m", "5dd",
		// Overflows of an int64, of the multiplication and of the sum; and the value of Forever itself.
		"9223372036854775808", "99999999999999999999999999", "9223372037", "106752d", "9223372036.854775807",
		"9223372036.9", "106751.991167300646712d", strings.Repeat("9", 5000),
	} {
		got, err := Parse(in)
		if err == nil {
			t.Errorf("Parse(%.40q) = %v, want an error", in, got)
		}
	}
}

func TestFormat(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", Forever: "forever", time.Second: "1s", 90 * time.Second: "90s", 2 * time.Minute: "2m", 36 * time.Hour: "36h",
		48 * time.Hour: "2d", 1500 * time.Millisecond: "1500ms", 1: "0.000001ms", 1234567: "1.234567ms",
		1100 * time.Microsecond: "1.1ms", Forever - 1: "9223372036854.775806ms",
	} {
		if got := Format(d); got != want {
			t.Errorf("Format(%d) = %s, want %s", d, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"5", "0.5", "500ms", "2m", "1h", "1d", "5.", ".5", "", "-1", "1e9", "9223372036.854775806", "0.0000000001d"} {
		f.Add(s, int64(len(s)))
	}
	f.Add("1", int64(math.MaxInt64-1))
	f.Fuzz(func(t *testing.T, s string, n int64) {
		if d, err := Parse(s); err == nil {
			if d < 0 || d == Forever {
				t.Fatalf("Parse(%q) = %d", s, d)
			}
			roundTrip(t, d)
		}
		if n >= 0 && n != math.MaxInt64 {
			roundTrip(t, time.Duration(n))
		}
	})
}

func roundTrip(t *testing.T, d time.Duration) {
	t.Helper()
	s := Format(d)
	if again, err := Parse(s); err != nil || again != d {
		t.Fatalf("%d prints as %q, which reads as %d, %v", d, s, again, err)
	}
}

func TestGuess(t *testing.T) {
	for s, want := range map[string]string{
		"5sec": "5s", "5 s": "5s", "5secs": "5s", "5seconds": "5s", "5 Seconds": "5s", "5S": "5s", "1min": "1m", "2mins": "2m", "1 minute": "1m",
		"1M": "1m", "1h30m": "90m", "5m30": "330s", "5m30s": "330s", "1.5hrs": "90m", "1hr": "1h", "2days": "2d", "1day": "1d", "1D": "1d",
		"300msec": "300ms", "300millis": "300ms", "300MS": "300ms", "1m 30s": "90s", "5m": "5m", "5s": "5s",
		// No guess.
		"": "", "5": "", "1 2": "", "s": "", "m5": "", "5x": "", "5week": "", "five": "", "-5s": "", "5s-": "", "1e3s": "", "5.5.5s": "", "inf": "",
		"firefox": "", "5mm": "", "1,5s": "", "99999999999999d": "", "106751d106751d": "",
	} {
		if got := Guess(s); got != want {
			t.Errorf("Guess(%q) = %q, want %q", s, got, want)
		}
		if want != "" {
			if _, err := Parse(want); err != nil {
				t.Errorf("%q: %v", want, err)
			}
		}
	}
}

func TestUnitHints(t *testing.T) {
	for s, want := range map[string]string{
		"5sec": `invalid duration "5sec" (did you mean 5s?)`,
		"5x":   `invalid duration "5x" (the units are ms, s, m, h and d)`,
		"soon": `invalid duration "soon" (the units are ms, s, m, h and d)`,
		"-1":   `negative duration "-1"`,
	} {
		if _, err := Parse(s); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", s, err, want)
		}
	}
}

package target

import (
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]uint64{
		"0B": 0, "7B": 7, "1K": 1 << 10, "1k": 1 << 10, "1KiB": 1 << 10, "1kB": 1000, "1KB": 1000, "500M": 500 << 20, "500m": 500 << 20,
		"1.5G": 3 << 29, ".5G": 1 << 29, "2.T": 2 << 40, "1TB": 1e12, "1P": 1 << 50, "0.1K": 102, "1.9B": 1,
		"16383P": 16383 << 50, "0.5G": 1 << 29, "007K": 7 << 10,
	} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", s, got, err, want)
		}
	}
	for s, want := range map[string]string{
		"500": "no unit", "": "no unit", "1.5": "no unit", "-1M": "is not a size", "+1M": "is not a size", "M": "is not a size",
		"1e3K": "is not a size", "1 M": "is not a size", "1MM": "is not a size", "1mb": "is not a size", "1Mib": "is not a size",
		"1.2.3M": "is not a size", ".M": "is not a size", "0x10K": "is not a size", "1b": "is not a size", "1X": "is not a size",
		"1 ": "is not a size", "1é": "is not a size", "NaN": "is not a size",
		"16384P": "too large", "99999999999999999999B": "too large",
	} {
		if got, err := ParseSize(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %d, %v, want %s", s, got, err, want)
		}
	}
}

// FuzzParseSize compares the result with exact arithmetic.
func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"1.5G", "500M", "1kB", "16384P", "0.0000000001P", "9B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseSize(s)
		if err != nil {
			return
		}
		i := strings.IndexAny(s, "BKMGTPkmgtp")
		unit, ok := parseUnit(s[i:])
		number, valid := new(big.Rat).SetString("0" + strings.TrimSuffix(s[:i], "."))
		if !ok || !valid {
			t.Fatalf("%q was parsed", s)
		}
		exact, _ := new(big.Rat).Mul(number, new(big.Rat).SetInt(new(big.Int).SetUint64(unit))).Float64()
		// Nine digits of the fraction count.
		if math.Abs(exact-float64(got)) > 2+float64(unit)/1e9+exact/1e15 {
			t.Errorf("%q: %d, want %f", s, got, exact)
		}
	})
}

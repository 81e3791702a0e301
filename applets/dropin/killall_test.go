package dropin

import (
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/internal/cli"
)

func TestKillallAge(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"5s": 5 * time.Second, "1.5h": 90 * time.Minute, ".5m": 30 * time.Second, "2d": 2 * day, "1w": 7 * day, "1M": 28 * day, "1y": 336 * day, "007s": 7 * time.Second,
		"": 0, "5": 0, "s": 0, "0s": 0, "-1s": 0, "+1s": 0, "1e3s": 0, "5ss": 0, "5sm": 0, "5 s": 0, "5S": 0, "NaNs": 0, "Infd": 0, "0x1s": 0, "1_0s": 0, "1..5s": 0, ".s": 0,
	} {
		if got, err := killallAge(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	if got, err := killallAge("99999999999y"); err != nil || got < 100*336*day {
		t.Errorf("a very long time: %v, %v", got, err)
	}
}

func TestFullName(t *testing.T) {
	for _, test := range []struct {
		comm  string
		words []string
		name  string
		found bool
	}{
		{"abcdefghijklmno", []string{"/bin/abcdefghijklmnop", "x"}, "abcdefghijklmnop", true},
		{"abcdefghijklmno", []string{"sh", "./abcdefghijklmnop"}, "abcdefghijklmnop", true},
		{"abcdefghijklmno", []string{"abcdefghijklmno/x", "abcdefghijklmno"}, "abcdefghijklmno", true},
		{"abcdefghijklmno", []string{"sh", "", "abcdefghijklmnop"}, "abcdefghijklmno", false},
		{"abcdefghijklmno", nil, "abcdefghijklmno", false},
	} {
		if name, found := fullName(test.comm, test.words); name != test.name || found != test.found {
			t.Errorf("%q: %q, %v", test.words, name, found)
		}
	}
}

func noNames(_, _ string) (string, error) { return "", nil }

// FuzzKillallArgs checks that a command line without an error has a valid signal, and that its operands are words of
// it.
func FuzzKillallArgs(f *testing.F) {
	for _, line := range []string{"-9 a", "-INT a", "-ve a", "-ver a", "-gI a", "-y 1.5h -o 2d a", "-s TERM -- -a", "-signal=9 a", "-n 1 -Z x", "-ig", "-hup a", "- a", "-l", "--", "-u root"} {
		f.Add(strings.ReplaceAll(line, " ", "\x00"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\x00")
		o := killallOptions{env: &cli.Env{NameService: noNames}}
		operands, err := o.parse("killall", false, words)
		if err != nil {
			return
		}
		for _, operand := range operands {
			if !slices.Contains(words, operand) {
				t.Errorf("%q: %q is no word of it", words, operand)
			}
		}
		if o.signal < 0 || o.signal > 127 || o.younger < 0 || o.older < 0 || o.nsPID < 0 {
			t.Errorf("%q: %+v", words, o)
		}
	})
}

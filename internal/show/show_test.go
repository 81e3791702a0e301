package show

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

func TestWord(t *testing.T) {
	long := strings.Repeat("x", 61)
	for in, want := range map[string]string{
		"":                         "",
		"123":                      "123",
		`a\(b`:                     `a\(b`,
		`it's "so"`:                `it's "so"`,
		"żółw ☃":                   "żółw ☃",
		"\x1b[2J\a":                `\x1b[2J\a`,
		"\\\x1b":                   `\\\x1b`,
		"\"\x7f":                   `"\x7f`,
		"\u009b31m":                `\u009b31m`,
		"\xff\x9b":                 `\xff\x9b`,
		"a\nb\tc\r":                `a\nb\tc\r`,
		"\u202eabc\u2066":          `\u202eabc\u2066`,
		long + "abc":               long + "abc",
		long + "abcd":              long + "...",
		strings.Repeat("x", 1<<20): long + "...",
		strings.Repeat("ł", 65):    strings.Repeat("ł", 61) + "...",
		// The escape of a character, such as \x1b, is never cut in two.
		strings.Repeat("x", 58) + "\x1byyy": strings.Repeat("x", 58) + "...",
		strings.Repeat("\x00", 1<<20):       strings.Repeat(`\x00`, 15) + "...",
	} {
		if got := Word(in); got != want {
			t.Errorf("Word(%.80q) = %q, want %q", in, got, want)
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"":                         `""`,
		"a b":                      `"a b"`,
		`a\"`:                      `"a\\\""`,
		"\x1b\u009b\xff\u202e\n":   `"\x1b\u009b\xff\u202e\n"`,
		strings.Repeat("x", 1<<20): `"` + strings.Repeat("x", 61) + `..."`,
	} {
		if got := Quoted(in); got != want {
			t.Errorf("Quoted(%.80q) = %q, want %q", in, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	const in = "x: a\\b\tc\x1b[K\r\u009b\xff\u202e\nnext\n"
	const want = "x: a\\b\tc\\x1b[K\\r\\u009b\\xff\\u202e\nnext\n"
	if got := Lines(in); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestError checks that Error escapes and cuts paths, and that errors.Is still finds the cause.
func TestError(t *testing.T) {
	_, opened := os.Open("/nowhere/\x1b[2J" + strings.Repeat("x", 200))
	linked := os.Link("/nowhere/\x1b", "/nowhere/\u009b")
	for _, err := range []error{opened, linked} {
		got := Error(err)
		if !errors.Is(got, fs.ErrNotExist) || Lines(got.Error()) != got.Error() || len(got.Error()) > 150 {
			t.Errorf("%q", got)
		}
	}
	if got, want := Error(&fs.PathError{Op: "stat", Path: "/a b", Err: syscall.ENOENT}).Error(), "/a b: no such file or directory"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := Error(syscall.EPERM); err != syscall.EPERM {
		t.Errorf("%v", err)
	}
	if Error(nil) != nil {
		t.Error("nil has become an error")
	}
}

// FuzzShow checks that no result contains a character that a terminal acts on, and that no word has more than Limit
// characters.
func FuzzShow(f *testing.F) {
	for _, s := range []string{"x", "\x1b[2J", "\u009b", "\xff", "a\nb", "\u202e", `\`, `"`, "\u2028", "\x00", strings.Repeat("\U000e0001", 70)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Word(s), strings.TrimSuffix(Quoted(s)[1:], `"`)} {
			if !visible(got) || utf8.RuneCountInString(got) > Limit {
				t.Errorf("%q is shown as %q", s, got)
			}
		}
		if got := strings.NewReplacer("\n", "", "\t", "").Replace(Lines(s)); strings.ContainsFunc(got, Acts) || !utf8.ValidString(got) {
			t.Errorf("%q: the lines are %q", s, got)
		}
	})
}

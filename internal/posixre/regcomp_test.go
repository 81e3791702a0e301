package posixre

import (
	"errors"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"killbox/test/harness"
)

// TestRegcomp compares Compile and MatchString with regcomp(3) and regexec(3) of glibc in the C locale, for the
// patterns of the tables and for generated patterns.
func TestRegcomp(t *testing.T) {
	trials := generatedTrials(20000)
	for _, test := range matches {
		list := slices.DeleteFunc(slices.Concat(texts(test.yes), texts(test.no), commonTexts), beyondASCII)
		trials = append(trials, trial{test.pattern, false, list}, trial{test.pattern, true, list})
	}
	for _, patterns := range refused {
		for _, pattern := range patterns {
			trials = append(trials, trial{pattern, false, commonTexts}, trial{pattern, true, commonTexts})
		}
	}
	trials = slices.DeleteFunc(trials, func(trial trial) bool { return trial.knownDifference() != "" })
	answers := askRegcomp(t, trials)
	for i, trial := range trials {
		re, err := Compile(trial.pattern, trial.ignoreCase)
		for j, text := range trial.texts {
			got := "no match"
			switch {
			case err != nil:
				got = err.Error()
			case re.MatchString(text):
				got = "match"
			}
			want := answers[i][j]
			if got == "no match" && want == "match" && strings.Contains(text, "\n") && strings.ContainsAny(trial.pattern, "^$`'") {
				// Skip this known difference. In glibc both ".^" and "$." match "\n": within a pattern, an anchor also
				// matches at a newline, even without REG_NEWLINE.
				continue
			}
			if got != want {
				t.Errorf("pattern %q, ignoring case %v, text %q: %s; regcomp: %s", trial.pattern, trial.ignoreCase, text, got, want)
			}
		}
	}
}

// commonTexts are texts that are tried with every pattern of the tables.
var commonTexts = []string{"", "a", "-", "ab", "a-b", "-a", "a-", "A b", "--", "a\nb", `\`, "]", "1", "_", "bab-a", "a a"}

// trial is a pattern with texts, which are given to glibc and to this package.
type trial struct {
	pattern    string
	ignoreCase bool
	texts      []string
}

func beyondASCII(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// knownDifference returns why Compile and glibc differ for the pattern on purpose, or "" if they must not differ.
func (trial trial) knownDifference() string {
	switch {
	case beyondASCII(trial.pattern):
		return "the C locale has no characters beyond ASCII"
	case repeatedAnchor.MatchString(trial.pattern):
		return `glibc: (\S$){2} matches "ab", since the copies of a repeated subexpression lose their anchors`
	case trial.ignoreCase && escapedLetter.MatchString(trial.pattern):
		return `glibc: \x with REG_ICASE matches neither x nor X, since it compares x with the upper case of the text`
	}
	if _, err := Compile(trial.pattern, trial.ignoreCase); errors.Is(err, errNoBackrefs) {
		return "glibc supports back references (and some patterns with them end the program with SIGSEGV)"
	}
	return ""
}

// repeatedAnchor matches patterns with an anchor in a subexpression that an interval expression repeats twice or more.
var repeatedAnchor = regexp.MustCompile(`([$^]|\\[<>bB'` + "`])" + `.*\)\{([2-9]|\d\d)`)

// escapedLetter matches a backslash before a lower case letter, if the two have no special meaning.
var escapedLetter = regexp.MustCompile(`\\[ac-rt-vx-z]`)

// generatedTrials returns n generated patterns with texts. They are the same in each run.
func generatedTrials(n int) []trial {
	g := generator{rand.New(rand.NewSource(1))}
	trials := make([]trial, n)
	for i := range trials {
		trials[i] = trial{g.pattern(), g.Intn(2) == 0, g.texts()}
	}
	return trials
}

// generator generates patterns from constructs that a parser easily misreads.
type generator struct{ *rand.Rand }

func (g generator) pick(list []string) string { return list[g.Intn(len(list))] }

// pattern returns a pattern. One pattern in four has a character too many or too few, and is often invalid.
func (g generator) pattern() string {
	pattern := g.alternation(3)
	at := g.Intn(len(pattern) + 1)
	switch g.Intn(8) {
	case 0:
		pattern = pattern[:at] + g.pick(strings.Split(`()[]{}*+?^$|\-:=.,1a`, "")) + pattern[at:]
	case 1:
		pattern = pattern[:at] + pattern[min(at+1, len(pattern)):]
	}
	return pattern
}

func (g generator) alternation(depth int) string {
	text := g.branch(depth)
	for g.Intn(4) == 0 {
		text += "|" + g.branch(depth)
	}
	return text
}

func (g generator) branch(depth int) string {
	var text string
	for range g.Intn(4) {
		switch n := g.Intn(10); {
		case n < 3:
			text += g.pick([]string{"^", "$", `\<`, `\>`, `\b`, `\B`, "\\`", `\'`, `\<`, `\>`})
			continue
		case n < 6 && depth > 0:
			text += "(" + g.alternation(depth-1) + ")"
		case n < 7:
			text += g.bracketExpression()
		default:
			text += g.pick([]string{
				"a", "a", "b", "A", "-", ".", "1", "_", " ", "\n", "]", "}", ",", `\w`, `\W`, `\s`, `\S`, `\.`, `\\`, `\(`, `\{`, `\-`, `\A`, `\a`, ")", `\1`,
			})
		}
		text += g.repetitions(strings.HasSuffix(text, ")"))
	}
	return text
}

// repetitions returns the repetitions of an atom. A subexpression gets at most one, because glibc takes exponential
// time to compile nested repetitions of anchors.
func (g generator) repetitions(subexpression bool) string {
	var text string
	for g.Intn(4) == 0 {
		switch {
		case subexpression:
			return g.pick([]string{"*", "*", "+", "?", "{0}", "{1}", "{,2}", "{2}"})
		case g.Intn(10) > 0:
			text += g.pick([]string{"*", "*", "+", "?", "?", "{2}", "{0}", "{1}", "{,2}", "{1,2}", "{2,}", "{,}"})
		default:
			text += g.pick([]string{"{}", "{2,1}", "{x}", "{1", "{1,", "{,x}", "{x,", "{1,2,}", "{32768}", `{1\}`, `{1\}}`, "{ 1}"})
		}
	}
	return text
}

func (g generator) bracketExpression() string {
	text := g.pick([]string{"[", "[", "[^", "[]", "[^]", "[-", "[^-"})
	for range 1 + g.Intn(3) {
		text += g.pick([]string{
			"a", "a", "b", "-", "^", `\`, "[", "_", "a-b", "A-b", "Z-a", "[-~", "!-~", "+--", "--a", `a-\`, "[:alpha:]", "[:upper:]", "[:space:]", "[:punct:]",
			"[.-.]", "[=a=]", "[.a.]-b", "[=a=]-b", "a-[.b.]", "a-[:alpha:]", "[:foo:]", "[.ab.]", "[=a", "[:alpha:",
		})
	}
	return text + g.pick([]string{"]", "]", "]", "]", "-]"})
}

func (g generator) texts() []string {
	list := []string{""}
	for range 12 {
		var text string
		for range 1 + g.Intn(6) {
			text += g.pick([]string{"a", "a", "b", "A", "-", "-", "_", " ", "1", "\n", ".", "]", `\`, ")", "{"})
		}
		list = append(list, text)
	}
	return list
}

// askRegcomp builds testdata/regcomp.c, runs it, and returns its answer for each text of each trial: "match", "no
// match" or an error of regcomp(3).
func askRegcomp(t *testing.T, trials []trial) [][]string {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		harness.Skip(t, "no cc: make check-deps installs what is missing")
	}
	program := filepath.Join(t.TempDir(), "regcomp")
	if out, err := exec.Command("cc", "-o", program, "testdata/regcomp.c").CombinedOutput(); err != nil {
		if strings.Contains(string(out), "gnu/libc-version.h") {
			harness.Skip(t, "the C library is not glibc")
		}
		t.Fatalf("cc: %v\n%s", err, out)
	}
	var input strings.Builder
	for _, trial := range trials {
		flags := ""
		if trial.ignoreCase {
			flags = "i"
		}
		for _, text := range trial.texts {
			input.WriteString(trial.pattern + "\x00" + flags + "\x00" + text + "\x00")
		}
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(input.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	answers := make([][]string, len(trials))
	for i, trial := range trials {
		if len(lines) < len(trial.texts) {
			t.Fatalf("regcomp gave no answer to %q", trial.pattern)
		}
		answers[i], lines = lines[:len(trial.texts)], lines[len(trial.texts):]
	}
	return answers
}

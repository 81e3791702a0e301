package ere

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

func decimal(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, yes, no string // texts, by blanks
	}{
		{"sleep", "sleep xsleepx", "slep"},
		{"^s.*p$", "sp sleep", "asp spa"},
		{"a|b|cd", "a xb cd", "c d"},
		{"^(a|b|)$", "a b", "c ab"},
		{"x(a|b)*y", "xy xaby", "xacy"},
		{"xa+y", "xay xaaay", "xy"},
		{"xa?y", "xy xay", "xaay"},
		{"xa**y", "xy xaay", "xby"},
		{"xa+*y", "xy xaay", "xby"},
		{"xa*?y", "xy xaay", "xby"},
		{"x(a*)*y", "xy xaay", "xby"},
		{"x(a?|b*)+y", "xy xaabby", "xcy"},
		{"^a{2}$", "aa", "a aaa"},
		{"^a{2,}$", "aa aaaa", "a"},
		{"^a{,2}$", "a aa", "aaa"},
		{"^a{,}$", "a aaa", "b"},
		{"^a{2,3}$", "aa aaa", "a aaaa"},
		{"^(ab|c){2}{2}$", "ababcc", "abcc"},
		{"^a{0}b$", "b", "ab"},
		{"[]x]", "] x", "a"},
		{"^[^]a-c]$", "x -", "] b"},
		{"^[a-]$", "a -", "b"},
		{"^[+--]$", "+ , -", "."},
		{`^[\.]$`, `\ .`, "x"},
		{"^[[:alpha:]_]+$", "ab_Z", "a1"},
		{"^[[:digit:][:upper:]]+$", "0Z9", "a"},
		{"^[[.-.]a]$", "- a", "."},
		{"^[[=a=]]$", "a", "="},
		{"^[ä-ü]$", "ö", "a"},
		{`^\.\(\[$`, ".([", "x([ .(x"},
		{`\bfoo\b`, "foo a-foo-b", "foob"},
		{`\Bo`, "foo", "o"},
		{`\<oo`, "oo -oo", "foo"},
		{`oo\>`, "oo foo", "oof"},
		{`\<-`, "", "- a-b"},
		{"^\\`a\\'$", "a", "ab ba"},
		{`^\w+\W\w+$`, "a-b", "ab"},
		{`^\S+$`, "a-b", ""},
		{"a^b", "", "ab a^b"},
		{"a$b", "", "ab a$b"},
		{"a)", "a)", "a"},
		{"(^a|b$)", "ax xb", "xa bx"},
		{"^.$", "a ü \xff", "ab"},
		{"^a..b$", "axyb aüüb", "axb"},
	} {
		re, err := Compile(test.pattern, false)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		for _, text := range strings.Fields(test.yes) {
			if !re.MatchString(text) {
				t.Errorf("%q does not match %q", test.pattern, text)
			}
		}
		for _, text := range strings.Fields(test.no) {
			if re.MatchString(text) {
				t.Errorf("%q matches %q", test.pattern, text)
			}
		}
	}
	for _, pattern := range []string{"", "a*", "()", "^$", "a||b", "^"} {
		if re, err := Compile(pattern, false); err != nil || !re.MatchString("") {
			t.Errorf("%q does not match nothing: %v", pattern, err)
		}
	}
	if re, err := Compile("a\n.\vb\\s", false); err != nil || !re.MatchString("a\n\n\vb\v") {
		t.Errorf("blanks: %v", err)
	}
}

func TestFold(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"Sleep", "sLEEP", true},
		{"[A-C].b", "b.B", true},
		{"^[^a]$", "A", false},
		{"^[^a]$", "B", true},
		{"^[[:upper:]]$", "b", true},
		{"ÄÖ", "äö", true},
		{"^x$", "y", false},
	} {
		re, err := Compile(test.pattern, true)
		if err != nil || re.MatchString(test.text) != test.want {
			t.Errorf("%q, %q: not %v (%v)", test.pattern, test.text, test.want, err)
		}
	}
}

func TestErrors(t *testing.T) {
	for pattern, want := range map[string]error{
		"*": errRepeat, "+a": errRepeat, "a|*": errRepeat, "(*a)": errRepeat, "^*": errRepeat, "$+": errRepeat, `\b*`: errRepeat, "{1}": errRepeat,
		"(": errParen, "(a": errParen, "((a)": errParen,
		"[": errBadPattern, "[a": errBracket, "[]": errBracket, "[[:alpha:": errBracket, "[[.a": errBracket, "[a-": errBracket,
		"[[:foo:]]": errClass, "[[:word:]]": errClass, "[[.foo.]]": errCollation, "[b-a]": errRange,
		`\`: errEscape, `a\`: errEscape, `\1`: errBackref, `(a)\2`: errBackref, `(a\1)`: errBackref, `(a)\1`: errNoBackrefs, `((a))\2`: errNoBackrefs,
		"a{": errBrace, "a{1": errBrace, "a{1x}": errBadBrace, "a{2,1}": errBadBrace, "a{1,2,3}": errBadBrace, "a{}": errBadBrace, "a{+1}": errBadBrace,
		"a{1001}": errTooBig, "a{1,1001}": errTooBig, "a{99999999999999999999}": errTooBig,
		"((a{1000}){1000}){1000}": errTooBig, "(((a{,99}){99}){99}){99}": errTooBig,
		strings.Repeat("(", 5000): errTooBig, strings.Repeat("|", 50000): errTooBig, strings.Repeat("a", 50000) + ".": errTooBig,
	} {
		if _, err := Compile(pattern, false); !errors.Is(err, want) {
			t.Errorf("%.30q: %v, want %v", pattern, err, want)
		}
	}
}

// TestLinear: no pattern takes time without bound. (Backtracking would need longer for this than there is.)
func TestLinear(t *testing.T) {
	for _, pattern := range []string{"(a*)*b", "(a|a)*b", "(a?){50}b", "((a*)*)*b"} {
		re, err := Compile(pattern, false)
		if err != nil || re.MatchString(strings.Repeat("a", 5000)) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// FuzzMatch compares with the standard library's regexp, into whose syntax oracle_test.go translates.
func FuzzMatch(f *testing.F) {
	for _, pattern := range []string{
		"a|b|cd", "x(a|b)*y", "xa**y", "x(a?|b*)+y", "^a{2,3}$", "^(ab|c){2}{2}$", "[]x]", "^[^]a-c]", "[+--]", `[\.]`, "[[:alpha:]_]", "[[.-.]a]",
		`\bfoo\b`, `\Bo`, "^\\`a\\'", `\w\W`, "a^b", "a)", "(^a|b$)", "[a-\xff]", "(((a)|b)?c){,3}", "|", "()", "a{0}", ".", "\xff",
	} {
		for _, text := range []string{"", "abccd", "xaay\nfoo", "x.]\xffa", "FOO bar_ü"} {
			f.Add(pattern, text, false)
			f.Add(pattern, text, true)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, text string, fold bool) {
		if len(pattern) > 100 || len(text) > 1000 {
			return
		}
		for _, meant := range []string{`\s`, `\S`, `\<`, `\>`} {
			if strings.Contains(pattern, meant) {
				return // Go has no vertical tab among the blanks, and knows no ends of words
			}
		}
		for _, r := range pattern + text {
			if fold && r >= 0x80 {
				return // Go folds more than the two cases
			}
		}
		re, err := Compile(pattern, fold)
		want, wantErr := compileOracle(pattern, fold)
		switch {
		case errors.Is(err, errTooBig), errors.Is(wantErr, errTooBig), errors.Is(err, errBackref), errors.Is(err, errNoBackrefs):
		case err != nil || wantErr != nil:
			if err != wantErr {
				t.Errorf("%q: %v, want %v", pattern, err, wantErr)
			}
		case re.MatchString(text) != want.MatchString(text):
			t.Errorf("%q, %q, %v: not %v", pattern, text, fold, want.MatchString(text))
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	text := "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main -c config_file=/etc/postgresql/15/main/postgresql.conf"
	for _, pattern := range []string{"nginx", "^nginx$", "worker.*[0-9]+", "(nginx|httpd|postgres): "} {
		re, err := Compile(pattern, false)
		other, _ := compileOracle(pattern, false)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(pattern, func(b *testing.B) {
			for b.Loop() {
				re.MatchString(text)
			}
		})
		b.Run(pattern+" by regexp", func(b *testing.B) {
			for b.Loop() {
				other.MatchString(text)
			}
		})
	}
}

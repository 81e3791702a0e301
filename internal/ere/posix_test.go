package ere

import (
	"errors"
	"strings"
	"testing"
)

// TestERE: what glibc's regcomp and regexec say (LC_ALL=C).
func TestERE(t *testing.T) {
	for _, test := range []struct {
		pattern string
		fold    bool
		yes, no string // texts, by blanks; _ is one
	}{
		{pattern: "", yes: "a _"},
		{pattern: "a.c", yes: "abc a_c xaacx", no: "ac abbc"},
		{pattern: `a\.c`, yes: "a.c", no: "abc"},
		{pattern: "^a|b$", yes: "ax xb", no: "xa bx"},
		{pattern: "a^b", no: "ab a^b"},
		{pattern: "a$b", no: "ab a$b"},
		{pattern: "(|a)b", yes: "b ab"},
		{pattern: "a||b", yes: "a b x"},
		{pattern: "x()y", yes: "xy", no: "x"},
		{pattern: "(ab)*c", yes: "c ababc"},
		{pattern: "^(a*)+$", yes: "a aaa", no: "ab"},
		{pattern: "^a**$", yes: "aa", no: "b"},
		{pattern: "^a+*?$", yes: "aa", no: "b"},
		{pattern: "a)", yes: "a)", no: "a"},
		{pattern: "a}", yes: "a}", no: "a"},
		{pattern: "a]", yes: "a]", no: "a"},
		{pattern: "^a{2}$", yes: "aa", no: "a aaa"},
		{pattern: "^a{,2}$", yes: "a aa", no: "aaa"},
		{pattern: "^a{2,}$", yes: "aa aaaa", no: "a"},
		{pattern: "^a{,}$", yes: "a aaa"},
		{pattern: "^a{0}b$", yes: "b", no: "ab"},
		{pattern: "^(a{2}){2}$", yes: "aaaa", no: "aa"},
		{pattern: "^a{1}{2}$", yes: "aa", no: "a"},
		{pattern: `a\{1\}`, yes: "a{1}", no: "a"},
		{pattern: `\(\)`, yes: "()"},
		{pattern: "[]a]", yes: "] a", no: "["},
		{pattern: "[^]a]", yes: "[ b", no: "] a"},
		{pattern: "[a-]", yes: "a -", no: "b"},
		{pattern: "[-a]", yes: "a -", no: "b"},
		{pattern: "[+--]", yes: "+ , -", no: ". *"},
		{pattern: `[\.]`, yes: `\ .`, no: "a"},
		{pattern: `[a\]`, yes: `\ a`, no: "]"},
		{pattern: `[\n]`, yes: `\ n`},
		{pattern: "[[:digit:]x-z]", yes: "5 y", no: "a"},
		{pattern: "[^[:alnum:]_]", yes: "-", no: "a 5"},
		{pattern: "[:a]", yes: ": a", no: "b"},
		{pattern: "[[.-.]]", yes: "-", no: "."},
		{pattern: "[[=a=]b]", yes: "a b", no: "="},
		{pattern: "[[.a.]-c]", yes: "b", no: "d"},
		{pattern: "[^a]", yes: "b", no: "a"},
		{pattern: "[a^]", yes: "^ a", no: "b"},
		{pattern: "[[]", yes: "[", no: "]"},
		{pattern: "[&&]", yes: "&"},
		{pattern: "[a~~b]", yes: "~"},
		{pattern: `\<go`, yes: "go x-go", no: "ago"},
		{pattern: `go\>`, yes: "go go-x", no: "gox"},
		{pattern: `\bgo\b`, yes: "go", no: "gox"},
		{pattern: "\\`a\\'", yes: "a", no: "ab"},
		{pattern: `^\w+\W\w+$`, yes: "a-b", no: "ab"},
		{pattern: `a\sb`, yes: "a_b", no: "ab"},
		{pattern: "SSH", fold: true, yes: "ssh sShd", no: "sh"},
		{pattern: "^[[:upper:]]+$", fold: true, yes: "ab AB"},
		// Ranges without case are those of the upper case.
		{pattern: "^[Z-a]$", fold: false, yes: "[ ^ a"},
		{pattern: "^[--a]$", fold: true, yes: "- A a 5", no: "["},
		{pattern: `^[a-\]$`, fold: true, yes: "a z [", no: "]"},
		{pattern: "ä+ß", yes: "ääß"},
	} {
		re, err := Compile(test.pattern, test.fold)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		check := func(list string, want bool) {
			for _, text := range strings.Fields(list) {
				if got := re.MatchString(strings.ReplaceAll(text, "_", " ")); got != want {
					t.Errorf("%q (%v): %q: %v", test.pattern, re, text, got)
				}
			}
		}
		check(test.yes, true)
		check(test.no, false)
	}
}

func TestERERefused(t *testing.T) {
	for want, patterns := range map[Error][]string{
		errRepeat:     {"*", "+a", "?", "{1}", "(*a)", "a|*", "^*", "$+", `\b*`, "\\`+", `\<{2}`},
		errParen:      {"(", "(a", "((a)", "a("},
		errBracket:    {"[a", "[]", "[^]", "[]a", "[[:alpha:]", "[[:alpha", "[[.a", "[a-"},
		errBadPattern: {"[", "[^", "a["},
		errClass:      {"[[:foo:]]", "[[::]]"},
		errCollation:  {"[[.foo.]]", "[[=ab=]]", "[[.space.]]"},
		errEscape:     {`\`, `a\`},
		errRange:      {"[b-a]", "[a--]", "[a-c-e]", "[[:alpha:]-z]", "[a-[:digit:]]"},
		errBrace:      {"a{", "a{1", "a{1,", "a{1,2"},
		errBadBrace:   {"a{x}", "a{2,1}", "a{1x}", "a{1,x}", "a{}", "a{-1}", "a{ 1}"},
		errTooBig:     {"a{1001}", "a{1,99999}", "(a{1000}){1000}"},
		errBackref:    {`\1`, `(a\1)`, `(a)\2`},
		errNoBackrefs: {`(a)\1`, `(a)|\1`},
	} {
		for _, pattern := range patterns {
			if _, err := Compile(pattern, false); !errors.Is(err, want) {
				t.Errorf("%q: %v, want %q", pattern, err, want)
			}
		}
	}
}

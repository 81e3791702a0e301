package posixre

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// matches are patterns with texts that they match (yes) and do not match (no). The texts are separated by blanks. In a
// text, _ stands for a blank and "" for the empty text.
var matches = []struct {
	pattern    string
	ignoreCase bool
	yes, no    string
}{
	// Branches, subexpressions and anchors.
	{pattern: "", yes: `a _ ""`},
	{pattern: "()", yes: `a ""`},
	{pattern: "sleep", yes: "sleep xsleepx", no: "slep"},
	{pattern: "a.c", yes: "abc a_c xaacx", no: "ac abbc"},
	{pattern: "^s.*p$", yes: "sp sleep", no: "asp spa"},
	{pattern: "a|b|cd", yes: "a xb cd", no: "c d"},
	{pattern: "^a|b$", yes: "ax xb", no: "xa bx"},
	{pattern: "(^a|b$)", yes: "ax xb", no: "xa bx"},
	{pattern: "^(a|b|)$", yes: `a b ""`, no: "c ab"},
	{pattern: "(|a)b", yes: "b ab"},
	{pattern: "a||b", yes: `a b x ""`},
	{pattern: "a^b", no: "ab a^b"},
	{pattern: "a$b", no: "ab a$b"},
	{pattern: "^b", yes: "b b\na", no: "a\nb"},
	{pattern: "a$", yes: "a b\na", no: "a\nb"},
	{pattern: "^$", yes: `""`, no: "a"},
	{pattern: "$^", yes: `""`, no: "a"},
	{pattern: "x()y", yes: "xy", no: "x"},
	{pattern: "a)", yes: "a)", no: "a"},
	{pattern: "a)*b", yes: "ab a)b a))b", no: "a) b"},
	{pattern: "a}", yes: "a}", no: "a"},
	{pattern: "a]", yes: "a]", no: "a"},
	{pattern: "^.$", yes: "a ü \xff", no: "ab"},
	{pattern: "^a..b$", yes: "axyb aüüb", no: "axb"},
	{pattern: "ä+ß", yes: "ääß"},
	{pattern: "\xff", yes: "a\xff \xfe", no: "a"},
	// Repetitions.
	{pattern: "xa+y", yes: "xay xaaay", no: "xy"},
	{pattern: "xa?y", yes: "xy xay", no: "xaay"},
	{pattern: "xa**y", yes: "xy xaay", no: "xby"},
	{pattern: "xa+*y", yes: "xy xaay", no: "xby"},
	{pattern: "xa*?y", yes: "xy xaay", no: "xby"},
	{pattern: "^a+*?$", yes: "aa", no: "b"},
	{pattern: "x(a|b)*y", yes: "xy xaby", no: "xacy"},
	{pattern: "x(a*)*y", yes: "xy xaay", no: "xby"},
	{pattern: "x(a?|b*)+y", yes: "xy xaabby", no: "xcy"},
	{pattern: "(ab)*c", yes: "c ababc"},
	{pattern: "^(a*)+$", yes: "a aaa", no: "ab"},
	{pattern: "^(^)*a", yes: "a", no: "ba"},
	{pattern: "^a{2}$", yes: "aa", no: "a aaa"},
	{pattern: "^a{2,}$", yes: "aa aaaa", no: "a"},
	{pattern: "^a{,2}$", yes: `a aa ""`, no: "aaa"},
	{pattern: "^a{,}$", yes: `a aaa ""`, no: "b"},
	{pattern: "^a{2,3}$", yes: "aa aaa", no: "a aaaa"},
	{pattern: "^a{0}b$", yes: "b", no: "ab"},
	{pattern: "^a{0}*b$", yes: "b", no: "ab"},
	{pattern: "^(a{2}){2}$", yes: "aaaa", no: "aa"},
	{pattern: "^a{1}{2}$", yes: "aa", no: "a"},
	{pattern: "^(ab|c){2}{2}$", yes: "ababcc", no: "abcc"},
	{pattern: `a\{1\}`, yes: "a{1}", no: "a"},
	{pattern: `^a{1\,2}$`, yes: "a aa", no: "aaa"},
	{pattern: `^a{1\0}$`, yes: "aaaaaaaaaa", no: "a"},
	// Bracket expressions.
	{pattern: "[]a]", yes: "] a", no: "["},
	{pattern: "[^]a]", yes: "[ b", no: "] a"},
	{pattern: "^[^]a-c]$", yes: "x -", no: "] b"},
	{pattern: "[a-]", yes: "a -", no: "b"},
	{pattern: "[-a]", yes: "a -", no: "b"},
	{pattern: "[--/]", yes: "- . /", no: ", 0"},
	{pattern: "[+--]", yes: "+ , -", no: ". *"},
	{pattern: "[[:digit:]-]", yes: "5 -", no: "a"},
	{pattern: `[\.]`, yes: `\ .`, no: "a"},
	{pattern: `[a\]`, yes: `\ a`, no: "]"},
	{pattern: `[\n]`, yes: `\ n`},
	{pattern: `[\w]`, yes: `\ w`, no: "a"},
	{pattern: "[[:digit:]x-z]", yes: "5 y", no: "a"},
	{pattern: "^[[:alpha:]_]+$", yes: "abZ", no: "a1"},
	{pattern: "^[[:digit:][:upper:]]+$", yes: "0Z9", no: "a"},
	{pattern: "[^[:alnum:]_]", yes: "- ü", no: "a 5"},
	{pattern: "[:a]", yes: ": a", no: "b"},
	{pattern: "[[.-.]a]", yes: "- a", no: "."},
	{pattern: "[[=a=]b]", yes: "a b", no: "="},
	{pattern: "[[.a.]-c]", yes: "b", no: "d"},
	{pattern: "[a-[.c.]]", yes: "b", no: "d"},
	{pattern: "[[...]]", yes: ".", no: "a"},
	{pattern: "[[.].]]", yes: "]", no: "."},
	{pattern: "[a^]", yes: "^ a", no: "b"},
	{pattern: "[[]", yes: "[", no: "]"},
	{pattern: "[&&]", yes: "&"},
	{pattern: "[a~~b]", yes: "~"},
	{pattern: "^[ä-ü]$", yes: "ö", no: "a"},
	{pattern: "[\xff]", yes: "\xff", no: "a"},
	// Backslashes.
	{pattern: `a\.c`, yes: "a.c", no: "abc"},
	{pattern: `\(\)`, yes: "()"},
	{pattern: `^\.\(\[$`, yes: ".([", no: "x([ .(x"},
	{pattern: `^\a\-\ü\0$`, yes: "a-ü0"},
	{pattern: `^\w+\W\w+$`, yes: "a-b", no: "ab"},
	{pattern: `^\W$`, yes: "- ü", no: "a"},
	{pattern: `a\sb`, yes: "a_b a\vb", no: "ab"},
	{pattern: `^\S+$`, yes: "a-b", no: "a_b a\vb"},
	{pattern: "\\`a\\'", yes: "a", no: "ab ba"},
	{pattern: `\bgo\b`, yes: "go a-go-b", no: "gox xgo"},
	{pattern: `\Bo`, yes: "foo", no: "o"},
	{pattern: `\B`, yes: `aa - ""`, no: "a"},
	{pattern: `\bü`, yes: "aü", no: "ü -ü"},
	// The beginning and the end of a word.
	{pattern: `\<go`, yes: "go x-go", no: "ago"},
	{pattern: `go\>`, yes: "go go-x", no: "gox"},
	{pattern: `\<-`, no: "- a-b -a"},
	{pattern: `-\>`, no: "- a-b a-"},
	{pattern: `\<.`, yes: "a -a", no: "- ü"},
	{pattern: `.\>`, yes: "a a-", no: "- ü"},
	{pattern: `(\<|x)a`, yes: "a -a bxa", no: "ba"},
	{pattern: `(a|-)\>`, yes: "a ba -a", no: "- ab"},
	{pattern: `a\<`, no: "a a- aa"},
	{pattern: `\>a`, no: "a -a aa"},
	{pattern: `\<\>`, no: `a - ""`},
	{pattern: `\<\<a\>\>`, yes: "a -a-", no: "aa"},
	{pattern: `\<\b^a$\b\>`, yes: "a", no: "aa -a"},
	{pattern: `^\<|\>$`, yes: "a a- -a", no: `- -a- ""`},
	{pattern: `\>-\<`, yes: "a-b", no: "a- -b a--b"},
	{pattern: `\>.\<`, yes: "a\nb aüb", no: "a\n\nb"},
	{pattern: `^(\<a?)*b$`, yes: "b ab", no: "aab -b"},
	{pattern: `^(\<a?){1000}b$`, yes: "b ab", no: "aab"},
	{pattern: `\<\B|\B\>`, no: `a - aa ""`},
	{pattern: `-\B-\<a`, yes: "--a", no: "-a"},
	{pattern: "\\<\\`a\\'", yes: "a", no: "ab"},
	{pattern: `^[^a]\<`, yes: "-a \na", no: "ba"},
	{pattern: `\<x|w`, yes: "w", no: "a -a a- \n"}, // a mark of framed text (w) is not matched
	{pattern: `\<A`, ignoreCase: true, yes: "a -a", no: "ba"},
	// With ignoreCase.
	{pattern: "SSH", ignoreCase: true, yes: "ssh sShd", no: "sh"},
	{pattern: "^x$", ignoreCase: true, yes: "X", no: "y"},
	{pattern: `^\x$`, ignoreCase: true, yes: "x X"},
	{pattern: "ÄÖ", ignoreCase: true, yes: "äö"},
	{pattern: "[A-C].b", ignoreCase: true, yes: "b.B"},
	{pattern: "^[^a]$", ignoreCase: true, yes: "B", no: "a A"},
	{pattern: "^[[:upper:]]+$", ignoreCase: true, yes: "ab AB"},
	{pattern: "^[Z-a]$", yes: "[ ^ a", no: "b"},
	// glibc compares the upper case of the text with the upper case of the ends of a range.
	{pattern: "^[--a]$", ignoreCase: true, yes: "- A a 5", no: "["},
	{pattern: `^[a-\]$`, ignoreCase: true, yes: "a z [", no: "]"},
	{pattern: "^[[-~]$", ignoreCase: true, yes: "[ ^ ` { ~", no: "a Z"},
	{pattern: "^[^[-~]$", ignoreCase: true, yes: "a Z", no: "{"},
	{pattern: "^[!-~]$", ignoreCase: true, yes: "a Z ~"},
}

// texts returns the texts of a list in the table matches.
func texts(list string) []string {
	fields := strings.Split(list, " ")
	if list == "" {
		return nil
	}
	for i, field := range fields {
		fields[i] = strings.ReplaceAll(strings.Replace(field, `""`, "", 1), "_", " ")
	}
	return fields
}

func TestMatch(t *testing.T) {
	for _, test := range matches {
		re, err := Compile(test.pattern, test.ignoreCase)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		for _, text := range texts(test.yes) {
			if !re.MatchString(text) {
				t.Errorf("%q (%v) does not match %q", test.pattern, re.re, text)
			}
		}
		for _, text := range texts(test.no) {
			if re.MatchString(text) {
				t.Errorf("%q (%v) matches %q", test.pattern, re.re, text)
			}
		}
	}
}

// refused are the patterns that Compile refuses.
var refused = map[Error][]string{
	errRepeat:     {"*", "+a", "?", "{1}", "{", "(*a)", "a|*", "^*", "$+", `\b*`, "\\`+", `\<{2}`, `\>?`, "(^*)", "^*("},
	errParen:      {"(", "(a", "((a)", "a(", "(()"},
	errBracket:    {"[a", "[]", "[^]", "[]a", "[[:alpha:]", "[[:alpha", "[[.a", "[a-", "[a-[.b", "[[.xx.]", "[[:" + strings.Repeat("a", 32) + ":]]"},
	errBadPattern: {"[", "[^", "a["},
	errClass:      {"[[:foo:]]", "[[::]]", "[[:word:]]", "[[:foo:]", "[[:" + strings.Repeat("a", 31) + ":]]"},
	errCollation:  {"[[.foo.]]", "[[=ab=]]", "[[.space.]]", "[[..]]", "[[.ab.]-c]", "[a-[.bc.]]", "[[=ab=]"},
	errEscape:     {`\`, `a\`, `(\`},
	errRange: {
		"[b-a]", "[a--]", "[a-c-e]", "[a-c-", "[[:alpha:]-z]", "[[:alpha:]-", "[[=a=]-z]", "[a-[:digit:]]", "[a-[=c=]]", "[a-[:foo:]]",
	},
	errBrace:      {"a{", "a{1", "a{1,", "a{1,2", "a{x", "a{,", `a{1\}`, `a{\`},
	errBadBrace:   {"a{x}", "a{2,1}", "a{1x}", "a{1,x}", "a{}", "a{-1}", "a{ 1}", "a{+1}", "a{1,2,3}", "a{x,", `a{1\}}`, `a{\1}`, "a{99999,1}", "a{99999x}"},
	errTooBig:     {"a{32768}", "a{1,32768}", "a{32768,}", "a{99999999999999999999}"},
	errBackref:    {`\1`, `(a\1)`, `(a)\2`, `(((((((((a\9)))))))))`, `(a)\2(`},
	errNoBackrefs: {`(a)\1`, `(a)|\1`, `((a))\2`, `((((((((((a)))))))))\9`},
}

func TestRefused(t *testing.T) {
	for want, patterns := range refused {
		for _, pattern := range patterns {
			if _, err := Compile(pattern, false); !errors.Is(err, want) {
				t.Errorf("%q: %v, want %q", pattern, err, want)
			}
		}
	}
}

// TestLimits checks the limits of counts (RE_DUP_MAX), of the size of an expression and of nesting.
func TestLimits(t *testing.T) {
	for _, test := range []struct {
		pattern string
		counts  []int // lengths of texts "aaa..." that match
		not     []int // lengths of texts that do not match
	}{
		{"^a{32767}$", []int{32767}, []int{32766, 32768}},
		{"^a{999,1001}$", []int{999, 1001}, []int{998, 1002}},
		{"^a{1001,3003}$", []int{1001, 2002, 3003}, []int{1000, 3004}},
		{"^a{2001,}$", []int{2001, 5000}, []int{2000}},
		{"^(a{200}){15}$", []int{3000}, []int{2800, 2999, 3001}},
		{"^((a{300}){2}|(a{,20}){11}){5}$", []int{0, 1100, 3000}, []int{3001}},
		{"^(a{1001}){2}$", []int{2002}, []int{2001, 2003}},
		{"^(a{1000}b?){3}$", []int{3000}, []int{2999, 3001}},
		{`^(\<a{1100}\>){1}$`, []int{1100}, []int{1099, 1101}},
	} {
		re, err := Compile(test.pattern, false)
		if err != nil {
			t.Errorf("%q: %v", test.pattern, err)
			continue
		}
		for _, n := range test.counts {
			if !re.MatchString(strings.Repeat("a", n)) {
				t.Errorf("%q does not match a text of %d", test.pattern, n)
			}
		}
		for _, n := range test.not {
			if re.MatchString(strings.Repeat("a", n)) {
				t.Errorf("%q matches a text of %d", test.pattern, n)
			}
		}
	}
	long := strings.Repeat("a.", 50000)
	for _, pattern := range []string{
		long, `\<` + long, strings.Repeat("\xff", 100000), strings.Repeat("(", 900) + strings.Repeat(")*", 900), "a" + strings.Repeat("*", 900), "(a|" + strings.Repeat("b|", 5000) + ")",
	} {
		if _, err := Compile(pattern, false); err != nil {
			t.Errorf("%.30q: %v", pattern, err)
		}
	}
	for _, pattern := range []string{
		"((a{32767}){32767}){32767}", "((((a{,99}){99}){99}){99}){99}", strings.Repeat("a{32767}", 1000), strings.Repeat("(((a{1000}){1000}){60})", 100),
		strings.Repeat("(", 5000), strings.Repeat("(x|y", 900) + strings.Repeat(")*", 900), "a" + strings.Repeat("*", 1_000_000),
		"(" + strings.Repeat("a", maxText-50) + "b{1000}){32767}", strings.Repeat("a", maxText) + ".",
		strings.Repeat("|", maxText+1),
	} {
		if _, err := Compile(pattern, false); !errors.Is(err, errTooBig) {
			t.Errorf("%.30q: %v, want %q", pattern, err, errTooBig)
		}
	}
}

// TestLinear checks that a match takes linear time. A matcher that backtracks would not finish this test.
func TestLinear(t *testing.T) {
	for _, pattern := range []string{"(a*)*b", "(a|a)*b", "(a?){50}b", "((a*)*)*b", `(\<|a*)*b`} {
		re, err := Compile(pattern, false)
		if err != nil || re.MatchString(strings.Repeat("a", 5000)) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

// FuzzCompile checks that Compile and MatchString do not panic, and that Compile returns only errors of type Error.
// Another type would be an error of package regexp, which means that the translation is wrong.
func FuzzCompile(f *testing.F) {
	for _, test := range matches {
		for _, text := range append(texts(test.yes), texts(test.no)...) {
			f.Add(test.pattern, text, test.ignoreCase)
		}
	}
	for _, patterns := range refused {
		for _, pattern := range patterns {
			f.Add(pattern, "a", true)
		}
	}
	f.Fuzz(func(t *testing.T, pattern, text string, ignoreCase bool) {
		if len(pattern) > 100 || len(text) > 1000 || strings.Count(pattern, "{") > 2 {
			return // a large input takes too long
		}
		re, err := Compile(pattern, ignoreCase)
		var refusal Error
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("%q: %v", pattern, err)
		}
		if err == nil {
			re.MatchString(text)
		}
	})
}

// TestFrame checks the marks of framed text, and that each character becomes three.
func TestFrame(t *testing.T) {
	for text, want := range map[string]string{
		"":      "",
		"a":     "waw",
		"-":     " - ",
		"ab-":   "wa  bw\n- ",
		"-a":    " -\nwaw",
		"\xffa": " \uFFFD\nwaw",
	} {
		if got := frame(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if n := utf8.RuneCountInString(frame(text)); n != 3*utf8.RuneCountInString(text) {
			t.Errorf("%q: %d characters", text, n)
		}
	}
}

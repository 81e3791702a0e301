// Package posixre compiles POSIX extended regular expressions as glibc's regcomp(3) reads them.
//
// A pattern is translated to the syntax of package regexp, which does the matching. The two syntaxes differ in bracket
// expressions, interval expressions, repeated repetitions, lone parentheses and the letters after a backslash.
// A match takes time linear in the length of the text. Therefore back references are refused.
package posixre

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Error is an error of regcomp(3), in the words of glibc.
type Error string

func (e Error) Error() string { return string(e) }

const (
	errBadPattern = Error("Invalid regular expression")
	errCollation  = Error("Invalid collation character")
	errClass      = Error("Invalid character class name")
	errEscape     = Error("Trailing backslash")
	errBackref    = Error("Invalid back reference")
	errBracket    = Error("Unmatched [, [^, [:, [., or [=")
	errParen      = Error(`Unmatched ( or \(`)
	errBrace      = Error(`Unmatched \{`)
	errBadBrace   = Error(`Invalid content of \{\}`)
	errRange      = Error("Invalid range end")
	errRepeat     = Error("Invalid preceding regular expression")
	errTooBig     = Error("Regular expression too big")
	// errNoBackrefs has no counterpart in glibc, which supports back references.
	errNoBackrefs = Error("Back references are not supported")
)

// Regexp is a compiled regular expression.
type Regexp struct {
	re *regexp.Regexp
	// framed means that re matches framed text.
	framed bool
}

// Compile compiles a POSIX extended regular expression. It reads the pattern as regcomp(3) of glibc does with
// REG_EXTENDED, and with REG_ICASE if ignoreCase is set. An error is an Error.
//
// Character classes, \w and word boundaries are those of the C locale (ASCII). Other characters are Unicode characters.
// A byte that is not part of valid UTF-8 counts as one character, U+FFFD.
//
// To ignore case, package regexp uses Unicode's simple case folding, and glibc uses towupper(3). They differ for a few
// characters beyond ASCII: here k matches U+212A (KELVIN SIGN) and U+00DF (sharp s) matches U+1E9E (capital sharp s),
// but U+0131 (dotless i) does not match i.
func Compile(pattern string, ignoreCase bool) (*Regexp, error) {
	p := parser{rest: pattern, ignoreCase: ignoreCase}
	e, err := p.alternation()
	if err == nil && p.framed {
		p = parser{rest: pattern, ignoreCase: ignoreCase, framed: true}
		e, err = p.alternation()
	}
	if err != nil {
		return nil, err
	}
	flags := "(?s)"
	if ignoreCase {
		flags = "(?si)"
	}
	if p.framed {
		e.text = `\A(?:` + frameOf(".") + ")*(?:" + e.text + ")"
	}
	re, err := regexp.Compile(flags + e.text)
	if tooBig(err) {
		return nil, errTooBig
	}
	if err != nil {
		return nil, err // a fault of the translation: no pattern should cause it
	}
	return &Regexp{re: re, framed: p.framed}, nil
}

// tooBig reports whether package regexp has refused an expression because of its size or nesting. A large count is
// never the reason, because repeat splits large counts.
func tooBig(err error) bool {
	var e *syntax.Error
	return errors.As(err, &e) && (e.Code == syntax.ErrLarge || e.Code == syntax.ErrNestingDepth)
}

// MatchString reports whether text contains a match.
func (re *Regexp) MatchString(text string) bool {
	if re.framed {
		text = frame(text)
	}
	return re.re.MatchString(text)
}

// wordBegin and wordEnd are the translations of \< and \>. Package regexp has neither, and its \b matches at both ends
// of a word. Therefore a pattern with \< or \> is matched against framed text: every character stands between two
// marks, which describe the positions before and after the character.
//
//	position                  mark before it   mark after it   expression that matches there
//	beginning of a word       \n               w               (?m:^)\b
//	end of a word             w                \n              (?m:$)\b
//	within or outside words   blank            blank           \B
//
// The first position of the text has no mark before it, and the last position no mark after it. There \A and \z match,
// and so do (?m:^) and (?m:$) where they are needed. A character of a pattern is translated to three characters: a dot
// for each of its two marks, and the character between the dots. A match begins at a multiple of three characters.
const (
	wordBegin = `(?m:^)\b`
	wordEnd   = `(?m:$)\b`
)

// frameOf returns the translation, for framed text, of a regular expression that matches one character.
func frameOf(char string) string { return "." + char + "." }

// frame returns the framed text: text with two marks around each character.
func frame(text string) string {
	var framed strings.Builder
	inWord := false // whether the preceding character is a word character
	for i, r := range text {
		left, right := marks(inWord, isWord(r))
		if i > 0 {
			framed.WriteByte(left)
		}
		framed.WriteByte(right)
		framed.WriteRune(r)
		inWord = isWord(r)
	}
	if text != "" {
		left, _ := marks(inWord, false)
		framed.WriteByte(left)
	}
	return framed.String()
}

// marks returns the marks before and after a position of the text. before and after say whether the characters there
// are word characters.
func marks(before, after bool) (left, right byte) {
	switch {
	case before == after:
		return ' ', ' '
	case after:
		return '\n', 'w'
	}
	return 'w', '\n'
}

// isWord reports whether \w matches r.
func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

// expression is a translated part of a pattern.
type expression struct {
	text string
	// repeats is the largest product of nested repetition counts. Package regexp limits this product to maxRepeats.
	repeats int
}

const (
	// maxText limits the bytes of an expression.
	maxText = 1 << 20
	// maxRepeats is the limit of package regexp for the product of nested repetition counts.
	maxRepeats = 1000
	// maxDupCount is RE_DUP_MAX of glibc, the limit of a count in an interval expression.
	maxDupCount = 0x7fff
	// maxDepth limits nested subexpressions, and the repetitions of one atom.
	maxDepth = 1000
)

// repeat returns e repeated low to high times. high is -1 if there is no upper limit. Counts for which the product of
// nested counts would exceed maxRepeats are split: a{1001,2003} becomes a{1000}a{1}a{0,1000}a{0,2}.
func (e expression) repeat(low, high int) (expression, error) {
	if high == 0 {
		return expression{}, nil
	}
	atom := "(?:" + e.text + ")"
	switch {
	case low == 0 && high == -1:
		return expression{atom + "*", e.repeats}, nil
	case low == 1 && high == -1:
		return expression{atom + "+", e.repeats}, nil
	case low == 0 && high == 1:
		return expression{atom + "?", e.repeats}, nil
	}
	nested := max(e.repeats, 1)
	chunk := maxRepeats / nested
	optional := max(high-low, 0)
	if (low/chunk+optional/chunk+3)*(len(atom)+len("{0,1000}")) > maxText {
		return expression{}, errTooBig
	}
	var text strings.Builder
	for n := low; n > 0; n -= chunk {
		fmt.Fprintf(&text, "%s{%d}", atom, min(n, chunk))
	}
	for n := optional; n > 0; n -= chunk {
		fmt.Fprintf(&text, "%s{0,%d}", atom, min(n, chunk))
	}
	if high == -1 {
		text.WriteString(atom + "*")
	}
	return expression{text.String(), nested * min(max(low, optional), chunk)}, nil
}

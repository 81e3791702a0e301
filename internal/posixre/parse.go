package posixre

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// parser translates a pattern by recursive descent. Each method reads one construct of the grammar from the beginning
// of rest.
type parser struct {
	rest       string
	ignoreCase bool
	// framed means that the translation is for framed text (see wordBegin). The first \< or \> of a pattern sets
	// framed. Then the pattern must be parsed again from its beginning.
	framed bool
	depth  int      // the number of open subexpressions
	opened int      // the number of subexpressions opened so far
	closed [10]bool // whether the subexpression with this number is closed; \1 to \9 may refer to closed ones only
}

// next reads a character. A byte that is not UTF-8 becomes U+FFFD.
func (p *parser) next() rune {
	r, n := utf8.DecodeRuneInString(p.rest)
	p.rest = p.rest[n:]
	return r
}

// accept reads prefix and reports whether it was there.
func (p *parser) accept(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

// alternation reads branches up to the end of the subexpression or pattern.
func (p *parser) alternation() (expression, error) {
	var text strings.Builder
	repeats := 0
	for {
		branch, err := p.branch()
		if err != nil {
			return expression{}, err
		}
		text.WriteString(branch.text)
		repeats = max(repeats, branch.repeats)
		if text.Len() > maxText {
			return expression{}, errTooBig
		}
		if !p.accept("|") {
			return expression{text.String(), repeats}, nil
		}
		text.WriteByte('|')
	}
}

// branch reads atoms, each with its repetitions, and anchors.
func (p *parser) branch() (expression, error) {
	var text strings.Builder
	repeats := 0
	for p.rest != "" && p.rest[0] != '|' && (p.rest[0] != ')' || p.depth == 0) {
		e, err := p.piece()
		if err != nil {
			return expression{}, err
		}
		text.WriteString(e.text)
		repeats = max(repeats, e.repeats)
		if text.Len() > maxText {
			return expression{}, errTooBig
		}
	}
	return expression{text.String(), repeats}, nil
}

// piece reads an anchor, or an atom and its repetitions. An anchor cannot be repeated.
func (p *parser) piece() (expression, error) {
	if p.atRepetition() {
		return expression{}, errRepeat
	}
	if anchor := p.anchor(); anchor != "" {
		return expression{text: anchor}, nil
	}
	e, err := p.atom()
	for n := 0; err == nil && p.atRepetition(); n++ {
		if n == maxDepth {
			return expression{}, errTooBig
		}
		var low, high int
		if low, high, err = p.repetition(); err == nil {
			e, err = e.repeat(low, high)
		}
	}
	return e, err
}

// anchors are the anchors of glibc and their translations.
var anchors = []struct{ text, translation string }{
	{`^`, `\A`}, {`$`, `\z`}, {"\\`", `\A`}, {`\'`, `\z`}, {`\b`, `\b`}, {`\B`, `\B`}, {`\<`, wordBegin}, {`\>`, wordEnd},
}

// anchor reads an anchor and returns its translation, "" if there is none.
func (p *parser) anchor() string {
	for _, a := range anchors {
		if p.accept(a.text) {
			p.framed = p.framed || a.translation == wordBegin || a.translation == wordEnd
			return a.translation
		}
	}
	return ""
}

// atom reads a subexpression, or an expression that matches one character.
func (p *parser) atom() (expression, error) {
	r := p.next()
	if r == '(' {
		return p.subexpression()
	}
	var char string
	var err error
	switch r {
	case '\\':
		char, err = p.escape()
	case '[':
		char, err = p.bracketExpression()
	case '.':
		char = "."
	default:
		char = literal(r)
	}
	if p.framed {
		char = frameOf(char)
	}
	return expression{text: char}, err
}

// subexpression reads the rest of a subexpression, after its opening parenthesis.
func (p *parser) subexpression() (expression, error) {
	if p.depth == maxDepth {
		return expression{}, errTooBig
	}
	p.opened++
	number := p.opened
	p.depth++
	e, err := p.alternation()
	p.depth--
	if err != nil {
		return expression{}, err
	}
	if !p.accept(")") {
		return expression{}, errParen
	}
	if number < len(p.closed) {
		p.closed[number] = true
	}
	e.text = "(?:" + e.text + ")"
	return e, nil
}

// escape reads the character after a backslash. It need not handle anchors such as \b, because piece looks for anchors
// first.
func (p *parser) escape() (string, error) {
	if p.rest == "" {
		return "", errEscape
	}
	switch r := p.next(); r {
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if !p.closed[r-'0'] {
			return "", errBackref
		}
		return "", errNoBackrefs
	case 'w':
		return `\w`, nil
	case 'W':
		return `\W`, nil
	case 's':
		return "[[:space:]]", nil // \s of package regexp lacks the vertical tab
	case 'S':
		return "[^[:space:]]", nil
	default:
		return literal(r), nil
	}
}

// literal returns the translation of a character that stands for itself, also in a bracket expression. Package regexp
// accepts a backslash before any ASCII character that is neither a letter nor a digit.
func literal(r rune) string {
	if r < utf8.RuneSelf && !isWord(r) {
		return `\` + string(r)
	}
	return string(r)
}

// atRepetition reports whether a repetition follows.
func (p *parser) atRepetition() bool {
	return p.rest != "" && strings.IndexByte("*+?{", p.rest[0]) >= 0
}

// repetition reads *, +, ? or an interval expression. high is -1 if there is no upper limit.
func (p *parser) repetition() (low, high int, err error) {
	switch p.next() {
	case '*':
		return 0, -1, nil
	case '+':
		return 1, -1, nil
	case '?':
		return 0, 1, nil
	}
	return p.interval()
}

// interval reads the rest of an interval expression, after its opening brace: {N}, {N,}, {,M}, {,} or {N,M}.
func (p *parser) interval() (low, high int, err error) {
	low, lowOK, end := p.count()
	if low == -1 && end == ',' {
		low = 0
	}
	high, highOK := low, true
	if lowOK && end == ',' {
		high, highOK, end = p.count()
	}
	switch {
	case end == 0:
		return 0, 0, errBrace
	case !lowOK, !highOK, low == -1, high != -1 && high < low, end != '}':
		return 0, 0, errBadBrace
	case max(low, high) > maxDupCount:
		return 0, 0, errTooBig
	}
	return low, high, nil
}

// count reads a count and the comma or brace that ends it. n is -1 if there are no digits. ok is false if another
// character stands before the end. end is the comma or brace, or 0 at the end of the pattern.
//
// Some details are those of glibc. A count above the limit stays at the limit plus one. A comma or a 0 may be escaped.
// An escaped brace does not end the count.
func (p *parser) count() (n int, ok bool, end rune) {
	n, ok = -1, true
	for p.rest != "" {
		r := p.next()
		escaped := r == '\\' && p.rest != ""
		if escaped {
			r = p.next()
		}
		switch {
		case r == ',', r == '}' && !escaped:
			return n, ok, r
		case r == '0', '1' <= r && r <= '9' && !escaped:
			n = min(max(n, 0)*10+int(r-'0'), maxDupCount+1)
		default:
			ok = false
		}
	}
	return n, ok, 0
}

// bracketExpression reads the rest of a bracket expression. A backslash has no meaning there.
func (p *parser) bracketExpression() (string, error) {
	var text strings.Builder
	text.WriteByte('[')
	if p.accept("^") {
		text.WriteByte('^')
	}
	if p.rest == "" {
		return "", errBadPattern
	}
	for first := true; first || !p.accept("]"); first = false {
		if p.rest == "" {
			return "", errBracket
		}
		// A hyphen stands for itself only at the beginning, at the end, or as the end of a range.
		if p.rest[0] == '-' && !first && !strings.HasPrefix(p.rest, "-]") {
			return "", errRange
		}
		item, err := p.bracketItem()
		if err != nil {
			return "", err
		}
		text.WriteString(item)
	}
	text.WriteByte(']')
	return text.String(), nil
}

// element is an element of a bracket expression.
type element struct {
	// mark is ':' for a character class, '=' for an equivalence class, '.' for a collating symbol, and 0 for a
	// character.
	mark byte
	name string
}

// bracketItem reads a range or a single element.
func (p *parser) bracketItem() (string, error) {
	start, err := p.element()
	if err != nil {
		return "", err
	}
	switch start.mark {
	case ':':
		return start.class()
	case '=': // an equivalence class cannot begin a range
		r, err := start.character()
		return literal(r), err
	}
	if p.rest == "" || p.rest == "-" {
		return "", errBracket
	}
	if p.rest[0] != '-' || p.rest[1] == ']' {
		r, err := start.character()
		return literal(r), err
	}
	p.next()
	end, err := p.element()
	if err != nil {
		return "", err
	}
	return p.characterRange(start, end)
}

// element reads one element.
func (p *parser) element() (element, error) {
	for _, mark := range []byte{':', '=', '.'} {
		if !p.accept("[" + string(mark)) {
			continue
		}
		name, rest, ok := strings.Cut(p.rest, string(mark)+"]")
		if !ok || len(name) > maxName {
			return element{}, errBracket
		}
		p.rest = rest
		return element{mark, name}, nil
	}
	return element{name: string(p.next())}, nil
}

// maxName is the longest name of a class or collating element in glibc: the size of its buffer less the NUL.
const maxName = 31

// class returns the translation of a character class.
func (e element) class() (string, error) {
	switch e.name {
	case "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit":
		return "[:" + e.name + ":]", nil
	}
	return "", errClass
}

// character returns the character of an element. The C locale has no collating elements of several characters.
func (e element) character() (rune, error) {
	r, n := utf8.DecodeRuneInString(e.name)
	if n == 0 || n < len(e.name) {
		return 0, errCollation
	}
	return r, nil
}

// characterRange returns the translation of a range.
func (p *parser) characterRange(start, end element) (string, error) {
	if end.mark == ':' || end.mark == '=' {
		return "", errRange
	}
	from, err := start.character()
	if err != nil {
		return "", err
	}
	to, err := end.character()
	if err != nil {
		return "", err
	}
	if p.ignoreCase {
		from, to = unicode.ToUpper(from), unicode.ToUpper(to)
	}
	if to < from {
		return "", errRange
	}
	if p.ignoreCase && from < 'a' && to > 'z' {
		// glibc compares the upper case of the text with the range, so the lower case letters of the range
		// never match. Leave them out.
		return literal(from) + "-`{-" + literal(to), nil
	}
	return literal(from) + "-" + literal(to), nil
}

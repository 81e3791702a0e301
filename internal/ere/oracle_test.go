package ere

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const asciiClasses = " alnum alpha blank cntrl digit graph lower print punct space upper xdigit "

// oracleSpecial returns what a letter after a backslash means to glibc beyond POSIX,
// and whether that can be repeated.
func oracleSpecial(r rune) (text string, atom bool) {
	switch r {
	case 'w', 'W':
		return `\` + string(r), true
	case 's':
		return `[[:space:]]`, true // Go's own has no vertical tab
	case 'S':
		return `[^[:space:]]`, true
	case 'b', 'B':
		return `\` + string(r), false
	case '<', '>':
		return `\b`, false // which end of the word it is, the next atom tells
	case '`':
		return `\A`, false
	case '\'':
		return `\z`, false
	}
	return "", false
}

// compileOracle compiles a POSIX extended regular expression as glibc reads one.
// It is translated: Go's own syntax has other ideas of backslashes in brackets,
// of a lone parenthesis and of intervals. Only whether something matches is of
// interest, so it does not matter which of several matches is found.
func compileOracle(pattern string, ignoreCase bool) (*regexp.Regexp, error) {
	t := ere{rest: pattern, fold: ignoreCase}
	if err := t.translate(); err != nil {
		return nil, err
	}
	flags := "(?s)"
	if ignoreCase {
		flags = "(?si)"
	}
	re, err := regexp.Compile(flags + t.out.String())
	if err != nil {
		return nil, errTooBig // what is left that Go refuses
	}
	return re, nil
}

type ere struct {
	rest string
	fold bool
	out  strings.Builder
}

// literal writes a character that stands for itself. Go takes a backslash
// before any punctuation, in brackets too.
func (t *ere) literal(r rune) {
	if strings.ContainsRune("\\.+*?()|[]{}^$-&~", r) {
		t.out.WriteByte('\\')
	}
	t.out.WriteRune(r)
}

func (t *ere) next() rune {
	r, n := utf8.DecodeRuneInString(t.rest)
	t.rest = t.rest[n:]
	return r
}

func (t *ere) translate() error {
	depth := 0
	// atom: what precedes can be repeated; a repeated one can be again.
	atom := false
	var starts []int // where the open groups begin in out
	var open []int   // and their numbers
	groups, closed := 0, [10]bool{}
	last := 0 // where the last atom does
	begin := func() { last, atom = t.out.Len(), true }
	for t.rest != "" {
		switch r := t.next(); r {
		case '\\':
			if t.rest == "" {
				return errEscape
			}
			r = t.next()
			text, again := oracleSpecial(r)
			switch {
			case r >= '1' && r <= '9':
				if !closed[r-'0'] {
					return errBackref
				}
				return errNoBackrefs
			case text == "":
				begin()
				t.literal(r)
			default:
				begin()
				t.out.WriteString(text)
				atom = again
			}
		case '(':
			groups++
			starts, open = append(starts, t.out.Len()), append(open, groups)
			t.out.WriteByte('(')
			depth, atom = depth+1, false
		case ')':
			if depth == 0 {
				begin()
				t.literal(r)
				continue
			}
			depth--
			t.out.WriteByte(')')
			closed[min(open[depth], 9)] = true
			last, atom = starts[depth], true
			starts, open = starts[:depth], open[:depth]
		case '|':
			t.out.WriteByte('|')
			atom = false
		case '^', '$':
			t.out.WriteRune(r)
			atom = false
		case '*', '+', '?', '{':
			if !atom {
				return errRepeat
			}
			op := string(r)
			if r == '{' {
				var err error
				if op, err = t.interval(); err != nil {
					return err
				}
			}
			t.group(last)
			t.out.WriteString(op)
		case '[':
			begin()
			if err := t.bracket(); err != nil {
				return err
			}
		case '.':
			begin()
			t.out.WriteByte('.')
		default:
			begin()
			t.literal(r)
		}
	}
	if depth > 0 {
		return errParen
	}
	return nil
}

// group puts the last atom in a group of its own: "a**" is no repetition of a
// repetition to Go, and "a*?" means something else.
func (t *ere) group(at int) {
	s := t.out.String()
	t.out.Reset()
	t.out.WriteString(s[:at] + "(?:" + s[at:] + ")")
}

// interval reads the rest of {N}, {N,}, {,M}, {,} or {N,M}.
func (t *ere) interval() (string, error) {
	low, err := t.number()
	if err != nil {
		return "", err
	}
	high := low
	if t.rest[0] == ',' {
		t.rest = t.rest[1:]
		if high, err = t.number(); err != nil {
			return "", err
		}
		low = max(low, 0)
	}
	if low < 0 || t.rest[0] != '}' || high >= 0 && high < low {
		return "", errBadBrace
	}
	t.rest = t.rest[1:]
	if max(low, high) > maxInterval {
		return "", errTooBig
	}
	if high < 0 {
		return fmt.Sprintf("{%d,}", low), nil
	}
	return fmt.Sprintf("{%d,%d}", low, high), nil
}

// maxInterval is Go's limit; glibc's is 0x7fff.
const maxInterval = 1000

// number reads up to a comma or brace; -1 is none.
func (t *ere) number() (int, error) {
	end := strings.IndexAny(t.rest, ",}")
	if end < 0 {
		return 0, errBrace
	}
	text := t.rest[:end]
	t.rest = t.rest[end:]
	n, ok := decimal(text)
	switch {
	case text == "":
		return -1, nil
	case !ok:
		return 0, errBadBrace
	}
	return n, nil
}

// bracket reads the rest of a bracket expression, in which a backslash is a
// character like any other.
func (t *ere) bracket() error {
	if t.rest == "" {
		return errBadPattern
	}
	t.out.WriteByte('[')
	if t.rest[0] == '^' {
		t.out.WriteByte('^')
		if t.rest = t.rest[1:]; t.rest == "" {
			return errBadPattern
		}
	}
	for first := true; ; first = false {
		switch {
		case t.rest == "":
			return errBracket
		case t.rest[0] == ']' && !first:
			t.rest = t.rest[1:]
			t.out.WriteByte(']')
			return nil
		case strings.HasPrefix(t.rest, "[:"):
			name, rest, ok := strings.Cut(t.rest[2:], ":]")
			if !ok {
				return errBracket
			}
			if !strings.Contains(asciiClasses, " "+name+" ") {
				return errClass
			}
			t.out.WriteString("[:" + name + ":]")
			t.rest = rest
			continue
		case t.rest[0] == '-' && !first && len(t.rest) > 1 && t.rest[1] != ']':
			return errRange // of what is none, or has been one
		}
		from, err := t.element()
		if err != nil {
			return err
		}
		to := from
		if len(t.rest) > 1 && t.rest[0] == '-' && t.rest[1] != ']' {
			t.rest = t.rest[1:]
			if strings.HasPrefix(t.rest, "[:") {
				return errRange
			}
			if to, err = t.element(); err != nil {
				return err
			}
		}
		if t.fold && to != from {
			// What lies between them goes by the upper case.
			from, to = unicode.ToUpper(from), unicode.ToUpper(to)
		}
		if to < from {
			return errRange
		}
		t.literal(from)
		if to != from {
			t.out.WriteByte('-')
			t.literal(to)
		}
	}
}

// element reads one character, or [.x.] or [=x=].
func (t *ere) element() (rune, error) {
	for _, mark := range []string{".", "="} {
		inner, ok := strings.CutPrefix(t.rest, "["+mark)
		if !ok {
			continue
		}
		name, rest, ok := strings.Cut(inner, mark+"]")
		if !ok {
			return 0, errBracket
		}
		if utf8.RuneCountInString(name) != 1 {
			return 0, errCollation
		}
		r, _ := utf8.DecodeRuneInString(name)
		t.rest = rest
		return r, nil
	}
	return t.next(), nil
}

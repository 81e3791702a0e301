// Package ere has the extended regular expressions of POSIX, as glibc reads
// them, without back references. It tells whether something matches, not where:
// so it needs a tenth of the standard library's regexp, whose syntax is another
// one anyway.
package ere

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
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
	// errNoBackrefs is ours: matching them takes time without bound.
	errNoBackrefs = Error("Back references are not supported")
)

// The time that a match takes grows with the length of the text times that of
// the program, whatever the pattern. (glibc takes repetitions up to 0x7fff.)
const (
	maxRepeat  = 1000
	maxProgram = 20000
	maxDepth   = 1000
)

// code says what an instruction does.
type code uint8

const (
	inSet code = iota // a character of the set, and on
	split             // on at both x and y
	jump              // on at x
	textBegin
	textEnd
	wordEdge
	notWordEdge
	wordBegin
	wordEnd
	matched
)

// instruction is a step of a program. Its targets are relative, so a piece of
// program can be copied and put anywhere.
type instruction struct {
	code code
	x, y int32
	set  *set
}

// set is a set of characters: the ranges from each one at an even index to the
// next one.
type set struct {
	ranges  []rune
	negated bool
}

func one(from, to rune) []instruction {
	return []instruction{{code: inSet, set: &set{ranges: []rune{from, to}}}}
}

// parser turns a pattern into a program.
type parser struct {
	rest   string
	fold   bool
	depth  int
	groups int
	closed [10]bool // the groups that a back reference may name
}

// Compile compiles a pattern; with fold, letters match in either case.
func Compile(pattern string, fold bool) (*Regexp, error) {
	p := parser{rest: pattern, fold: fold}
	program, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	re := &Regexp{program: append(program, instruction{code: matched}), fold: fold}
	if !fold && !strings.ContainsAny(pattern, `\.[(|*+?{^$`) && !strings.ContainsRune(pattern, utf8.RuneError) {
		re.plain, re.literal = true, pattern
	}
	return re, nil
}

func (p *parser) next() rune {
	r, n := utf8.DecodeRuneInString(p.rest)
	p.rest = p.rest[n:]
	return r
}

// alternatives reads up to the end, or that of the group.
func (p *parser) alternatives() ([]instruction, error) {
	var list [][]instruction
	size := -2
	for more := true; more; {
		program, err := p.sequence()
		if err != nil {
			return nil, err
		}
		list = append(list, program)
		if size += len(program) + 2; size > maxProgram {
			return nil, errTooBig
		}
		p.rest, more = strings.CutPrefix(p.rest, "|")
	}
	var all []instruction
	for i, program := range list {
		if i == len(list)-1 {
			return append(all, program...), nil
		}
		all = append(all, instruction{code: split, x: 1, y: int32(len(program)) + 2})
		all = append(all, program...)
		all = append(all, instruction{code: jump, x: int32(size - len(all))})
	}
	return all, nil
}

// sequence reads up to the end, a bar, or the end of the group.
func (p *parser) sequence() (program []instruction, err error) {
	// What was read last; it can be repeated if atom, again and again.
	var last []instruction
	atom := false
	for p.rest != "" && p.rest[0] != '|' && (p.rest[0] != ')' || p.depth == 0) {
		r := p.next()
		if strings.ContainsRune("*+?{", r) {
			if !atom {
				return nil, errRepeat
			}
			if last, err = p.repeated(r, last); err != nil {
				return nil, err
			}
			continue
		}
		if program = append(program, last...); len(program) > maxProgram {
			return nil, errTooBig
		}
		atom = true
		switch r {
		case '\\':
			last, atom, err = p.escaped()
		case '(':
			last, err = p.group()
		case '^':
			last, atom = []instruction{{code: textBegin}}, false
		case '$':
			last, atom = []instruction{{code: textEnd}}, false
		case '[':
			last, err = p.bracket()
		case '.':
			last = one(0, unicode.MaxRune)
		default:
			last = one(r, r)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(program, last...), nil
}

func (p *parser) group() ([]instruction, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errTooBig
	}
	p.groups++
	number := p.groups
	program, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if p.rest == "" {
		return nil, errParen
	}
	p.next()
	p.depth--
	if number < len(p.closed) {
		p.closed[number] = true
	}
	return program, nil
}

func (p *parser) escaped() (program []instruction, atom bool, err error) {
	if p.rest == "" {
		return nil, false, errEscape
	}
	r := p.next()
	if r >= '1' && r <= '9' {
		if !p.closed[r-'0'] {
			return nil, false, errBackref
		}
		return nil, false, errNoBackrefs
	}
	if in := special(r); in != nil {
		return []instruction{*in}, in.code == inSet, nil
	}
	return one(r, r), true, nil
}

// repeated reads the rest of a repetition of the atom, *, +, ? or an interval:
// {N}, {N,}, {,M}, {,} or {N,M}.
func (p *parser) repeated(op rune, atom []instruction) ([]instruction, error) {
	low, high := 0, -1
	switch op {
	case '+':
		low = 1
	case '?':
		high = 1
	case '{':
		var err error
		if low, high, err = p.interval(); err != nil {
			return nil, err
		}
	}
	if max(low, high)*(len(atom)+2) > maxProgram {
		return nil, errTooBig
	}
	var program []instruction
	for range low {
		program = append(program, atom...)
	}
	n := int32(len(atom))
	optional := append([]instruction{{code: split, x: 1, y: n + 1}}, atom...)
	for range high - low {
		program = append(program, optional...)
	}
	if high < 0 {
		optional[0].y++
		program = append(append(program, optional...), instruction{code: jump, x: -n - 1})
	}
	return program, nil
}

func (p *parser) interval() (low, high int, err error) {
	if low, err = p.number(); err != nil {
		return 0, 0, err
	}
	high = low
	if p.next() == ',' {
		if high, err = p.number(); err != nil {
			return 0, 0, err
		}
		low = max(low, 0)
		if p.next() != '}' {
			return 0, 0, errBadBrace
		}
	}
	switch {
	case low < 0 || high >= 0 && high < low:
		return 0, 0, errBadBrace
	case max(low, high) > maxRepeat:
		return 0, 0, errTooBig
	}
	return low, high, nil
}

// number reads up to a comma or brace; -1 is none.
func (p *parser) number() (int, error) {
	end := strings.IndexAny(p.rest, ",}")
	if end < 0 {
		return 0, errBrace
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	if text == "" {
		return -1, nil
	}
	if strings.Trim(text, "0123456789") != "" {
		return 0, errBadBrace
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, errTooBig
	}
	return n, nil
}

// bracket reads the rest of a bracket expression, in which a backslash is a
// character like any other.
func (p *parser) bracket() ([]instruction, error) {
	if p.rest == "" {
		return nil, errBadPattern
	}
	s := new(set)
	if p.rest, s.negated = strings.CutPrefix(p.rest, "^"); p.rest == "" {
		return nil, errBadPattern
	}
	for first := true; ; first = false {
		if p.rest == "" {
			return nil, errBracket
		}
		if p.rest[0] == ']' && !first {
			p.next()
			return []instruction{{code: inSet, set: s}}, nil
		}
		if inner, ok := strings.CutPrefix(p.rest, "[:"); ok {
			name, rest, ok := strings.Cut(inner, ":]")
			if !ok {
				return nil, errBracket
			}
			ranges := class(name)
			if len(ranges) == 0 || name == "word" {
				return nil, errClass
			}
			s.ranges = append(s.ranges, ranges...)
			p.rest = rest
			continue
		}
		if p.rest[0] == '-' && !first && len(p.rest) > 1 && p.rest[1] != ']' {
			return nil, errRange // of what is none, or has been one
		}
		from, err := p.element()
		if err != nil {
			return nil, err
		}
		to := from
		if len(p.rest) > 1 && p.rest[0] == '-' && p.rest[1] != ']' {
			p.next()
			if strings.HasPrefix(p.rest, "[:") {
				return nil, errRange
			}
			if to, err = p.element(); err != nil {
				return nil, err
			}
		}
		if p.fold && to != from {
			// What lies between them goes by the upper case.
			from, to = unicode.ToUpper(from), unicode.ToUpper(to)
		}
		if to < from {
			return nil, errRange
		}
		s.ranges = append(s.ranges, from, to)
	}
}

// element reads one character, or [.x.] or [=x=].
func (p *parser) element() (rune, error) {
	for _, mark := range []string{".", "="} {
		inner, ok := strings.CutPrefix(p.rest, "["+mark)
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
		p.rest = rest
		return r, nil
	}
	return p.next(), nil
}

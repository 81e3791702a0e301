package ere

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Regexp is a compiled pattern.
type Regexp struct {
	program []instruction
	fold    bool
	// plain: the pattern stands for itself, and is literal.
	plain   bool
	literal string
}

// matcher is at one place of a text, between two characters (-1: an end), and
// at all the places in the program that what precedes may lead to.
type matcher struct {
	*Regexp
	place         int
	before, after rune
	seen          []int   // by place in the program: where in the text it was last reached
	waiting       []int32 // for a character
}

// MatchString tells whether the pattern matches somewhere in the text. All ways
// through the program are followed at the same time, a character a step.
func (re *Regexp) MatchString(text string) bool {
	if re.plain {
		return strings.Contains(text, re.literal)
	}
	m := matcher{Regexp: re, after: -1, seen: make([]int, len(re.program))}
	var arrived []int32
	for {
		n := 0
		m.before, m.after = m.after, -1
		if text != "" {
			m.after, n = utf8.DecodeRuneInString(text)
		}
		text = text[n:]
		m.place++
		m.waiting = m.waiting[:0]
		for _, at := range arrived {
			if m.follow(at) {
				return true
			}
		}
		if m.follow(0) { // it may begin anywhere
			return true
		}
		if m.after < 0 || len(m.waiting) == 0 && re.program[0].code == textBegin {
			return false
		}
		arrived = arrived[:0]
		for _, at := range m.waiting {
			if m.takes(re.program[at].set) {
				arrived = append(arrived, at+1)
			}
		}
	}
}

// follow goes on as far as the program does without a character. It tells
// whether that is to its end.
func (m *matcher) follow(at int32) bool {
	for m.seen[at] != m.place {
		m.seen[at] = m.place
		in := &m.program[at]
		ok := true
		switch in.code {
		case matched:
			return true
		case inSet:
			m.waiting = append(m.waiting, at)
			return false
		case split:
			if m.follow(at + in.y) {
				return true
			}
			at += in.x
			continue
		case jump:
			at += in.x
			continue
		case textBegin:
			ok = m.before < 0
		case textEnd:
			ok = m.after < 0
		case wordEdge:
			ok = m.edge()
		case notWordEdge:
			ok = !m.edge()
		case wordBegin:
			ok = m.edge() && isWord(m.after)
		case wordEnd:
			ok = m.edge() && isWord(m.before)
		}
		if !ok {
			return false
		}
		at++
	}
	return false
}

func (m *matcher) takes(s *set) bool {
	in := s.has(m.after)
	if m.fold && !in {
		in = s.has(unicode.ToLower(m.after)) || s.has(unicode.ToUpper(m.after))
	}
	return in != s.negated
}

func (s *set) has(r rune) bool {
	for i := 0; i < len(s.ranges); i += 2 {
		if s.ranges[i] <= r && r <= s.ranges[i+1] {
			return true
		}
	}
	return false
}

// edge: a word begins or ends here.
func (m *matcher) edge() bool { return isWord(m.before) != isWord(m.after) }

func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
}

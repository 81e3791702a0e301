// Package show escapes and shortens text from outside for messages on a terminal: operands, values of options, paths
// and names of processes.
package show

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limit is the largest number of characters of a word in a message. A longer word is cut and ends in an ellipsis,
// which counts.
const Limit = 64

const ellipsis = "..."

// Word returns the word for a message, cut to Limit. If a terminal would not show every character, the word is escaped
// as by Escape. Otherwise a backslash stays single, because it is frequent in regular expressions.
func Word(s string) string {
	if visible(s) {
		return Cut(s, func(char string) string { return char })
	}
	return Cut(s, Escape)
}

// Quoted returns the word in double quotes, escaped as in Go, and cut to Limit.
func Quoted(s string) string {
	return `"` + Cut(s, func(char string) string {
		q := strconv.QuoteToGraphic(char)
		return q[1 : len(q)-1]
	}) + `"`
}

// Escape makes the name of a process safe for a terminal. Backslashes, characters that are not graphic, and bytes that
// are not UTF-8 are written as in a Go string.
func Escape(s string) string {
	if visible(s) && !strings.ContainsRune(s, '\\') {
		return s
	}
	q := strconv.QuoteToGraphic(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// Lines escapes the characters that a terminal acts on (Acts) and the bytes that are not UTF-8 in a whole message.
// Newlines and tabs stay. Lines does not change JSON, because package report has escaped the same characters already.
func Lines(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		char := s[:n]
		if invalid := r == utf8.RuneError && n == 1; invalid || Acts(r) && r != '\n' && r != '\t' {
			char = Escape(char)
		}
		b.WriteString(char)
		s = s[n:]
	}
	return b.String()
}

// Error returns an error of package os with its paths escaped and cut by Word. That of one path becomes "PATH: CAUSE":
// the system call that failed says nothing to the user. It returns any other error unchanged.
func Error(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return fmt.Errorf("%s: %w", Word(e.Path), e.Err)
	case *os.LinkError:
		return &os.LinkError{Op: e.Op, Old: Word(e.Old), New: Word(e.New), Err: e.Err}
	}
	return err
}

// Cut replaces each character of s by the result of escape, and cuts the text to Limit characters, but never within one
// result of escape. A byte that is not UTF-8 is a character of its own.
func Cut(s string, escape func(char string) string) string {
	return cut(s, Limit, escape, utf8.RuneCountInString)
}

// Acts reports whether a terminal acts on the character instead of showing it. These are control characters, line and
// paragraph separators, and the characters that change the direction of text (Bidi_Control in Unicode).
func Acts(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
}

// visible reports whether every character of s is UTF-8 and graphic.
func visible(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return false
		}
	}
	return true
}

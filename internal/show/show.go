// Package show makes text that others chose fit for a message on a terminal:
// operands, values of options, paths, names of processes.
package show

import (
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limit is the number of characters of a word that a message shows. A longer
// word ends in an ellipsis, which is counted.
const Limit = 64

const ellipsis = "..."

// Word returns the word as a message repeats it: escaped like a name if a
// terminal would not show all of it, and cut to Limit. The backslash of any
// other word stays as it is, for the sake of regular expressions.
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

// Escape makes a name safe for a terminal: control characters, what is not
// UTF-8, and the backslash are written as in Go.
func Escape(s string) string {
	if visible(s) && !strings.ContainsRune(s, '\\') {
		return s
	}
	q := strconv.QuoteToGraphic(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}

// Lines returns a whole message with what a terminal acts on, and what is not
// UTF-8, escaped. Newlines and tabs stay. JSON is not changed: package report
// has escaped the same characters.
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

// Error returns an error of package os with its paths as Word shows them; any
// other error is returned as it is.
func Error(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return &fs.PathError{Op: e.Op, Path: Word(e.Path), Err: e.Err}
	case *os.LinkError:
		return &os.LinkError{Op: e.Op, Old: Word(e.Old), New: Word(e.New), Err: e.Err}
	}
	return err
}

// Cut replaces each character of s by what escape makes of it, and ends the
// result at Limit characters, but never within one escape sequence. A byte that
// is not UTF-8 is a character of its own.
func Cut(s string, escape func(char string) string) string {
	var b strings.Builder
	length, fits := 0, 0 // in characters; in bytes that leave room for the ellipsis
	for len(s) > 0 {
		_, n := utf8.DecodeRuneInString(s)
		char := escape(s[:n])
		if length += utf8.RuneCountInString(char); length > Limit {
			return b.String()[:fits] + ellipsis
		}
		b.WriteString(char)
		if length <= Limit-len(ellipsis) {
			fits = b.Len()
		}
		s = s[n:]
	}
	return b.String()
}

// Acts reports whether a terminal acts on the character instead of showing it:
// control characters, line and paragraph separators, and the characters that
// change the direction of text (Bidi_Control in Unicode).
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

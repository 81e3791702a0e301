package show

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxLine is the largest number of columns of a line that is not cut to the width of a terminal.
const MaxLine = 4096

// Line returns text for one line of a terminal, escaped as by Word and cut to a number of columns. A line that was cut
// ends in an ellipsis, which counts. 0 columns means MaxLine. With ascii, each character outside of ASCII is escaped:
// in other locales than those of UTF-8, a terminal may take a byte of the character for a control character.
func Line(s string, columns int, ascii bool) string {
	if columns <= 0 {
		columns = MaxLine
	}
	escape := func(char string) string { return char }
	switch {
	case ascii && strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }):
		escape = func(char string) string {
			q := strconv.QuoteToASCII(char)
			return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
		}
	case !visible(s):
		escape = Escape
	}
	return cut(s, columns, escape, Columns)
}

// Columns returns how many columns of a terminal the text takes. A character of East Asian writing and an emoji take
// two; a character whose width differs between terminals counts as two.
func Columns(s string) (n int) {
	for _, r := range s {
		n++
		for _, w := range wide {
			if r >= w[0] && r <= w[1] {
				n++
				break
			}
		}
	}
	return n
}

// wide are the ranges of characters that take two columns: Wide and Fullwidth in EastAsianWidth.txt of Unicode, joined
// where only symbols are between them. A combining character counts as one, so that a line has a limited number.
var wide = [...][2]rune{
	{0x1100, 0x115f}, {0x231a, 0x23f3}, {0x25fd, 0x27bf}, {0x2b1b, 0x2b55}, {0x2e80, 0x303e}, {0x3041, 0xa4cf},
	{0xa960, 0xa97c}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe10, 0xfe6f}, {0xff01, 0xff60}, {0xffe0, 0xffe6},
	{0x16fe0, 0x18cff}, {0x1aff0, 0x1b2ff}, {0x1d300, 0x1d376}, {0x1f000, 0x1faff}, {0x20000, 0x3fffd},
}

// cut replaces each character of s by the result of escape, and cuts the text where width exceeds limit, but never
// within one result of escape. A byte that is not UTF-8 is a character of its own.
func cut(s string, limit int, escape func(char string) string, width func(string) int) string {
	var b strings.Builder
	length := 0 // the width of the text so far
	fits := 0   // the length of the text that leaves room for the ellipsis, in bytes
	for len(s) > 0 {
		_, n := utf8.DecodeRuneInString(s)
		char := escape(s[:n])
		if length += width(char); length > limit {
			return b.String()[:fits] + ellipsis[:min(limit, len(ellipsis))]
		}
		b.WriteString(char)
		if length <= limit-len(ellipsis) {
			fits = b.Len()
		}
		s = s[n:]
	}
	return b.String()
}

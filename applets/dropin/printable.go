package dropin

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"killbox/internal/show"
)

// printable replaces what a terminal would act on, as procps does: a newline by
// a space, other control characters and what is no UTF-8 by question marks.
func printable(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteByte(' ')
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError && !strings.HasPrefix(s[i:], string(r)):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// printed is printable for text that is only printed. It also replaces characters that end a line or change
// the direction of text. Patterns are not compared with it, because procps keeps these characters.
func printed(s string) string {
	return strings.Map(func(r rune) rune {
		if show.Acts(r) {
			return '?'
		}
		return r
	}, printable(s))
}

// shellQuote quotes a word where it needs to be, with $'...' if it holds what
// a terminal would act on.
func shellQuote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-"
	switch {
	case s != "" && strings.Trim(s, plain) == "":
		return s
	case printed(s) == s:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteString(`\` + string(rune(c)))
		case c < ' ' || c >= 0x7f:
			octal := strconv.FormatInt(int64(c), 8)
			b.WriteString(`\` + strings.Repeat("0", 3-len(octal)) + octal)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

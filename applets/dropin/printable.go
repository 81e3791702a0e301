package dropin

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"killbox/internal/show"
)

// printable returns s as procps prints it: a newline becomes a space; other control characters, and bytes that are not
// UTF-8, become question marks.
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

// terminalSafe returns s for output. In addition to what the function printable does, it replaces characters that end a
// line or change the direction of text. Patterns are matched against the result of printable, because procps keeps
// these characters.
func terminalSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if show.Acts(r) {
			return '?'
		}
		return r
	}, printable(s))
}

// shellQuote quotes a word for a shell if necessary, with $'...' if it contains characters that a terminal would act
// on.
func shellQuote(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-"
	switch {
	case s != "" && strings.Trim(s, plain) == "":
		return s
	case terminalSafe(s) == s:
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

// Package fmt is as much of the standard one as this program needs, without the
// reflection that makes that one a tenth of the binary. It knows the verbs
// %s %d %v %q %c %o %x %w, widths, and the flags '-', '0' and '#' (for %#x), of
// strings, bytes, plain integers, errors and what has a String method. A test of
// the whole program holds every call to that: see format_test.go.
package fmt

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Stringer is what tells itself how to be printed.
type Stringer interface{ String() string }

// Sprintf formats as a string.
func Sprintf(format string, args ...any) string {
	text, _ := sprintf(format, args)
	return text
}

// Fprintf writes what Sprintf returns, at once.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	return io.WriteString(w, Sprintf(format, args...))
}

// Errorf returns an error, which wraps the argument of %w if there is one.
func Errorf(format string, args ...any) error {
	text, cause := sprintf(format, args)
	if cause == nil {
		return errors.New(text)
	}
	return &wrapped{text, cause}
}

type wrapped struct {
	text  string
	cause error
}

func (e *wrapped) Error() string { return e.text }
func (e *wrapped) Unwrap() error { return e.cause }

// Sprint returns the value as %v does.
func Sprint(value any) string { return one(value, 'v', false) }

// Fprint writes the value as %v does.
func Fprint(w io.Writer, value any) (int, error) { return io.WriteString(w, Sprint(value)) }

// Fprintln writes the values as %v does, blanks between them, and a newline.
func Fprintln(w io.Writer, values ...any) (int, error) {
	line := ""
	for i, value := range values {
		if i > 0 {
			line += " "
		}
		line += Sprint(value)
	}
	return io.WriteString(w, line+"\n")
}

func sprintf(format string, args []any) (text string, cause error) {
	var b strings.Builder
	for {
		plain, rest, ok := strings.Cut(format, "%")
		b.WriteString(plain)
		if !ok {
			return b.String(), cause
		}
		left, zero, sharp := false, false, false
	flags:
		for ; rest != ""; rest = rest[1:] {
			switch rest[0] {
			case '-':
				left = true
			case '0':
				zero = true
			case '#':
				sharp = true
			default:
				break flags
			}
		}
		width := 0
		for ; rest != "" && '0' <= rest[0] && rest[0] <= '9'; rest = rest[1:] {
			width = 10*width + int(rest[0]-'0')
		}
		if rest == "" {
			return b.String() + "%!", cause
		}
		verb := rest[0]
		format = rest[1:]
		if verb == '%' {
			b.WriteByte('%')
			continue
		}
		if len(args) == 0 {
			b.WriteString("%!" + string(verb))
			continue
		}
		if verb == 'w' {
			cause, _ = args[0].(error)
		}
		value := one(args[0], verb, sharp)
		args = args[1:]
		missing := max(width-utf8.RuneCountInString(value), 0)
		switch {
		case left:
			b.WriteString(value + strings.Repeat(" ", missing))
		case zero:
			b.WriteString(strings.Repeat("0", missing) + value)
		default:
			b.WriteString(strings.Repeat(" ", missing) + value)
		}
	}
}

// one formats a value. What it does not know it shows as the verb with %!.
func one(value any, verb byte, sharp bool) string {
	switch v := value.(type) {
	case nil:
		return "<nil>"
	case string:
		return text(v, verb)
	case []byte:
		return text(string(v), verb)
	case error:
		return text(v.Error(), verb)
	case Stringer:
		return text(v.String(), verb)
	case int:
		return signed(int64(v), verb, sharp)
	case int64:
		return signed(v, verb, sharp)
	case rune:
		return signed(int64(v), verb, sharp)
	case byte:
		return number(uint64(v), verb, sharp)
	case uint32:
		return number(uint64(v), verb, sharp)
	case uint64:
		return number(v, verb, sharp)
	}
	return "%!" + string(verb)
}

func text(s string, verb byte) string {
	switch verb {
	case 's', 'v', 'w':
		return s
	case 'q':
		return strconv.Quote(s)
	}
	return "%!" + string(verb)
}

func signed(n int64, verb byte, sharp bool) string {
	if n < 0 && verb != 'c' && verb != 'q' {
		return "-" + number(-uint64(n), verb, sharp)
	}
	return number(uint64(n), verb, sharp)
}

func number(n uint64, verb byte, sharp bool) string {
	switch verb {
	case 'd', 'v':
		return strconv.FormatUint(n, 10)
	case 'o':
		return strconv.FormatUint(n, 8)
	case 'x':
		digits := strconv.FormatUint(n, 16)
		if sharp {
			return "0x" + digits
		}
		return digits
	case 'c':
		return string(rune(n))
	case 'q':
		return strconv.QuoteRune(rune(n))
	}
	return "%!" + string(verb)
}

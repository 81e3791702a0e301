package dropin

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// usageError is a message that ends the call with exit status 2, or with
// another code. A usageError without text stands for the usage.
type usageError struct {
	text  string
	try   bool // with the hint to read --help
	usage bool // with the usage
	code  int
}

func (e *usageError) Error() string { return e.text }

func badValue(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// strerror spells an error as strerror(3) does.
func strerror(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

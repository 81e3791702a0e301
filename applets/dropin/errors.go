package dropin

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// usageError ends the call before any process is signalled. Without text, only the usage is printed.
type usageError struct {
	text  string
	try   bool // a line that points to --help follows
	usage bool // the usage follows
	code  int  // the exit status; 0 means that of a usage error
}

func (e *usageError) Error() string { return e.text }

// badValue returns a usageError for the argument of an option.
func badValue(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// strerror returns the text of strerror(3) if err wraps an errno, and the text of err otherwise.
func strerror(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

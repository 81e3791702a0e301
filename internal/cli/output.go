package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// diagnostics escapes the characters of a message on which a terminal acts. Messages pass each word through
// package show; diagnostics covers those that do not.
type diagnostics struct{ w io.Writer }

func (d *diagnostics) Write(b []byte) (int, error) {
	if _, err := io.WriteString(d.w, show.Lines(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WrapOutput makes standard output remember its first error, and standard error escape what a terminal acts on.
func (e *Env) WrapOutput() {
	e.Stdout = &Output{W: e.Stdout}
	e.Screen, e.Stderr = e.Stderr, &diagnostics{e.Stderr}
}

// CloseOutput reports an error of standard output, and returns the exit status of the call.
func (e *Env) CloseOutput(name string, code int, a *Applet) int {
	if out, ok := e.Stdout.(*Output); ok {
		return out.close(e, name, code, a)
	}
	return code
}

// Output keeps the first error of standard output. A kill that has begun is
// not given up because nobody reads of it.
type Output struct {
	W   io.Writer
	Err error
}

func (o *Output) Write(b []byte) (int, error) {
	if o.Err == nil {
		_, o.Err = o.W.Write(b)
	}
	return len(b), nil
}

// close turns a write error into a diagnostic, and a closed pipe into the
// death by SIGPIPE that a reader's end means to every program.
func (o *Output) close(env *Env, name string, code int, a *Applet) int {
	err := o.Err
	o.Err = nil
	if err == nil || errors.Is(err, syscall.EPIPE) && code != 0 {
		return code
	}
	if errors.Is(err, syscall.EPIPE) {
		env.Die(signals.PIPE)
		// Our caller ignores it, or this is PID 1.
	}
	text := err.Error()
	if a.Dropin {
		text = StrError(err)
	}
	fmt.Fprintf(env.Stderr, "%s: write error: %s\n", name, text)
	if a.WriteExit != 0 {
		return cmp.Or(code, a.WriteExit)
	}
	return Worst(code, ExitFailed)
}

// StrError spells an error as the C library does.
func StrError(err error) string {
	text := err.Error()
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		text = errno.Error()
	} else if errors.Is(err, procfs.ErrNoProcess) {
		text = syscall.ESRCH.Error()
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

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

// diagnostics is a writer that escapes the characters that a terminal would act on. Code that formats a message passes
// each untrusted word through package show; diagnostics escapes what was missed.
type diagnostics struct{ w io.Writer }

func (d *diagnostics) Write(b []byte) (int, error) {
	if _, err := io.WriteString(d.w, show.Lines(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// WrapOutput makes Stdout an Output, which keeps its first error, and makes Stderr escape what a terminal would act on.
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

// Output is a writer that keeps its first error and reports success to the writing code. An applet does not give up a
// ladder because its output cannot be written. CloseOutput reports the error at the end.
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

// close reports the first write error and returns the exit status of the call. If the error is EPIPE, close ends this
// process by SIGPIPE instead, as the kernel would end another program. But if the call itself failed, close does not
// report EPIPE and returns the exit status of that failure.
func (o *Output) close(env *Env, name string, code int, a *Applet) int {
	err := o.Err
	o.Err = nil
	if err == nil || errors.Is(err, syscall.EPIPE) && code != 0 {
		return code
	}
	if errors.Is(err, syscall.EPIPE) {
		env.Die(signals.PIPE)
		// Die has returned: this process inherited SIGPIPE as ignored, or is PID 1. Report EPIPE like any other error.
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

// StrError returns the text of an error as strerror(3) words it.
func StrError(err error) string {
	text := err.Error()
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		text = errno.Error()
	} else if errors.Is(err, procfs.ErrNoProcess) {
		text = syscall.ESRCH.Error()
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

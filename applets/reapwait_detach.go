package applets

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/child"
	"killbox/internal/cli"
)

// startDetached is --detach: it starts this program again, in a session of its own. It waits until the new process
// answers that the command was started, or could not be started.
func (r *reapwaitCall) startDetached(operands []string) int {
	answer, err := r.env.Kernel.StartBackground(detachedName, ownWords(r.env.Args), r.env.Environ)
	if err != nil {
		return r.fail(err)
	}
	if handle, ok := strings.CutPrefix(answer, "handle "); ok {
		fmt.Fprint(r.env.Stdout, handle)
		return 0
	}
	code, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(answer, "exit ")))
	if err != nil {
		return r.fail(errors.New("the process in the background ended without an answer"))
	}
	return code
}

// ownWords returns the words of the command line from the name of reapwait on.
func ownWords(argv []string) []string {
	name := strings.TrimPrefix(path.Base(argv[0]), "-")
	if name == "reapwait" || strings.HasPrefix(name, detachedName) {
		return argv
	}
	// This program was called as "killbox reapwait ...", where the binary may have any other name than killbox.
	return argv[max(slices.Index(argv, "reapwait"), 0):]
}

// detachedName begins argv[0] of the process in the background. The number of a descriptor follows: the write end of
// the pipe through which that process answers startDetached.
const detachedName = "reapwait-detached-"

// detached reports whether this process was started by startDetached. answer sends a line to the process that waits in
// startDetached. If startDetached did not start this process, answer does nothing.
func (o *reapwaitOptions) detached(env *cli.Env) (answer func(string), ok bool) {
	number, ok := strings.CutPrefix(path.Base(env.Args[0]), detachedName)
	fd, err := strconv.Atoi(number)
	if !ok || err != nil {
		return func(string) {}, false
	}
	env.Kernel.SetProcessName("reapwait")
	w, err := env.Kernel.WriterTo(fd)
	env.Kernel.CloseOnExec(fd) // WriterTo now refuses this descriptor for --report-fd
	return func(line string) {
		if err == nil {
			_, _ = w.Write([]byte(line)) // an error means that the reader was killed
		}
	}, true
}

// openLog opens the file of --log in the process in the background.
func (r *reapwaitCall) openLog() error {
	if r.log == "" || !r.isDetached {
		return nil
	}
	return r.env.Kernel.OpenLog(r.log)
}

// launch starts the command. Standard error of a detached command is the same file as its standard output: /dev/null or
// the file of --log. When the command runs, the process in the background closes the standard error of the caller as
// well: a caller that reads it from a pipe must see the end of the file. If the command cannot be started, the message
// still goes there.
func (r *reapwaitCall) launch(l *child.Spec) error {
	if !r.isDetached {
		return r.Launch(l)
	}
	undo, keep, err := r.env.Kernel.RedirectErrors()
	if err != nil {
		return err
	}
	if err := r.Launch(l); err != nil {
		undo()
		return err
	}
	keep()
	return nil
}

// giveUpErrors is called in the outer half of a pair when the inner half has started the command. The inner half has
// done the same in launch.
func (r *reapwaitCall) giveUpErrors() {
	if !r.isDetached {
		return
	}
	if _, keep, err := r.env.Kernel.RedirectErrors(); err == nil {
		keep()
	}
}

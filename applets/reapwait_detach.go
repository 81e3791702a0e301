package applets

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/cli"
)

// startDetached is --detach: it starts this program again, in a session of its own. It waits until the new process
// answers that the command was started, or could not be started.
func (r *reapwaitCall) startDetached(operands []string) int {
	argv := r.env.Args
	if strings.TrimPrefix(path.Base(argv[0]), "-") != "reapwait" {
		// This program was called as "killbox reapwait ...", where the binary may have any other name than killbox.
		// Drop the words before "reapwait".
		argv = argv[max(slices.Index(argv, "reapwait"), 0):]
	}
	answer, err := r.env.Kernel.StartBackground(detachedName, argv, r.env.Environ)
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
	w, err := env.Kernel.WriterTo(fd)
	env.Kernel.CloseOnExec(fd) // WriterTo now refuses this descriptor for --report-fd
	return func(line string) {
		if err == nil {
			_, _ = w.Write([]byte(line)) // an error means that the reader was killed
		}
	}, true
}

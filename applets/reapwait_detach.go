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

// background is --detach: it starts this program again, in a session of its
// own, and returns when COMMAND runs there or cannot.
func (r *reapwaitCall) background(operands []string) int {
	argv := r.env.Args
	if strings.TrimPrefix(path.Base(argv[0]), "-") != "reapwait" {
		// killbox reapwait ..., whatever the file is called
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
		return r.fail(errors.New("what runs in the background has not answered"))
	}
	return code
}

// detachedName is argv[0] of the one in the background, with a number after it.
const detachedName = "reapwait-detached-"

// detached tells whether this is the one in the background, and how to answer
// the other.
func (o *reapwaitOptions) detached(env *cli.Env) (say func(string), ok bool) {
	number, ok := strings.CutPrefix(path.Base(env.Args[0]), detachedName)
	fd, err := strconv.Atoi(number)
	if !ok || err != nil {
		return func(string) {}, false
	}
	w, err := env.Kernel.WriterTo(fd)
	env.Kernel.CloseOnExec(fd) // from here on no --report-fd can name it
	return func(answer string) {
		if err == nil {
			_, _ = w.Write([]byte(answer)) // the other may have been killed
		}
	}, true
}

package kernel

import (
	"fmt"
	"os"
	"strings"

	"killbox/internal/child"
	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// LookUpName returns the entry of a user in the database "passwd", or of a group in the database "group", from all
// sources of nsswitch.conf(5). The entry is "" if there is none. LookUpName runs getent(1), because the modules of the
// sources are shared libraries, which a static program cannot load; where there is no getent(1), no name has an entry.
// getent(1) may wait for a server as long as its module allows.
func (k *Kernel) LookUpName(database, name string) (entry string, err error) {
	const getent, notFound = "/usr/bin/getent", 2
	// getent(1) takes a number for an ID, and a word that begins with a minus sign for an option. No name has a colon.
	if strings.Trim(name, "+-0123456789 \t\n\v\f\r") == "" || name[0] == '-' || strings.Contains(name, ":") || !executable(getent) {
		return "", nil
	}
	if err := k.reserveThreads(0); err != nil {
		return "", fmt.Errorf("%s: %w", getent, err)
	}
	output, status, err := k.output(getent, database, name)
	code, exited := status.Exited()
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", getent, err)
	case exited && code == notFound:
		return "", nil
	case !exited || code != 0:
		return "", fmt.Errorf("%s: %v", getent, status)
	}
	entry, _, _ = strings.Cut(output, "\n")
	return entry, nil
}

// output runs a program, and returns its standard output and its status.
func (k *Kernel) output(argv ...string) (output string, status signals.Status, err error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return "", status, os.NewSyscallError("pipe2", err)
	}
	defer unix.Close(pipe[0])
	l := child.NewSpec(argv, os.Environ())
	l.OutputFD = pipe[1]
	pid, _, err := k.launch(l, argv[0], argv)
	unix.Close(pipe[1])
	if err != nil {
		return "", status, err
	}
	var text, b [4096]byte
	length := 0
	for n := 1; n > 0; length += copy(text[length:], b[:n]) {
		n = readOnce(pipe[0], b[:])
	}
	ws, err := reap(pid)
	return string(text[:length]), signals.FromWait(uint32(ws)), err
}

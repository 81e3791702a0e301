package dropin

import (
	"errors"

	"killbox/internal/cli"
	"killbox/procfs"
)

// openMatching opens a process that was found, and matches it once more: what was read before the open could be that of an
// earlier process with its PID. The error is that of a process which exists and cannot be opened.
func openMatching(env *cli.Env, st *procfs.Stat, match func(*procfs.Stat) bool) (bool, error) {
	now, err := env.Kernel.Open(st.PID)
	if errors.Is(err, procfs.ErrNoProcess) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ok := now.ID == st.ID && match(&now)
	if ok {
		// Asked last: if the process still exists, all that was read was its own.
		_, err := env.Kernel.Stat(now.ID)
		ok = err == nil
	}
	if !ok {
		env.Kernel.Close(now.ID)
	}
	return ok, nil
}

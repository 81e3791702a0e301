package dropin

import (
	"errors"

	"killbox/internal/cli"
	"killbox/procfs"
)

// openMatching opens the process that st describes, and matches it again: the PID may have been reused between the
// first match and the open. It returns false without an error if the process is gone or no longer matches, and an error
// if the process exists and cannot be opened.
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
		// If the process still exists, match has read its files, not those of a later process with the same PID.
		_, err := env.Kernel.Stat(now.ID)
		ok = err == nil
	}
	if !ok {
		env.Kernel.Close(now.ID)
	}
	return ok, nil
}

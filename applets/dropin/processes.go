package dropin

import (
	"errors"
	"math"
	"time"

	"killbox/internal/cli"
	"killbox/internal/signals"
	"killbox/procfs"
)

// openMatching opens a process that was found, and judges it once more: what was read
// before could be a predecessor's. The error is that of a process which is
// there, and cannot be opened.
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
		// If it is still there, all that was read was its own.
		_, err := env.Kernel.Stat(now.ID)
		ok = err == nil
	}
	if !ok {
		env.Kernel.Close(now.ID)
	}
	return ok, nil
}

// waitGone waits until the processes are gone, and returns an exit status where that came
// to nothing: failed if waiting is impossible.
func waitGone(env *cli.Env, name string, failed int, left map[procfs.ID]bool, limit cli.Duration) int {
	began := time.Now()
	for len(left) > 0 {
		timeout := time.Duration(math.MaxInt64)
		if limit.Given {
			timeout = max(limit.Value-time.Since(began), 0)
		}
		gone, _, err := env.Kernel.Wait(timeout)
		if i := new(signals.Interrupt); errors.As(err, &i) {
			env.Die(i.Signal)
			return 128 + int(i.Signal)
		}
		if err != nil {
			cli.Failure(env, name, err)
			return failed
		}
		for _, id := range gone {
			delete(left, id)
		}
		if len(gone) == 0 && timeout == 0 {
			break
		}
	}
	if len(left) > 0 {
		return cli.ExitSurvivor
	}
	return 0
}

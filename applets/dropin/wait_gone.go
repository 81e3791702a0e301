package dropin

import (
	"errors"
	"math"
	"time"

	"killbox/internal/cli"
	"killbox/internal/signals"
	"killbox/procfs"
)

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

package dropin

import (
	"errors"
	"math"
	"time"

	"killbox/internal/cli"
	"killbox/internal/signals"
	"killbox/procfs"
)

// waitGone waits until all processes in remaining are gone, and removes them from the map. The caller has opened them.
// The result is 0, or ExitSurvivor after limit. If waiting is impossible, waitGone prints a message and returns the
// argument failed. A caught signal ends the program.
func waitGone(env *cli.Env, name string, failed int, remaining map[procfs.ID]bool, limit cli.Duration) int {
	began := time.Now()
	for len(remaining) > 0 {
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
			delete(remaining, id)
		}
		if len(gone) == 0 && timeout == 0 {
			break
		}
	}
	if len(remaining) > 0 {
		return cli.ExitSurvivor
	}
	return 0
}

package escalate

import (
	"strconv"

	"killbox/internal/signals"
)

// runHooks runs the hook for each remaining target that is not frozen, before the signal next is sent. Each run has the
// time limit Plan.HookTimeout. A hook that fails is reported, and the ladder continues.
func runHooks(acc *account, next signals.Signal) {
	p := acc.call.Plan
	if p.Hook == "" {
		return
	}
	var survivors batch
	var envs [][]string
	for _, res := range acc.remaining() {
		// A debugger started by the hook would hang on a frozen process.
		if res.member.Frozen() {
			continue
		}
		survivors = append(survivors, res)
		envs = append(envs, []string{
			"KILLBOX_PID=" + strconv.Itoa(res.PID),
			"KILLBOX_HANDLE=" + res.Handle(),
			"KILLBOX_COMM=" + res.Comm,
			"KILLBOX_NEXT=" + next.String(),
		})
	}
	limit := min(p.HookTimeout, max(acc.remainingTime(), 0))
	for i, err := range acc.call.Kernel.Hooks(p.Hook, envs, limit) {
		if err != nil {
			acc.reportFailure(survivors[i], err)
		}
	}
}

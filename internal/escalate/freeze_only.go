package escalate

import (
	"fmt"

	"killbox/internal/signals"
)

// freezeOnly freezes all targets, and waits until Policy.KeepFrozen returns false, the limit of the call is reached, or
// no target remains. The caller resumes the targets. If the plan asks for a guardian and the guardian fails, freezeOnly
// returns an error: targets that stay frozen for long must not depend on this process alone.
func freezeOnly(acc *account, s scope) error {
	defer acc.markSurvivorsExist()
	acc.refuseAncestors(fmt.Errorf("an ancestor of this process is never frozen"))
	if acc.open == 0 && !acc.mayAddMembers() {
		return nil
	}
	if _, err := s.scanAndStop(0); err != nil {
		return err
	}
	frozen := acc.remaining()
	for _, res := range frozen {
		acc.markSignalled(res, signals.STOP)
	}
	acc.reportFrozen(frozen)
	w := newWaiter(acc, s)
	for acc.open > 0 && acc.call.Policy.KeepFrozen() {
		remaining := acc.remainingTime()
		if remaining <= 0 {
			acc.setLimitReached(true)
			return nil
		}
		if _, err := w.waitOnce(remaining); err != nil {
			return err
		}
	}
	return acc.interrupted()
}

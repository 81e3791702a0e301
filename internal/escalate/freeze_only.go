package escalate

import (
	"fmt"

	"killbox/internal/signals"
)

// freezeOnly freezes all targets and waits until that is to end. It never goes on without the guardian that was asked
// for: the targets stay frozen for long.
func freezeOnly(acc *account, s scope) error {
	defer acc.markSurvivorsExist() // they were not to end
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

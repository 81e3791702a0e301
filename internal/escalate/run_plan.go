package escalate

// runPlan freezes the scope for some time if the plan has FreezeOnly. Otherwise it carries out the ladder.
func runPlan(acc *account, s scope) error {
	if err := acc.call.prepareWait(); err != nil {
		return err
	}
	switch {
	case acc.call.isEmpty():
		return acc.call.Kernel.Interrupted()
	case acc.freezesOnly():
		return freezeOnly(acc, s)
	}
	ladder, waitOnly := acc.call.ladder()
	return climb(acc, s, ladder, waitOnly)
}

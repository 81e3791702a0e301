package escalate

// runPlan does what the plan is for: it freezes the scope for a time, or climbs the ladder.
func runPlan(acc *account, s scope) error {
	if err := acc.call.prepareWait(); err != nil {
		return err
	}
	switch {
	case acc.call.isVain():
		return acc.call.Kernel.Interrupted()
	case acc.freezesOnly():
		return freezeOnly(acc, s)
	}
	ladder, waitOnly := acc.call.ladder()
	return climb(acc, s, ladder, waitOnly)
}

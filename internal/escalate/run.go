package escalate

// Run carries out the plan of the call and returns what became of all targets, which must have been opened on the
// kernel. The error is a *signals.Interrupt, or a failure that made it impossible to go on; whatever was frozen has been
// resumed by then, and the summary is complete in both cases.
func Run(c Call) (*Summary, error) {
	acc := newAccount(c.withPolicy())
	s := newScope(acc)
	defer s.resumeAll() // a panic must not leave a process frozen
	acc.addTargets()
	err := runPlan(acc, s)
	s.resumeAll()
	return acc.summary(), err
}

package escalate

// Run carries out the plan of the call. The caller has opened the targets on the kernel. Run resumes everything that it
// has frozen before it returns, and returns a complete summary even with an error. The error is a *signals.Interrupt,
// or a failure after which the call could not continue.
func Run(c Call) (*Summary, error) {
	acc := newAccount(c.withPolicy())
	s := newScope(acc)
	defer s.resumeAll() // a panic must not leave a process frozen
	acc.addTargets()
	err := runPlan(acc, s)
	s.resumeAll()
	return acc.summary(), err
}

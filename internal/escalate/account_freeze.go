package escalate

import "killbox/internal/freeze"

// memberAccount implements freeze.Account: it records what happens to members in their results.
type memberAccount struct{ *account }

// newFreezer returns a Freezer with the options of the plan.
func newFreezer(a *account) *freeze.Freezer {
	p := a.call.Plan
	return freeze.NewFreezer(a.call.Kernel, freeze.Options{
		Enabled:  p.Freeze,
		Guardian: p.Guardian,
		Required: p.FreezeOrFail || p.FreezeOnly,
		Lasting:  p.FreezeOnly,
	}, memberAccount{a})
}

// result returns the result of a member, and nil for a nil member.
func (a memberAccount) result(m *freeze.Member) *Result {
	if m == nil {
		return nil
	}
	return a.byID[m.ID()]
}

// notFrozen returns the members to stop: the remaining ones of the list that are not frozen. It leaves out ancestors of
// this process, which are never stopped.
func (a memberAccount) notFrozen(list batch) []*freeze.Member {
	var members []*freeze.Member
	for _, res := range list.remaining() {
		if !res.Last && !res.member.Frozen() {
			members = append(members, &res.member)
		}
	}
	return members
}

// Remains implements freeze.Account.
func (a memberAccount) Remains(m *freeze.Member) bool { return a.result(m).Outcome == Survived }

// IsGone implements freeze.Account.
func (a memberAccount) IsGone(m *freeze.Member) bool { return a.result(m).Outcome == Gone }

// Ended implements freeze.Account.
func (a memberAccount) Ended(m *freeze.Member) { a.markGone(a.result(m), true) }

// Refused implements freeze.Account.
func (a memberAccount) Refused(m *freeze.Member, err error) { a.refuse(a.result(m), err) }

// NotResumed implements freeze.Account.
func (a memberAccount) NotResumed(m *freeze.Member, err error) {
	a.setLeftFrozen()
	a.reportFailure(a.result(m), err)
}

// Failed implements freeze.Account.
func (a memberAccount) Failed(m *freeze.Member, err error) { a.reportFailure(a.result(m), err) }

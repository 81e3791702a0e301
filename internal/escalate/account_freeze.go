package escalate

import "killbox/internal/freeze"

// memberAccount is the account as package freeze sees it.
type memberAccount struct{ *account }

// newFreezer returns what prepares the freezes of the plan.
func newFreezer(a *account) *freeze.Freezer {
	p := a.call.Plan
	return freeze.NewFreezer(a.call.Kernel, freeze.Options{
		Enabled:  p.Freeze,
		Guardian: p.Guardian,
		Required: p.FreezeOrFail || p.FreezeOnly,
		Lasting:  p.FreezeOnly,
	}, memberAccount{a})
}

// result returns the result of a member, nil for nil.
func (a memberAccount) result(m *freeze.Member) *Result {
	if m == nil {
		return nil
	}
	return a.byID[m.ID()]
}

// notFrozen returns the remaining members of the list that are not frozen. An ancestor of killbox is never stopped.
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

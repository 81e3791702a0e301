package escalate

import (
	"errors"
	"fmt"
	"time"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// mixed is the scope of a plan with Mixed: a tree, or groups. On the first step it signals the masters alone, and scans
// the inner scope during the wait for them. A descendant is a member only if a scan has shown it before its parent
// ended; later only a session or an image attributes it to the tree.
type mixed struct {
	scope
	acc     *account
	send    *sender
	masters batch // set by the first scan

	last        time.Time     // end of the last scan
	next, least time.Duration // time from then until the next one, and the least that it may be
	gone        int           // number of targets that were gone when next was set
}

// newMembers returns the scope of the trees or groups of the plan.
func newMembers(acc *account) (s scope) {
	if acc.endsTree() {
		s = newTree(acc)
	} else {
		s = newGroups(acc)
	}
	if acc.isMixed() {
		return &mixed{scope: s, acc: acc, send: newSender(acc)}
	}
	return s
}

// scanAndStop implements scope. It fails before the first signal if a master may not be signalled: the children of a
// master that is not asked to end must not be signalled beside it.
func (m *mixed) scanAndStop(sig signals.Signal) (batch, error) {
	first := m.last.IsZero()
	began := time.Now()
	found, err := m.scope.scanAndStop(sig)
	m.last = time.Now()
	m.least = max(shortestWatch, watchShare*m.last.Sub(began))
	if m.next = max(min(2*m.next, longestWatch), m.least); len(found) > 0 {
		m.next = m.least
	}
	if err != nil || !first {
		return found, err
	}
	m.masters = m.acc.masters()
	for _, res := range m.masters {
		if err := m.send.k.Signal(res.ID, signals.Null); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			m.acc.markSurvivorsExist()
			return nil, fmt.Errorf("%d (%s): %w: nothing was signalled", res.PID, show.Escape(res.Comm), err)
		}
	}
	return found, nil
}

// Limits of the time between two scans. The time is short after a scan that shows a newcomer and after the end of a
// member, and doubles after any other scan. The scans take at most one part in watchShare of the time.
const (
	shortestWatch = 5 * time.Millisecond
	longestWatch  = time.Second
	watchShare    = 10
)

// scanIfDue implements watcher.
func (m *mixed) scanIfDue(limit time.Duration) (time.Duration, error) {
	if !m.acc.isForMasters() {
		return limit, nil
	}
	if m.gone != m.acc.gone {
		m.gone, m.next = m.acc.gone, m.least
	}
	if time.Since(m.last) >= m.next {
		if _, err := m.scanAndStop(0); err != nil {
			return 0, err
		}
	}
	return min(max(m.next-time.Since(m.last), 0), limit), nil
}

// signal implements scope.
func (m *mixed) signal(list batch, sig signals.Signal) {
	if m.acc.isForMasters() {
		m.send.signalAll(m.masters, sig)
	} else {
		m.scope.signal(list, sig)
	}
}

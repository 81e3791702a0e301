package escalate

import (
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
)

// climber climbs the ladder.
type climber struct {
	acc  *account
	s    scope
	wait *waiter
}

// climb carries out the steps of the ladder, each a signal and a wait, until no target remains. With waitOnly it sends
// no signal, and only the limit of the call bounds the wait.
func climb(acc *account, s scope, ladder Ladder, waitOnly bool) error {
	c := &climber{acc: acc, s: s, wait: newWaiter(acc, s)}
	if waitOnly {
		_, err := c.wait.wait(duration.Forever)
		return err
	}
	done := acc.stepsDone()
	for i := done; i < len(ladder); i++ {
		step := ladder[i]
		acc.beginRung(i + 1)
		if i > done {
			if acc.isDone() || acc.isEnough() {
				break
			}
			acc.clearDoubt()
		} else if acc.beginsWithHooks() {
			// The hooks run before the first signal of this call, and the members are unknown before a scan.
			if _, err := s.addNewcomers(); err != nil {
				return err
			}
		}
		if i > 0 {
			runHooks(acc, step.Signal)
		}
		// The first signal is sent even if finding the targets took longer than the limit of the call.
		if i > done && acc.remainingTime() <= 0 {
			acc.setLimitReached(true)
			break
		}
		if over, err := c.signalAndWait(step); err != nil || over {
			return err
		}
	}
	return acc.interrupted()
}

// signalAndWait carries out one step: it sends the signal and waits for the targets. When all known targets of a tree,
// group or cgroup are gone, it looks for processes forked meanwhile and signals them, until there is none or the time
// of the step is over. over reports that no further step is needed.
func (c *climber) signalAndWait(step Step) (over bool, err error) {
	var deadline time.Time
	for round := 0; ; round++ {
		if err := c.acc.interrupted(); err != nil {
			return true, err
		}
		list, err := c.s.scanAndStop(step.Signal)
		if err != nil {
			return true, err
		}
		if round == 0 {
			list = c.acc.results
		}
		c.s.signal(list, step.Signal)
		c.s.resume(step.Signal)
		if step.Signal == signals.Null && c.acc.isLastRung() {
			return true, nil
		}
		grace := step.Grace
		if round == 0 {
			deadline = time.Now().Add(grace)
			if over, err := c.wait.waitFirst(step); over || err != nil {
				return over, err
			}
		}
		if grace != duration.Forever {
			grace = time.Until(deadline)
		}
		if over, err := c.wait.wait(grace); over || err != nil || c.acc.open > 0 {
			return over, err
		}
		more, err := c.s.sweep()
		if err != nil || !more {
			return true, err
		}
		limited := c.acc.isLimitOver()
		if limited || grace != duration.Forever && time.Until(deadline) <= 0 {
			// Members keep forking: the next step signals the newcomers. After the last step they are
			// survivors.
			c.acc.setLimitReached(limited)
			return limited, c.addNewcomers()
		}
	}
}

// addNewcomers scans once more, so that the next step or the report includes the processes that were forked last. If
// this scan finds none of the newcomers that sweep has found, a process may have evaded the scan, so the result is
// unproved.
func (c *climber) addNewcomers() error {
	doubt, err := c.s.addNewcomers()
	if c.acc.open == 0 {
		c.acc.setUnproved(doubt)
	}
	return err
}

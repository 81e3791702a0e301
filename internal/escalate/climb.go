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

// climb sends the signals of the ladder, with a wait after each, until all targets are gone. With waitOnly it sends none.
func climb(acc *account, s scope, ladder Ladder, waitOnly bool) error {
	c := &climber{acc: acc, s: s, wait: newWaiter(acc, s)}
	if waitOnly {
		_, err := c.wait.wait(duration.Forever)
		return err
	}
	for i, step := range ladder {
		acc.beginRung(i + 1)
		if i > 0 {
			if acc.isDone() || acc.isEnough() {
				break
			}
			acc.clearDoubt()
			runHooks(acc, step.Signal)
		}
		// The first signal is sent however long it took to find the targets.
		if i > 0 && acc.remainingTime() <= 0 {
			acc.setLimitReached(true)
			break
		}
		if over, err := c.climbStep(step); err != nil || over {
			return err
		}
	}
	return acc.interrupted()
}

// climbStep climbs one step: it signals and waits and, of a tree or group, looks for processes forked meanwhile until none
// remains or the time of the step is over. It returns true if nothing more is to be done.
func (c *climber) climbStep(step Step) (over bool, err error) {
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
		if round == 0 && grace != duration.Forever {
			deadline = time.Now().Add(grace)
		} else if grace != duration.Forever {
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
			// A process that is forked again and again is signalled by the next step; after the last one it is a
			// survivor.
			c.acc.setLimitReached(limited)
			return limited, c.addNewcomers()
		}
	}
}

// addNewcomers scans once more, so that the next step or the report includes what was forked last. If even this scan is
// empty, something evaded it: the result is unproved.
func (c *climber) addNewcomers() error {
	doubt, err := c.s.addNewcomers()
	if c.acc.open == 0 {
		c.acc.setUnproved(doubt)
	}
	return err
}

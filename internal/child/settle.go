package child

import "time"

// letSettle waits up to Settle for the remaining processes to end by themselves. It waits only if the command has
// exited, and returns early when no child remains, or on an event that ends all processes at once (handleEvent). The
// process that reads the output of the command, such as the tee of `exec > >(tee log)` in bash, ends when the last
// writer has exited: a signal before that would cut the log short.
func (s *Supervisor) letSettle() error {
	if s.Command != 0 || s.KeepRemaining || s.TimedOut || s.graceOver || s.endsNow || s.Settle <= 0 {
		return nil
	}
	// Call reapExited, not ReapRemaining, which would discard a signal that this process receives.
	for end := s.settleEnd(); !s.reapExited(); {
		timeout := time.Until(end)
		if timeout <= 0 {
			return nil
		}
		events, err := s.Kernel.WaitAndReap(timeout, nil)
		if err != nil {
			return err
		}
		over := false
		for i := range events {
			over = s.handleEvent(&events[i]) || over
		}
		if over {
			return nil
		}
	}
	return nil
}

// settleEnd returns the time at which the remaining processes are ended. It is not after the deadline. After a
// forwarded TERM it is not after the middle of what is left of the grace period: the other half is left for the first
// signal of the ladder, and the ladder ends when it would have ended without the wait.
func (s *Supervisor) settleEnd() time.Time {
	now := time.Now()
	settle := s.Settle
	if !s.Deadline.IsZero() {
		settle = min(settle, s.Deadline.Sub(now))
	}
	if !s.graceEnd.IsZero() {
		settle = min(settle, s.graceEnd.Sub(now)/2)
	}
	return now.Add(settle)
}

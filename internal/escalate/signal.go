package escalate

import (
	"errors"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// sender signals targets one by one.
type sender struct {
	k interface {
		freeze.Signaller
		freeze.Inspector
	}
	acc *account
}

func newSender(acc *account) *sender { return &sender{k: acc.call.Kernel, acc: acc} }

// signalAll signals the remaining targets of the list, ancestors of killbox last: their end may be that of killbox. Then
// it resumes those that are stopped.
func (s *sender) signalAll(list batch, sig signals.Signal) {
	for _, last := range [...]bool{false, true} {
		for _, res := range list {
			if res.Last == last && res.Outcome == Survived && !res.Stat.Gone() {
				s.signal(res, sig)
			}
		}
	}
	s.resumeStopped(list, sig)
}

func (s *sender) signal(res *Result, sig signals.Signal) {
	err := s.k.Signal(res.ID, sig)
	switch {
	case err == nil:
		s.acc.markSignalled(res, sig)
	case errors.Is(err, procfs.ErrNoProcess):
		s.acc.markGone(res, true)
	default:
		s.acc.refuse(res, err)
	}
}

// resumeStopped sends SIGCONT to targets that are stopped and were sent a signal that should end them: a stopped process
// cannot act on a signal. Members that are frozen are resumed by their scope.
func (s *sender) resumeStopped(list batch, sig signals.Signal) {
	if !sig.Ends() || sig == signals.KILL {
		return
	}
	for _, res := range list {
		if res.Outcome != Survived || res.member.Frozen() || !s.isStopped(res) {
			continue
		}
		if err := s.k.Signal(res.ID, signals.CONT); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			s.acc.reportFailure(res, err)
		}
	}
}

// isStopped reports whether the target is stopped: for the first step as it was read when it was opened or last scanned,
// for later steps as it is now.
func (s *sender) isStopped(res *Result) bool {
	if s.acc.rung == 1 {
		return res.member.StoppedByOthers() || res.Stat.Stopped()
	}
	st, err := s.k.Stat(res.ID)
	return err == nil && st.Stopped()
}

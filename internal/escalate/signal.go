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

// signalAll signals the remaining targets of the list. Ancestors of this process come last, because their end may end
// this process, too. Then it resumes targets that are stopped.
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

// signal signals one target, and records the outcome.
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

// resumeStopped sends SIGCONT to stopped targets after a signal whose default action ends a process: for a stopped
// process the signal would stay pending. It leaves out frozen members, which their scope resumes.
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

// isStopped reports whether the target is stopped. On the first step the state that was read before is recent enough;
// later the state is read again.
func (s *sender) isStopped(res *Result) bool {
	if s.acc.rung == 1 {
		return res.member.StoppedByOthers() || res.Stat.Stopped()
	}
	st, err := s.k.Stat(res.ID)
	return err == nil && st.Stopped()
}

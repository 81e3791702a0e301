package report

import (
	"errors"
	"slices"
	"syscall"

	"killbox/internal/signals"
	"killbox/procfs"
)

// capKill is the bit of CAP_KILL in a set of capabilities.
const capKill = 1 << 5

// overflowUID stands for a UID that the user namespace of the reader does not map (user_namespaces(7)).
const overflowUID = 65534

// sender is this process, as kill(2) compares it with the receiver of a signal.
type sender struct {
	uids      []int // real and effective
	maySend   bool  // CAP_KILL in its own user namespace
	sid       int
	namespace string // its user namespace, "" if that is not known
}

// newSender reads the credentials of this process.
func newSender(proc *procfs.FS) *sender {
	s := &sender{uids: []int{syscall.Getuid(), syscall.Geteuid()}}
	pid, err := proc.Self()
	if err != nil {
		return s // then nothing else in /proc can be read either
	}
	if status, err := proc.Status(pid); err == nil {
		s.maySend = status.Effective&capKill != 0
	}
	if st, err := proc.Stat(pid); err == nil {
		s.sid = st.SID
	}
	if s.namespace, err = proc.Namespace(pid, "user"); errors.Is(err, procfs.ErrNoProcess) {
		s.namespace = procfs.InitialUserNamespace // the kernel has no user namespaces
	}
	return s
}

// sharesUser reports whether the real or effective UID of this process equals the real or saved UID of the other one.
func (s *sender) sharesUser(status *procfs.Status) bool {
	return slices.Contains(s.uids, status.UID[0]) || slices.Contains(s.uids, status.UID[2])
}

// permitted reports whether this process may send sig to the process, by the rules of kill(2): it shares a user with
// the process, has CAP_KILL in the user namespace of the process, or sends CONT within its session. known is false if
// /proc does not tell. Even if ok is true, a security module or a seccomp filter may refuse the signal.
func (s *sender) permitted(proc *procfs.FS, st *procfs.Stat, status *procfs.Status, sig signals.Signal) (ok, known bool) {
	if s.namespace == "" {
		return false, false
	}
	initial := s.namespace == procfs.InitialUserNamespace
	shares := s.sharesUser(status)
	switch {
	case s.maySend && initial: // all other user namespaces are below this one
		return true, true
	case shares && (initial || status.UID[0] != overflowUID && status.UID[2] != overflowUID):
		return true, true
	case sig == signals.CONT && st.SID != 0 && st.SID == s.sid:
		return true, true
	}
	other, err := proc.Namespace(st.PID, "user")
	switch {
	case err == nil && other != s.namespace:
		// Whether capabilities of this process count in the other user namespace depends on which one is above.
		return false, false
	case err == nil:
		return s.maySend || shares, true
	}
	// Without the permission to read the link, this process has no capabilities in the user namespace of the other one.
	return false, !s.maySend && !shares
}

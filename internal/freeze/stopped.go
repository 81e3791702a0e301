// Package freeze stops the members of a process tree, resumes them, and proves that no descendant has escaped.
//
// A stopped process cannot fork. But a process that was sent SIGSTOP may first finish a fork that it has begun: since
// Linux 4.19 a signal no longer makes fork(2) start again (kernel/fork.c, copy_process). So a member counts as stopped
// only when /proc shows that it has stopped. Only a scan of /proc that begins after that can show that there is no
// further member.
//
// The package makes no system call itself. The interfaces in kernel.go declare what it needs. In its comments, this
// process is the process that stops the members, and a third party is any other process that signals them.
package freeze

import (
	"cmp"
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// Stopped is the set of members that this process has sent SIGSTOP and not resumed.
type Stopped struct {
	k       Kernel
	freezer *Freezer
	proof   *Proof
	account Account
	snap    *procfs.Snapshot // the last scan
	members []*Member
	late    lateResume
}

// NewStopped returns an empty set. The caller stores each scan of the process table in snap.
func NewStopped(k Kernel, f *Freezer, proof *Proof, account Account, snap *procfs.Snapshot) *Stopped {
	return &Stopped{k: k, freezer: f, proof: proof, account: account, snap: snap}
}

// entry returns the entry of the member in the last scan, or nil.
func (s *Stopped) entry(m *Member) *procfs.Stat {
	if st := s.snap.Lookup(m.stat.PID); st != nil && st.ID == m.stat.ID {
		return st
	}
	return nil
}

// Stop sends SIGSTOP to those members of list that run according to the last scan. Before that it adds them to the list
// of the guardian.
func (s *Stopped) Stop(list []*Member) error {
	var ids []procfs.ID
	var running []*Member
	for _, m := range list {
		st := s.entry(m)
		if m.frozen || st == nil || st.Gone() {
			continue
		}
		if st.Stopped() {
			m.foreignStop = true // resumed only after a signal that ends a process
			continue
		}
		m.slept = false // the scan is too old to tell
		running = append(running, m)
		ids = append(ids, m.stat.ID)
	}
	if len(ids) > 0 {
		if err := s.freezer.GuardianAdd(ids); err != nil {
			return err
		}
	}
	for _, m := range running {
		if err := s.k.Interrupted(); err != nil {
			return err
		}
		s.stopMember(m)
	}
	return nil
}

// stopMember sends SIGSTOP to a member, which must be on the list of the guardian.
func (s *Stopped) stopMember(m *Member) {
	// Record the stop before the system call: if this process panics after the call, ResumeAll resumes the member.
	m.frozen, m.hasStopped = true, false
	s.members = append(s.members, m)
	err := s.k.Signal(m.stat.ID, signals.STOP)
	if err == nil {
		return
	}
	m.frozen = false
	s.members = s.members[:len(s.members)-1]
	if errors.Is(err, procfs.ErrNoProcess) {
		s.proof.NoteEnded(m.stat)
		s.account.Ended(m)
		return
	}
	s.account.Refused(m, err)
}

// WaitLimit is the longest time that WaitStopped waits, about as long as one scan of a large process table takes.
const WaitLimit = 250 * time.Millisecond

// WaitStopped polls the members that were just sent SIGSTOP until they have stopped, for at most WaitLimit. A scan
// without this wait would compete with them for the CPU. A return does not mean that all have stopped: CountRunning
// decides that.
func (s *Stopped) WaitStopped() {
	began := time.Now()
	pause := 50 * time.Microsecond
	var waiting []*Member
	for _, m := range s.members {
		if !m.hasStopped {
			waiting = append(waiting, m)
		}
	}
	for i := len(waiting) - 1; i >= 0; {
		m := waiting[i]
		st, err := s.k.Stat(m.stat.ID)
		if err == nil && (st.Stopped() || st.Traced()) {
			m.hasStopped = s.allThreadsStopped(m, &st)
		}
		if err != nil || m.hasStopped || st.State != 'R' && st.State != 'S' && st.State != 'T' && !(st.State == 'D' && m.maybeMidFork) {
			i--
			continue
		}
		if time.Since(began) > WaitLimit {
			return
		}
		s.k.Pause(pause)
		pause = min(2*pause, time.Millisecond)
	}
}

// allThreadsStopped reports whether all threads of the member have stopped. st shows that one of them has.
func (s *Stopped) allThreadsStopped(m *Member, st *procfs.Stat) bool {
	return st.Threads <= 1 || s.k.Halted(m.stat.ID)
}

// StopResumed sends SIGSTOP again to members that had stopped and that run according to the last scan: a third party
// has resumed them.
func (s *Stopped) StopResumed() {
	for _, m := range s.members {
		st := s.entry(m)
		if !m.hasStopped || st == nil || st.State != 'R' && st.State != 'S' {
			continue
		}
		m.hasStopped = false
		s.proof.NoteChurn()
		if err := s.k.Signal(m.stat.ID, signals.STOP); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			s.account.Failed(m, err)
		}
	}
}

// CountRunning counts the members that are not known to have stopped before the last scan began. A member that stopped
// during the scan may have finished a fork before it stopped, and the scan may have missed the child.
func (s *Stopped) CountRunning() (running int) {
	var asleep []*Member
	for _, m := range s.members {
		st := s.entry(m)
		switch {
		case m.hasStopped:
		case st != nil && st.State == 'D':
			// A member in uninterruptible sleep may be in the middle of a fork, waiting for a kernel lock.
			// It finishes the fork before it stops. The parent of a vfork(2) sleeps until its child exits
			// or calls execve(2), and the child is stopped. So /proc never shows that parent as stopped,
			// and NoteChurn makes the proof depend on a complete scan.
			s.proof.NoteChurn()
			asleep = append(asleep, m)
		case s.isRunning(m, st):
			running++
		}
	}
	return running + s.countForking(asleep)
}

// isRunning reports whether the member may have run when the last scan began. st is its entry in that scan, or nil. A
// member that this scan shows as stopped may have stopped during the scan: isRunning returns true, and sets hasStopped
// for the next scan.
func (s *Stopped) isRunning(m *Member, st *procfs.Stat) bool {
	switch {
	case st == nil || st.Gone():
		// The member exited although SIGSTOP was pending.
		m.hasStopped = true
		s.proof.NoteEnded(m.stat)
		return false
	case st.Hidden():
		// /proc does not show whether a hidden member has stopped, and may hide a child that it forked before.
		m.hasStopped = true
		s.proof.NoteChurn()
		return false
	case st.Stopped() || st.Traced():
		m.hasStopped = s.allThreadsStopped(m, st)
	case st.State == 'Z':
		// All threads have exited or are exiting, but one of them has not been reaped: a debugger may not have
		// waited for it. A thread that is still exiting cannot be seen to stop. So require a complete scan.
		s.proof.NoteChurn()
		m.hasStopped = s.allThreadsStopped(m, st)
	}
	return true
}

// countForking counts the members in uninterruptible sleep (state D) that may be in the middle of a fork. It does not
// count a member that waits for the child of its vfork(2).
func (s *Stopped) countForking(asleep []*Member) (forking int) {
	for i, m := range asleep {
		// More than 64 such members are a fork bomb: count the rest without two reads of /proc for each.
		st := s.snap.Lookup(m.stat.PID)
		m.maybeMidFork = i >= 64 || !s.k.Vforks(shownThread(st)) || !s.allThreadsStopped(m, st)
		if m.maybeMidFork {
			forking++
		}
	}
	return forking
}

// shownThread returns the ID of the thread whose state st shows: the first thread, or a living one if the first has
// exited.
func shownThread(st *procfs.Stat) procfs.ID {
	return procfs.ID{PID: cmp.Or(st.Thread, st.PID), Start: st.Start}
}

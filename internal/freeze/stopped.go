// Package freeze stops processes, resumes them, and judges whether a descendant of them can have escaped.
//
// A stopped process cannot fork, but a process that was sent SIGSTOP may still finish the fork that it is in: since
// Linux 4.20 a signal no longer restarts a fork (kernel/fork.c, copy_process). So a member counts as stopped only once
// it has been seen stopped, and the scan of /proc that finds no new member must begin after that.
//
// The package knows no system call: kernel.go says what it needs of one.
package freeze

import (
	"cmp"
	"errors"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// Stopped is the set of the members that this process has stopped and not resumed.
type Stopped struct {
	k       Kernel
	freezer *Freezer
	proof   *Proof
	account Account
	snap    *procfs.Snapshot // the last scan
	members []*Member
}

// NewStopped returns an empty set. The caller keeps its last scan in snap.
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

// Stop sends SIGSTOP to the members of the list that run according to the last scan, after they have been put on the
// list of the guardian.
func (s *Stopped) Stop(list []*Member) error {
	var ids []procfs.ID
	var running []*Member
	for _, m := range list {
		st := s.entry(m)
		if m.frozen || st == nil || st.Gone() {
			continue
		}
		if st.Stopped() {
			m.foreignStop = true // by a third party: resumed only if it is to die
			continue
		}
		m.active = st.State != 'S'
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

// stopMember sends SIGSTOP to a member that is on the list of the guardian.
func (s *Stopped) stopMember(m *Member) {
	// Marked first: should this system call be the last thing that works, the member is resumed.
	m.frozen, m.settled = true, false
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

// WaitLimit bounds WaitStopped, to about the time of one scan of a large table.
const WaitLimit = 250 * time.Millisecond

// WaitStopped polls the members just sent SIGSTOP until they have stopped, for at most WaitLimit. Scanning again at once
// would compete with them for the CPU. It proves nothing.
func (s *Stopped) WaitStopped() {
	began := time.Now()
	pause := 50 * time.Microsecond
	var waiting []*Member
	for _, m := range s.members {
		if !m.settled {
			waiting = append(waiting, m)
		}
	}
	for i := len(waiting) - 1; i >= 0; {
		m := waiting[i]
		st, err := s.k.Stat(m.stat.ID)
		if err == nil && (st.Stopped() || st.Traced()) {
			m.settled = s.allThreadsStopped(m, &st)
		}
		if err != nil || m.settled || st.State != 'R' && st.State != 'S' && st.State != 'T' && !(st.State == 'D' && m.forking) {
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

// allThreadsStopped reports whether all threads have stopped, given that the one has that st shows.
func (s *Stopped) allThreadsStopped(m *Member, st *procfs.Stat) bool {
	return st.Threads <= 1 || s.k.Halted(m.stat.ID)
}

// StopResumed sends SIGSTOP again to members that were seen stopped and that a third party has resumed, according to the
// last scan.
func (s *Stopped) StopResumed() {
	for _, m := range s.members {
		st := s.entry(m)
		if !m.settled || st == nil || st.State != 'R' && st.State != 'S' {
			continue
		}
		m.settled = false
		s.proof.NoteChurn()
		if err := s.k.Signal(m.stat.ID, signals.STOP); err != nil && !errors.Is(err, procfs.ErrNoProcess) {
			s.account.Failed(m, err)
		}
	}
}

// CountRunning counts the members not known to be stopped when the last scan began. One that stopped later may have
// completed a fork first, whose child the scan missed.
func (s *Stopped) CountRunning() (running int) {
	var asleep []*Member
	for _, m := range s.members {
		st := s.entry(m)
		switch {
		case m.settled:
		case st != nil && st.State == 'D':
			// It may be in the middle of a fork, waiting for a lock of the kernel, and will finish the fork before
			// it stops. The parent of a vfork waits for a child that is stopped: that parent cannot be seen to have
			// stopped, so the proof is asked for.
			s.proof.NoteChurn()
			asleep = append(asleep, m)
		case s.isRunning(m, st):
			running++
		}
	}
	return running + s.countForking(asleep)
}

// isRunning reports whether a member may have run when the last scan, which has the entry st for it, began. It marks
// the member as settled if the scan shows it stopped, or ended.
func (s *Stopped) isRunning(m *Member, st *procfs.Stat) bool {
	switch {
	case st == nil || st.Gone():
		// It exited with our SIGSTOP pending.
		m.settled = true
		s.proof.NoteEnded(m.stat)
		return false
	case st.Hidden():
		// /proc shows neither whether it has stopped nor a child that it forked before.
		m.settled = true
		s.proof.NoteChurn()
		return false
	case st.Stopped() || st.Traced():
		m.settled = s.allThreadsStopped(m, st)
	case st.State == 'Z':
		// All threads have exited, and a debugger has yet to collect one of them. stat does not show the other
		// threads, so a SIGCONT sent by a third party would go unnoticed.
		s.proof.NoteChurn()
		m.settled = s.allThreadsStopped(m, st)
	}
	return true
}

// countForking counts the members in uninterruptible sleep that may be in the middle of a fork.
func (s *Stopped) countForking(asleep []*Member) (forking int) {
	for i, m := range asleep {
		// Very many are those of a fork bomb, whatever they wait for.
		st := s.snap.Lookup(m.stat.PID)
		m.forking = i >= 64 || !s.k.Vforks(shownThread(st)) || !s.allThreadsStopped(m, st)
		if m.forking {
			forking++
		}
	}
	return forking
}

// shownThread returns the ID of the thread that st shows the state of.
func shownThread(st *procfs.Stat) procfs.ID {
	return procfs.ID{PID: cmp.Or(st.Thread, st.PID), Start: st.Start}
}

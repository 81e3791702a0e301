package escalate

import (
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// lateSpan is how long after the members were resumed lateOrphans scans. A program that dies of the signal has died by
// then. What one forks that lives on is its own concern.
const lateSpan = 100 * time.Millisecond

// lateOrphans finds what a member has forked between the proved freeze and its end. A member that is resumed with a
// signal pending runs on until one of its threads has taken the signal: a Go program needs 0.6 ms to die of TERM, and
// another thread can fork in that time. Until the child calls execve(2), its image attributes it to the tree, so
// lateOrphans scans as soon as the member has ended, and signals the child. A child that has called execve(2) is a
// suspect if it has, or had when it was found, the command name of a member.
type lateOrphans struct {
	scan     lateScan
	send     *sender
	sig      signals.Signal // that the members were sent last
	resumed  time.Time      // when they were resumed
	restarts bool           // a target has ended that is a child of PID 1, which may have started it again
	suspects []procfs.Stat
}

// lateScan is the scan of a tree.
type lateScan interface {
	// anyForker reports whether one of the processes is a member that may have forked since the last freeze.
	anyForker([]procfs.ID) bool
	// anyRootOfInit reports whether one of the processes is a target and a child of PID 1.
	anyRootOfInit([]procfs.ID) bool
	// scanOrphans opens orphans that were forked since the freeze. found are the results of those that have the image
	// of a member. left are children of PID 1 that have called execve(2); there are none unless wanted. Other
	// ancestors may adopt orphans, too, but most of their children are their own.
	scanOrphans(wanted bool) (found batch, left []procfs.Stat)
	// read reads the state of an opened process, and reports whether it is alive.
	read(procfs.ID) (now procfs.Stat, alive bool)
	freeze.Tree
}

func newLateOrphans(scan lateScan, acc *account) *lateOrphans {
	return &lateOrphans{scan: scan, send: newSender(acc)}
}

// noteResume is called before the members are resumed that were sent sig.
func (l *lateOrphans) noteResume(sig signals.Signal) { l.sig, l.resumed = sig, time.Now() }

// noteEnd is called when processes have ended.
func (l *lateOrphans) noteEnd(ids []procfs.ID) {
	l.restarts = l.restarts || l.scan.anyRootOfInit(ids)
	if time.Since(l.resumed) > lateSpan || !l.scan.anyForker(ids) {
		return
	}
	found, left := l.scan.scanOrphans(!l.restarts)
	l.send.signalAll(found, l.sig)
	for i := range left {
		if !l.isSuspect(left[i].ID) {
			l.suspects = append(l.suspects, left[i])
		}
	}
}

func (l *lateOrphans) isSuspect(id procfs.ID) bool {
	for i := range l.suspects {
		if l.suspects[i].ID == id {
			return true
		}
	}
	return false
}

// doubt returns the doubt if a suspect is alive, or "".
func (l *lateOrphans) doubt() string {
	comms := l.scan.Comms()
	for i := range l.suspects {
		s := &l.suspects[i]
		if now, alive := l.scan.read(s.ID); alive && (comms[now.Comm] || comms[s.Comm]) && !l.scan.Attributed(s.ID) {
			return freeze.OrphanDoubt(&now)
		}
	}
	return ""
}

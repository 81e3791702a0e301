package procfs

import (
	"cmp"
	"errors"
	"os"
	"slices"
)

// Snapshot is one scan of the process table. It is not atomic: it takes milliseconds, during which
// processes are forked, exit and are reparented. So a process may be in it whose parent is not, and
// loops among parents are possible.
type Snapshot struct {
	Procs []Stat // in ascending order of PID
	// Began is the clock tick after boot, as in Stat.Start, in which the scan began; 0 if that is not
	// known.
	Began uint64
	// FirstPID and LastPID are what FS.LastPID returned before and after the scan; 0 if it failed.
	// LastPIDErr says why.
	FirstPID, LastPID int
	LastPIDErr        error
	// Hidden counts the processes that are listed but may not be looked at
	// (hidepid=1 in proc(5)). With hidepid=2 they are not even listed.
	Hidden int
	// Vanished counts the processes that the previous scan did not list, and that had exited or were
	// zombies when their stat was read. A process that forks and exits before the scan reaches it leaves
	// no other trace: its child's PID was allocated before the scan, and is not listed yet.
	Vanished int

	pids, previousPIDs []int // as listed by this scan and by the previous one
}

// NoPIDAllocated reports whether no PID was allocated during the scan; false if that is not known. FS.LastPID says
// which forks it misses.
func (s *Snapshot) NoPIDAllocated() bool {
	return s.FirstPID != 0 && s.FirstPID == s.LastPID
}

// Snapshot scans the process table into into, whose memory it reuses: pointers into an earlier scan become
// invalid. It leaves out processes that vanish during the scan.
func (fs *FS) Snapshot(into *Snapshot) error {
	into.Began, into.Hidden, into.Vanished = bootTick(), 0, 0
	into.FirstPID, into.LastPIDErr = fs.LastPID()
	into.LastPID = 0
	procs := into.Procs[:0]
	into.Procs = procs
	var err error
	into.pids, into.previousPIDs = into.previousPIDs, into.pids
	if into.pids, err = fs.PIDs(into.pids); err != nil {
		return err
	}
	if !slices.IsSorted(into.pids) {
		slices.Sort(into.pids) // Lookup depends on it
	}
	if cap(procs) < len(into.pids) {
		procs = append(make([]Stat, 0, len(into.pids)+len(into.pids)/8), procs[:cap(procs)]...)[:0]
	}
	for _, pid := range into.pids {
		// parseStat allocates no new Comm if the slot's old one is equal. An empty slot gets that of the
		// slot before, which often is.
		procs = procs[:len(procs)+1]
		p := &procs[len(procs)-1]
		if p.Comm == "" && len(procs) > 1 {
			p.Comm = procs[len(procs)-2].Comm
		}
		switch err := fs.stat(pid, p); {
		case err == nil:
			if p.Gone() && !into.listedBefore(pid) {
				into.Vanished++
			}
			continue
		case err == ErrNoProcess:
			if !into.listedBefore(pid) {
				into.Vanished++
			}
		case errors.Is(err, os.ErrPermission):
			into.Hidden++
		default:
			return err
		}
		procs = procs[:len(procs)-1]
	}
	into.Procs = procs
	if into.LastPIDErr == nil {
		into.LastPID, into.LastPIDErr = fs.LastPID()
	}
	return nil
}

// SameProcess reports whether before, an entry of the snapshot, and now describe the same process. now must
// have been read from a process that was opened after the snapshot. Equal IDs suffice if the clock tick of
// the start was over when the scan began: a later process has a later start time. Otherwise the PID may have
// been reused within the tick, and both must show the same memory layout (SameImage).
func (s *Snapshot) SameProcess(before, now *Stat) bool {
	return before.ID == now.ID && (before.Start < s.Began || before.SameImage(now))
}

// listedBefore reports whether the previous scan listed the PID.
func (s *Snapshot) listedBefore(pid int) bool {
	_, ok := slices.BinarySearch(s.previousPIDs, pid)
	return ok
}

// find returns the index of a process in Procs.
func (s *Snapshot) find(pid int) (int, bool) {
	return slices.BinarySearchFunc(s.Procs, pid, func(p Stat, pid int) int { return cmp.Compare(p.PID, pid) })
}

// Lookup returns the process with the PID, nil if the scan found none. The result points into the snapshot,
// as do those of the other methods.
func (s *Snapshot) Lookup(pid int) *Stat {
	if i, ok := s.find(pid); ok {
		return &s.Procs[i]
	}
	return nil
}

// Group returns the members of a process group, in ascending order of PID.
func (s *Snapshot) Group(pgid int) []*Stat {
	return s.filter(func(p *Stat) bool { return p.PGID == pgid })
}

// Session returns the members of a session, in ascending order of PID.
func (s *Snapshot) Session(sid int) []*Stat {
	return s.filter(func(p *Stat) bool { return p.SID == sid })
}

func (s *Snapshot) filter(keep func(*Stat) bool) []*Stat {
	var out []*Stat
	for i := range s.Procs {
		if p := &s.Procs[i]; keep(p) {
			out = append(out, p)
		}
	}
	return out
}

// Ancestors returns the ancestors of a process, its parent first: up to PID 1, or up to a process whose
// parent is outside of the PID namespace or not in the snapshot.
func (s *Snapshot) Ancestors(pid int) []ID {
	var out []ID
	seen := map[int]bool{pid: true}
	for p := s.Lookup(pid); p != nil; {
		if p = s.Lookup(p.PPID); p == nil || seen[p.PID] {
			break
		}
		seen[p.PID] = true
		out = append(out, p.ID)
	}
	return out
}

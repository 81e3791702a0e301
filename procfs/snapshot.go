package procfs

import (
	"cmp"
	"errors"
	"os"
	"slices"
)

// Snapshot is one scan of the process table. A scan is not atomic: it takes milliseconds, during which processes are
// forked, exit and are reparented. So a snapshot may contain a process without its parent, and the parents in it may
// form a loop.
type Snapshot struct {
	Procs []Stat // in ascending order of PID
	// Began is the time at which the scan began, in clock ticks since boot, as Stat.Start; 0 if it is not known.
	Began uint64
	// FirstPID and LastPID are the results of FS.LastPID before and after the scan, each 0 if the call failed or was
	// not made. LastPIDErr is the error of the call that failed.
	FirstPID, LastPID int
	LastPIDErr        error
	// Hidden counts the processes that /proc lists but whose files the caller may not read (hidepid=1 in proc(5)). With
	// hidepid=2 /proc does not list them, and Hidden does not count them.
	Hidden int
	// Vanished counts the processes that the previous scan did not list, and that were zombies or had been reaped when
	// their stat file was to be read. Such a process may have left a child that the scan missed, although FirstPID
	// equals LastPID: the PID of the child was allocated before the scan, but the child was not yet listed in /proc.
	Vanished int

	pids, previousPIDs []int // the PIDs that this scan and the previous scan have listed
}

// NoPIDAllocated reports whether it is known that no PID was allocated during the scan. FS.LastPID documents the
// exceptions.
func (s *Snapshot) NoPIDAllocated() bool {
	return s.FirstPID != 0 && s.FirstPID == s.LastPID
}

// Snapshot scans the process table and stores the result in *into. It reuses the memory of *into: pointers into the
// earlier result become invalid. The result does not contain processes that are reaped during the scan.
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
		slices.Sort(into.pids) // find and listedBefore need ascending order
	}
	if cap(procs) < len(into.pids) {
		procs = append(make([]Stat, 0, len(into.pids)+len(into.pids)/8), procs[:cap(procs)]...)[:0]
	}
	for _, pid := range into.pids {
		// *p may hold a process of the previous scan. parseStat allocates a new Comm only if the name differs from
		// p.Comm. If p.Comm is empty, set it to the name of the process before: processes that were forked one after
		// the other often have the same name.
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

// SameProcess reports whether before, an entry of the snapshot, and now describe the same process. now must have been
// read from a process that was opened after the snapshot was taken. If the process was started in a clock tick before
// the one in which the scan began, equal IDs are enough: a process that reuses the PID has a later start time.
// Otherwise the PID may have been reused within the tick, so both must also show the same memory layout (SameImage).
func (s *Snapshot) SameProcess(before, now *Stat) bool {
	return before.ID == now.ID && (before.Start < s.Began || before.SameImage(now))
}

// listedBefore reports whether the previous scan listed the PID.
func (s *Snapshot) listedBefore(pid int) bool {
	_, ok := slices.BinarySearch(s.previousPIDs, pid)
	return ok
}

// find returns the index in Procs of the process with the PID.
func (s *Snapshot) find(pid int) (int, bool) {
	return slices.BinarySearchFunc(s.Procs, pid, func(p Stat, pid int) int { return cmp.Compare(p.PID, pid) })
}

// Lookup returns the process with the PID, nil if the snapshot has none. The result points into Procs, as do the
// results of Group, Session and Descendants.
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

// Ancestors returns the ancestors of a process, its parent first. The last one is PID 1, or a process whose parent is
// outside of the PID namespace or not in the snapshot. If the parents form a loop, each process is listed once.
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

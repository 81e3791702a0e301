package procfs

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"sort"

	"golang.org/x/sys/unix"
)

// Snapshot is one scan of the process table. A scan is not atomic: it takes milliseconds, during which processes are
// forked, exit and are reparented. So a snapshot may contain a process without its parent, and the parents in it may
// form a loop. Complete tells when a scan has missed nothing all the same.
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
	// Processes that an ordered scan has walked are not counted: see Ordered.
	Vanished int
	// Ordered: the scan has walked the new processes in the order in which they were forked. See walkNew.
	Ordered bool

	pids, previousPIDs []int // the PIDs that this scan and the previous scan have listed
	bound              int   // FirstPID of the previous scan, 0 if that has failed: see walkNew
	inOrder            bool  // PIDs have not wrapped around since bound was read
	seenPID            int   // the last result of FS.LastPID
	shift              int64 // from a PID to its position in the root directory: see listPIDs
}

// NoPIDAllocated reports whether it is known that no PID was allocated during the scan. FS.LastPID documents the
// exceptions.
func (s *Snapshot) NoPIDAllocated() bool {
	return s.FirstPID != 0 && s.FirstPID == s.LastPID
}

// Complete reports whether a process that no scan shows, neither this one nor an earlier one, would have been seen: if
// any such process was alive when the scan began, the scan shows it or one of its descendants. This holds if no PID was
// allocated during the scan, or if the scan is ordered, and if /proc hid no process and none vanished.
func (s *Snapshot) Complete() bool {
	return (s.Ordered || s.NoPIDAllocated()) && s.Hidden+s.Vanished == 0
}

// MayBeNew reports whether the process may have been forked during the scan. Without FirstPID it is false.
func (s *Snapshot) MayBeNew(st *Stat) bool {
	switch {
	case st.Start < s.Began && !st.Hidden():
		return false
	case s.LastPID == 0:
		return s.FirstPID != 0
	case s.FirstPID <= s.LastPID:
		return s.FirstPID < st.PID && st.PID <= s.LastPID
	}
	return s.FirstPID < st.PID || st.PID <= s.LastPID // PIDs have wrapped around
}

// Snapshot scans the process table and stores the result in *into. It reuses the memory of *into: pointers into the
// earlier result become invalid. The result does not contain processes that are reaped during the scan.
func (fs *FS) Snapshot(into *Snapshot) (err error) {
	into.bound = into.FirstPID
	defer func() {
		if err != nil {
			into.FirstPID, into.pids = 0, into.pids[:0] // for the next scan, this one has shown nothing
		}
	}()
	into.Began, into.Hidden, into.Vanished, into.Ordered = Now(), 0, 0, false
	into.FirstPID, into.LastPIDErr = fs.LastPID()
	into.LastPID = 0
	into.pids, into.previousPIDs = into.previousPIDs, into.pids
	if into.pids, into.shift, err = fs.listPIDs(into.pids[:0]); err != nil {
		into.Procs = into.Procs[:0]
		return &os.PathError{Op: "read", Path: fs.root, Err: err}
	}
	sorted := slices.IsSorted(into.pids)
	if !sorted {
		slices.Sort(into.pids) // find and listedBefore need ascending order
	}
	if cap(into.Procs) < len(into.pids) {
		into.Procs = append(make([]Stat, 0, len(into.pids)+len(into.pids)/8), into.Procs[:cap(into.Procs)]...)
	}
	into.Procs = into.Procs[:0]
	into.seenPID = into.FirstPID
	into.inOrder = sorted && into.shift > 0 && 0 < into.bound && into.bound <= into.FirstPID
	if into.inOrder {
		err = fs.walkNew(into)
	} else {
		err = fs.appendProcs(into, into.pids)
	}
	if err == nil && into.LastPIDErr == nil {
		into.LastPID, into.LastPIDErr = fs.LastPID()
		into.Ordered = into.Ordered && into.inOrder && into.LastPID >= into.seenPID
	}
	return err
}

// listPIDs appends the PIDs in the root directory to into. shift is the difference between the position of a process in
// the directory and its PID, 0 if the positions do not have a constant difference, as in any other file system.
func (fs *FS) listPIDs(into []int) (pids []int, shift int64, err error) {
	dir, err := fs.open(".", unix.O_DIRECTORY)
	if err != nil {
		return into, 0, err
	}
	defer unix.Close(dir)
	constant := true
	for {
		n, err := unix.ReadDirent(dir, fs.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			if !constant {
				shift = 0
			}
			return into, shift, err
		}
		next := int64(0) // the position of the next entry in the buffer; 0 for the first one
		for entry := range entries(fs.buf[:n]) {
			pid, ok := entry.number()
			if ok && next != 0 {
				constant = constant && (shift == 0 || shift == next-int64(pid))
				shift = next - int64(pid)
			}
			if next = entry.next; ok {
				into = append(into, pid)
			}
		}
	}
}

// appendProcs reads the stat files of the processes and appends the results to s.Procs.
func (fs *FS) appendProcs(s *Snapshot, pids []int) error {
	for i, pid := range pids {
		if i%checkAfter == checkAfter-1 {
			fs.checkOrder(s)
		}
		exists, err := fs.appendProc(s, pid)
		if err != nil {
			return err
		}
		if !exists && !s.listedBefore(pid) {
			s.Vanished++
		}
	}
	return nil
}

// appendProc reads the stat file of a process and appends the result to s.Procs. It reports whether the process is
// neither reaped nor a zombie. If the caller may not read the file, it counts the process as hidden.
func (fs *FS) appendProc(s *Snapshot, pid int) (exists bool, err error) {
	// *p may hold a process of the previous scan. parseStat allocates a new Comm only if the name differs from p.Comm.
	// If p.Comm is empty, set it to the name of the process before: processes that were forked one after the other
	// often have the same name.
	n := len(s.Procs)
	if n == cap(s.Procs) {
		s.Procs = slices.Grow(s.Procs, n/8+1)
	}
	s.Procs = s.Procs[:n+1]
	p := &s.Procs[n]
	if p.Comm == "" && n > 0 {
		p.Comm = s.Procs[n-1].Comm
	}
	if err = fs.stat(pid, p); err == nil {
		return !p.Gone(), nil
	}
	s.Procs = s.Procs[:n]
	switch {
	case err == ErrNoProcess:
		return false, nil
	case errors.Is(err, os.ErrPermission):
		s.Hidden++
		return true, nil
	}
	return false, err
}

// SameProcess reports whether before, an entry of the snapshot, and now describe the same process. now must have been
// read from a process that was opened after the snapshot was taken. If the process was started in a clock tick before
// the one in which the scan began, equal IDs are enough: a process that reuses the PID has a later start time.
// Otherwise the PID may have been reused within the tick, so both must also show the same memory layout (SameLayout).
func (s *Snapshot) SameProcess(before, now *Stat) bool {
	return before.ID == now.ID && (before.Start < s.Began || before.SameLayout(now))
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

// SortByPID sorts processes in ascending order of PID. It uses package sort: slices.SortFunc would be compiled for Stat
// alone, into 28 kB.
func SortByPID(procs []Stat) { sort.Sort(byPID(procs)) }

type byPID []Stat

func (p byPID) Len() int           { return len(p) }
func (p byPID) Less(i, j int) bool { return p[i].PID < p[j].PID }
func (p byPID) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

package procfs

import (
	"cmp"
	"errors"
	"os"
	"slices"
)

// Snapshot is one reading of all processes. It is torn: it takes milliseconds,
// during which processes are born, die and change parents, so a process may be in
// it whose parent is not, and loops among parents are possible.
type Snapshot struct {
	Procs []Stat // in ascending order of PID
	// Began is the clock tick after boot, as in Stat.Start, in which the reading began; 0 if that is not
	// known.
	Began uint64
	// FirstPID and LastPID are what LastPID returned before and after the
	// reading; 0 where it could not be had. LastPIDErr says why not.
	FirstPID, LastPID int
	LastPIDErr        error
	// Hidden counts the processes that are listed but may not be looked at
	// (hidepid=1 in proc(5)). With hidepid=2 they are not even listed.
	Hidden int
	// Vanished counts those that the reading before did not list, and that were
	// gone, or zombies, when they were looked at. Whoever forks and exits ahead
	// of the reader leaves no other trace: the child has had its number since
	// before the reading, and is not listed yet.
	Vanished int

	pids, before []int // as listed, now and the last time
}

// Still reports whether no process was born during the reading; false where
// that is not known. See FS.LastPID for what it does not see.
func (s *Snapshot) Still() bool {
	return s.FirstPID != 0 && s.FirstPID == s.LastPID
}

// Snapshot reads all processes into into, whose memory is used again: pointers
// into an earlier reading are no longer good. Processes that vanish on the way
// are left out.
func (fs *FS) Snapshot(into *Snapshot) error {
	into.Began, into.Hidden, into.Vanished = bootTick(), 0, 0
	into.FirstPID, into.LastPIDErr = fs.LastPID()
	into.LastPID = 0
	procs := into.Procs[:0]
	into.Procs = procs
	var err error
	into.pids, into.before = into.before, into.pids
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
		// The slot's former content is kept for the sake of its Comm, which
		// is mostly the same again; if not, that of the one before may be.
		procs = procs[:len(procs)+1]
		p := &procs[len(procs)-1]
		if p.Comm == "" && len(procs) > 1 {
			p.Comm = procs[len(procs)-2].Comm
		}
		switch err := fs.stat(pid, p); {
		case err == nil:
			if p.Gone() && !into.knew(pid) {
				into.Vanished++
			}
			continue
		case err == ErrNoProcess:
			if !into.knew(pid) {
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

// Same reports whether before, an entry of the snapshot, and now describe the same process. now must have
// been read of a process that was opened after the snapshot. Equal IDs suffice if the clock tick of the
// start was over when the reading began: a later process has a later start time. Otherwise the PID may have
// been reused within the tick, and both must show the same image.
func (s *Snapshot) Same(before, now *Stat) bool {
	return before.ID == now.ID && (before.Start < s.Began || before.SameImage(now))
}

// knew tells whether the reading before listed that number.
func (s *Snapshot) knew(pid int) bool {
	_, ok := slices.BinarySearch(s.before, pid)
	return ok
}

func (s *Snapshot) index(pid int) (int, bool) {
	return slices.BinarySearchFunc(s.Procs, pid, func(p Stat, pid int) int { return cmp.Compare(p.PID, pid) })
}

// Lookup returns the process with that number, nil if there was none. It points
// into the snapshot, as do the results of the other methods.
func (s *Snapshot) Lookup(pid int) *Stat {
	if i, ok := s.index(pid); ok {
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

// Ancestors returns a process's parent, that one's parent, and so on: up to
// PID 1, or to where the parent is outside of the PID namespace, or was not
// read.
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

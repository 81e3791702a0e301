package procfs

import (
	"slices"
	"strconv"
)

// Tree reads the roots and their descendants alone, by the lists of children: for a picture, which costs what the
// tree has and not what the machine has. It returns false where only the table will do: if the kernel has no such
// lists, if a list changes during the read and may be incomplete (see Children), if hidepid hides members, or if a
// member leads a session and strays are asked for. A caller that signals what it finds must read the table.
func (fs *FS) Tree(roots []ID, strays bool, into *Snapshot) bool {
	var procs []Stat
	seen := make(map[int]bool)
	add := func(pid int) bool {
		var p Stat
		if seen[pid] {
			return true
		}
		seen[pid] = true
		if err := fs.stat(pid, &p); err != nil {
			return err == ErrNoProcess && !fs.HidesProcesses()
		}
		procs = append(procs, p)
		return !strays || p.SID != p.PID
	}
	for _, id := range roots {
		if !add(id.PID) {
			return false
		}
	}
	for i := 0; i < len(procs); i++ {
		p := &procs[i]
		if p.Gone() {
			continue
		}
		pid, threads := p.PID, p.Threads
		children, ok := fs.brood(pid, threads)
		again, sure := fs.brood(pid, threads)
		if !ok || !sure || !slices.Equal(children, again) {
			return false
		}
		for _, child := range children {
			if !add(child) {
				return false
			}
		}
	}
	// By number. (To sort them as they are would take a sort of their own.)
	at := make(map[int]int, len(procs))
	pids := make([]int, len(procs))
	for i := range procs {
		pids[i] = procs[i].PID
		at[pids[i]] = i
	}
	slices.Sort(pids)
	into.Procs = make([]Stat, len(procs))
	for i, pid := range pids {
		into.Procs[i] = procs[at[pid]]
	}
	return true
}

// brood returns the children of who has so many threads, and false if there is any doubt.
func (fs *FS) brood(pid, threads int) ([]int, bool) {
	if threads != 1 {
		children, err := fs.Children(pid)
		return children, err == nil
	}
	// It is the leader's own list, if it still is the only thread.
	b, err := fs.read(processPath(pid, "task/")+strconv.Itoa(pid)+"/children", false, unlimited)
	if err != nil {
		return nil, false
	}
	children, err := appendChildren(nil, b)
	return children, err == nil
}

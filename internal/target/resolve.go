package target

import (
	"errors"
	"fmt"
	"slices"

	"killbox/procfs"
)

// Opener opens processes. After Open, the methods Stat and Exists never mistake another process that has got the same
// PID for the process that was opened.
type Opener interface {
	// Open opens the process that has the PID now, and then reads its stat. The error is procfs.ErrNoProcess if no
	// process has the PID.
	Open(pid int) (procfs.Stat, error)
	// Close closes an opened process.
	Close(procfs.ID)
	// Stat reads the stat of an opened process again. The error is procfs.ErrNoProcess if it has been reaped.
	Stat(procfs.ID) (procfs.Stat, error)
	// Exists returns procfs.ErrNoProcess if an opened process has been reaped.
	Exists(procfs.ID) error
	// OpenBatch opens processes in parallel, which is faster. The caller then calls Open for the same PIDs in the
	// same order.
	OpenBatch(pids []int)
}

// GroupOpener opens process groups.
type GroupOpener interface {
	// OpenGroup opens the process group that has the PGID now. The error is procfs.ErrNoProcess if there is none.
	OpenGroup(pgid int) error
	// GroupLives reports whether an opened group still has members. Zombies count. Once the group has ended, the
	// result stays false, even if another group gets the PGID. known are processes that a scan has shown as
	// members.
	GroupLives(pgid int, known []procfs.ID) bool
}

// Scanner reads the process table.
type Scanner interface {
	// Snapshot scans the process table.
	Snapshot(*procfs.Snapshot) error
	// RunParallel calls do for each number below n, possibly from several goroutines at once. Each goroutine gets a
	// proc of its own.
	RunParallel(n int, do func(proc *procfs.FS, i int))
	// PidfdInfoReader returns a function that reads the parent and the effective UID of a process without /proc
	// (PIDFD_GET_INFO). Several goroutines may call it. It is nil before Linux 6.13.
	PidfdInfoReader() func(pid int) (ppid, euid int, err error)
}

// Kernel is the part of the system that Resolve and ResolveGroups use, besides a procfs.FS.
type Kernel interface {
	Opener
	GroupOpener
	Scanner
}

// Request describes the targets of a call.
type Request struct {
	Operands []Operand
	Selector Selector
	Omit     []Operand // of --omit: the processes that they name are excluded
}

// Process is a target that was found and opened.
type Process struct {
	procfs.Stat
	Operand string // as the user has written it; empty if a selector, group or pidfile implies the process
	// Ancestor means that the process is an ancestor of this process. Only an operand can make an ancestor a
	// target.
	Ancestor bool
}

// Skip is an excluded process, with the reason.
type Skip struct {
	procfs.Stat
	Reason string
}

// Problem is an operand without a target, and the reason.
type Problem struct {
	Operand Operand
	Stat    procfs.Stat // zero if no process was opened
	Err     error
}

// Found is the result of a Request.
type Found struct {
	Processes []Process
	Skipped   []Skip
	// Missing are the operands that name no process. Refused are the operands that Exclusions or the system
	// refuses.
	Missing, Refused []Problem
	// Zombies are the zombies among the members of groups (ResolveGroups only). They are no targets.
	Zombies []procfs.Stat
	// Hidden are the operands for groups that exist, but of which /proc shows no member.
	Hidden []Operand
	// Ended are the handles whose process is known to be gone.
	Ended []Operand
	// Named has an element for each operand that names a target, in the order of the operands. Several elements may
	// have the same process.
	Named []Named
	// Since is a time in clock ticks since boot. The selector was compared with every process that was started
	// earlier.
	Since uint64
	// Vanished means that a process which the selector or a group implies has ended before it could be opened.
	Vanished bool
}

// Named is an operand and the process that it names.
type Named struct {
	Operand Operand
	ID      procfs.ID
}

// Resolve finds and opens the targets of a request. Problems with single operands are part of the result. An error
// concerns all targets, such as an unreadable process table.
func Resolve(proc *procfs.FS, kernel Kernel, exclusions *Exclusions, req Request) (*Found, error) {
	r := &resolver{proc: proc, kernel: kernel, exclusions: exclusions, req: &req, targets: make(map[procfs.ID]bool)}
	pids := make([]int, 0, len(req.Operands))
	for _, op := range req.Operands {
		if op.Form != Group {
			pids = append(pids, op.PID)
		}
	}
	kernel.OpenBatch(pids)
	// There may be thousands of operands: allocate the slices once.
	r.found.Processes = make([]Process, 0, len(pids))
	r.found.Named = make([]Named, 0, len(pids))
	for _, op := range req.Operands {
		if op.Form != Group {
			r.addOperand(op)
		} else if err := r.addGroupMembers(op); err != nil {
			return nil, err
		}
	}
	if !req.Selector.Empty() {
		if err := r.addSelected(); err != nil {
			return nil, err
		}
	}
	return &r.found, nil
}

// resolver is the state of Resolve.
type resolver struct {
	proc       *procfs.FS // nil without /proc
	kernel     Kernel
	exclusions *Exclusions
	req        *Request
	found      Found
	targets    map[procfs.ID]bool // the processes in found.Processes
	table      *procfs.Snapshot   // nil before the first scan
}

// addEndedOperand records that the process of a handle is gone. A process that is given twice counts once, as a target
// does.
func (r *resolver) addEndedOperand(op Operand) {
	if !slices.ContainsFunc(r.found.Ended, op.SameProcess) {
		r.found.Ended = append(r.found.Ended, op)
	}
}

// addOperand opens the process that an operand names, and makes it a target unless it is excluded.
func (r *resolver) addOperand(op Operand) {
	st, err := op.Open(r.kernel)
	if err != nil {
		if st.PID != 0 {
			r.closeUnlessTarget(st.ID)
		}
		switch missing := errors.Is(err, procfs.ErrNoProcess); {
		case missing && op.Form != PID:
			r.addEndedOperand(op)
		case missing:
			r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: err})
		default:
			r.found.Refused = append(r.found.Refused, Problem{Operand: op, Stat: st, Err: err})
		}
		return
	}
	if r.targets[st.ID] {
		r.found.Named = append(r.found.Named, Named{op, st.ID})
		return
	}
	if r.isOmitted(&st) {
		r.addSkipped(st, "omitted")
		return
	}
	if reason := r.exclusions.ExcludeOperand(&st); reason != "" {
		r.closeUnlessTarget(st.ID)
		r.found.Refused = append(r.found.Refused, Problem{Operand: op, Stat: st, Err: errors.New(reason)})
		return
	}
	r.targets[st.ID] = true
	r.found.Named = append(r.found.Named, Named{op, st.ID})
	r.found.Processes = append(r.found.Processes, Process{Stat: st, Operand: op.Text, Ancestor: r.exclusions.IsAncestor(st.PID)})
}

// closeUnlessTarget closes a process, unless another operand or the selector has made it a target.
func (r *resolver) closeUnlessTarget(id procfs.ID) {
	if !r.targets[id] {
		r.kernel.Close(id)
	}
}

// addSkipped records that a process is excluded, and closes it. A process that is a target already remains a target.
func (r *resolver) addSkipped(st procfs.Stat, reason string) {
	r.closeUnlessTarget(st.ID)
	if !r.targets[st.ID] {
		r.found.Skipped = append(r.found.Skipped, Skip{st, reason})
	}
}

// isOmitted reports whether --omit excludes the process.
func (r *resolver) isOmitted(st *procfs.Stat) bool { return Omits(r.req.Omit, st) }

// findCandidates returns the processes that addSelected compares with the selector.
func (r *resolver) findCandidates() ([]procfs.Stat, error) {
	if pids, ok := r.prefilter(); ok {
		var procs []procfs.Stat
		for _, pid := range pids {
			if st, err := r.proc.Stat(pid); err == nil {
				procs = append(procs, st)
			} else if err == procfs.ErrNoProcess {
				r.found.Vanished = true
			} else if err = dropProcessErrors(err); err != nil {
				return nil, err
			} else if h := r.req.Selector.Holders; h != nil {
				h.hidden++
			}
		}
		return procs, nil
	}
	table, err := r.snapshot()
	if err != nil {
		return nil, err
	}
	for i := range table.Procs {
		r.found.Since = max(r.found.Since, table.Procs[i].Start)
	}
	switch s := &r.req.Selector; {
	case s.Owners != nil:
		s.Owners.hidden = table.Hidden
	case s.Unexamined != nil && (s.EnvName != "" || s.Exe != nil || s.Cwd != nil):
		s.Unexamined.hidden = table.Hidden
	}
	return table.Procs, nil
}

// snapshot returns the process table. It scans the table on the first call, and whenever r.table is nil.
func (r *resolver) snapshot() (*procfs.Snapshot, error) {
	if r.table == nil {
		table := new(procfs.Snapshot)
		if err := r.kernel.Snapshot(table); err != nil {
			return nil, err
		}
		r.table = table
	}
	return r.table, nil
}

// addImplied opens a process of the snapshot and makes it a target unless it is excluded. The PID may have been reused
// since the scan. Therefore addImplied reads the stat again after it has opened the process, and calls matches with it.
func (r *resolver) addImplied(st *procfs.Stat, matches func(*procfs.Stat) (bool, error)) error {
	if r.targets[st.ID] {
		return nil
	}
	if reason := r.exclusions.ExcludeImplied(st); reason != "" {
		r.found.Skipped = append(r.found.Skipped, Skip{*st, reason})
		return nil
	}
	now, err := r.kernel.Open(st.PID)
	if errors.Is(err, procfs.ErrNoProcess) {
		r.found.Vanished = true
		return nil
	}
	if err != nil {
		r.found.Refused = append(r.found.Refused, Problem{Operand: Operand{PID: st.PID}, Stat: *st, Err: err})
		return nil
	}
	ok := now.ID == st.ID
	r.found.Vanished = r.found.Vanished || !ok
	if ok {
		ok, err = matches(&now)
	}
	if ok {
		// Check last that the process still exists. Otherwise its PID may have been reused before matches read
		// files of it.
		ok = r.kernel.Exists(now.ID) == nil
		r.found.Vanished = r.found.Vanished || !ok
	}
	if !ok {
		r.closeUnlessTarget(now.ID)
		return err
	}
	if r.isOmitted(&now) {
		r.addSkipped(now, "omitted")
		return nil
	}
	r.targets[now.ID] = true
	r.found.Processes = append(r.found.Processes, Process{Stat: now})
	return nil
}

// addSelected makes targets of the processes that the selector matches.
func (r *resolver) addSelected() error {
	if r.req.Selector.Missing != nil {
		return nil
	}
	if r.req.Selector.Pidfile != nil {
		return r.addPidfile()
	}
	procs, err := r.findCandidates()
	if err != nil {
		return err
	}
	s := &r.req.Selector
	uptime, err := s.readUptime(r.proc)
	if err != nil {
		return fmt.Errorf("cannot determine the age of processes: %w", err)
	}
	matches := func(st *procfs.Stat) (bool, error) {
		if !s.matchStat(st, uptime) {
			return false, nil
		}
		return s.MatchFiles(r.proc, st)
	}
	for i := range procs {
		st := &procs[i]
		ok, err := matches(st)
		if ok {
			err = r.addImplied(st, matches)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

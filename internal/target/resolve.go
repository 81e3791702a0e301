package target

import (
	"errors"
	"fmt"

	"killbox/procfs"
)

// Opener pins processes, so that a reused PID is never taken for the process that was opened.
type Opener interface {
	// Open pins the process with the PID and then reads what it is; procfs.ErrNoProcess if there is none.
	Open(pid int) (procfs.Stat, error)
	// Close unpins a process.
	Close(procfs.ID)
	// Stat reads an opened process again; procfs.ErrNoProcess if it has been reaped.
	Stat(procfs.ID) (procfs.Stat, error)
	// Exists fails with procfs.ErrNoProcess if an opened process has been reaped.
	Exists(procfs.ID) error
	// OpenBatch opens these processes in parallel, for the calls of Open that follow with the same PIDs in the
	// same order.
	OpenBatch(pids []int)
}

// GroupOpener pins process groups.
type GroupOpener interface {
	// OpenGroup pins the process group with the number; procfs.ErrNoProcess if there is none.
	OpenGroup(pgid int) error
	// GroupLives reports whether an opened group still has a member, including zombies. known are processes
	// that were seen in it.
	GroupLives(pgid int, known []procfs.ID) bool
}

// Scanner reads the process table.
type Scanner interface {
	Snapshot(*procfs.Snapshot) error
	// RunParallel calls do for each number below n, perhaps from several goroutines at once. proc is for that
	// goroutine.
	RunParallel(n int, do func(proc *procfs.FS, i int))
	// PidfdInfoReader returns a function that reads the parent and the effective UID of a process without
	// /proc (PIDFD_GET_INFO, Linux 6.13), and that several goroutines may call; nil if the kernel cannot.
	PidfdInfoReader() func(pid int) (ppid, euid int, err error)
}

// Kernel is what Resolve and ResolveGroups need of the system beyond /proc.
type Kernel interface {
	Opener
	GroupOpener
	Scanner
}

// Request is what the user asked for.
type Request struct {
	Operands []Operand
	Selector Selector
	Omit     []Operand
}

// Process is a target that was found and opened.
type Process struct {
	procfs.Stat
	Operand string // as it was written; empty if a selector, group or pidfile implies the process
	// Ancestor: it is an ancestor of this process, and was given as an operand.
	Ancestor bool
}

// Skip is a process that was implied and is excluded.
type Skip struct {
	procfs.Stat
	Reason string
}

// Problem is an operand that led to no target.
type Problem struct {
	Operand Operand
	Stat    procfs.Stat // zero if no such process was opened
	Err     error
}

// Found is the result of a Request.
type Found struct {
	Processes []Process
	Skipped   []Skip
	// Missing are operands that name no process. Refused are operands that Exclusions or the system refuse.
	Missing, Refused []Problem
	// Zombies are the zombies among the members of groups (ResolveGroups only). They are no targets.
	Zombies []procfs.Stat
	// Hidden are operands for groups that exist, but of which /proc shows no member.
	Hidden []Operand
	// Ended are operands whose start time or inode proves that their process is gone.
	Ended []Operand
	// Named has an element for each operand that names a target, in their order, also if several name the same
	// process.
	Named []Named
	// Since: a process that the selector was not compared with started at this clock tick or later.
	Since uint64
	// Vanished: a process that the selector or a group implied has ended before it could be opened.
	Vanished bool
}

// Named is an operand and the process that it names.
type Named struct {
	Operand Operand
	ID      procfs.ID
}

// Resolve finds and opens the targets. Problems with single operands are part of the result; an error is one that
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
	// Operands may be thousands: do not grow the slices step by step.
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

type resolver struct {
	proc       *procfs.FS
	kernel     Kernel
	exclusions *Exclusions
	req        *Request
	found      Found
	targets    map[procfs.ID]bool
	table      *procfs.Snapshot // nil before the first scan
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
			r.found.Ended = append(r.found.Ended, op)
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

// closeUnlessTarget closes a process, unless it is a target for another reason.
func (r *resolver) closeUnlessTarget(id procfs.ID) {
	if !r.targets[id] {
		r.kernel.Close(id)
	}
}

// addSkipped records that a process is excluded, and closes it. A process that is a target already stays one.
func (r *resolver) addSkipped(st procfs.Stat, reason string) {
	r.closeUnlessTarget(st.ID)
	if !r.targets[st.ID] {
		r.found.Skipped = append(r.found.Skipped, Skip{st, reason})
	}
}

func (r *resolver) isOmitted(st *procfs.Stat) bool { return Omits(r.req.Omit, st) }

// findCandidates returns the processes that the selector is to be compared with.
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
	return table.Procs, nil
}

// snapshot returns the process table, which it scans once.
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

// addImplied opens a process of the snapshot, and makes it a target unless it is excluded. The PID may have been
// reused since the scan, so addImplied calls matches again for what it reads after the open.
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
		// Check last that the process still exists: then all that was read is its own.
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
		return fmt.Errorf("cannot tell ages: %w", err)
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

package target

import (
	"errors"
	"fmt"
	"time"

	"killbox/procfs"
)

// Opener is the part of the kernel that pins processes.
type Opener interface {
	Open(pid int) (procfs.Stat, error)
	Close(procfs.ID)
	Stat(procfs.ID) (procfs.Stat, error)
	// Ahead prepares for the calls of Open that follow, with these numbers in this order.
	Ahead(pids []int)
	// Spread calls do for each number below n, perhaps from several goroutines at once.
	Spread(n int, do func(proc *procfs.FS, i int))
	// Exists fails with procfs.ErrNoProcess when an opened process has been reaped.
	Exists(procfs.ID) error
	Snapshot(*procfs.Snapshot) error
	// OpenGroup pins the process group that has the number; procfs.ErrNoProcess
	// where there is none. GroupLives tells whether it still has a member.
	OpenGroup(pgid int) error
	GroupLives(pgid int, known []procfs.ID) bool
	// Kin returns what tells a process's parent and effective user without
	// reading /proc, for any goroutine; nil where the kernel cannot.
	Kin() func(pid int) (ppid, euid int, err error)
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
	Operand string // as it was written; empty if something brought it in
	// Ancestor: it is one of ours, and was named outright.
	Ancestor bool
}

// Skip is a process that was brought in and is left alone.
type Skip struct {
	procfs.Stat
	Reason string
}

// Problem is an operand that came to nothing.
type Problem struct {
	Operand Operand
	Stat    procfs.Stat // zero where there is no such process
	Err     error
}

// Found is what became of a Request.
type Found struct {
	Processes []Process
	Skipped   []Skip
	// Missing are operands that no process answers to, Refused those that a
	// guard or the system forbids.
	Missing, Refused []Problem
	// Zombies are members of groups that are no targets of pgkill.
	Zombies []procfs.Stat
	// Hidden are groups that exist, and of which /proc shows no member.
	Hidden []Operand
	// Ended are handles whose process is not there any more: it is known to
	// be gone.
	Ended []Operand
	// Named is whom the operands name, in their order and with those that
	// name the same process again.
	Named []Named
	// Since is when whoever the selector was not shown was started, or before; Vanished
	// tells that somebody whom it found was gone before it could be opened.
	Since    uint64
	Vanished bool
}

// Named is an operand and the process that it names.
type Named struct {
	Operand Operand
	ID      procfs.ID
}

// Resolve finds and opens the targets. Problems with single operands are part
// of the result; the error is for what concerns all of them.
func Resolve(proc *procfs.FS, open Opener, guard *Guard, req Request) (*Found, error) {
	r := &resolver{proc: proc, open: open, guard: guard, req: &req, have: make(map[procfs.ID]bool)}
	pids := make([]int, 0, len(req.Operands))
	for _, op := range req.Operands {
		if op.Form != Group {
			pids = append(pids, op.PID)
		}
	}
	open.Ahead(pids)
	// Thousands are not to be copied again and again.
	r.found.Processes = make([]Process, 0, len(pids))
	r.found.Named = make([]Named, 0, len(pids))
	for _, op := range req.Operands {
		var err error
		if op.Form == Group {
			err = r.group(op)
		} else {
			r.operand(op)
		}
		if err != nil {
			return nil, err
		}
	}
	if !req.Selector.Empty() {
		if err := r.selected(); err != nil {
			return nil, err
		}
	}
	return &r.found, nil
}

type resolver struct {
	proc  *procfs.FS
	open  Opener
	guard *Guard
	req   *Request
	found Found
	have  map[procfs.ID]bool
	table *procfs.Snapshot
}

func (r *resolver) operand(op Operand) {
	st, err := r.open.Open(op.PID)
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		if op.Form != PID {
			r.found.Ended = append(r.found.Ended, op)
			return
		}
		r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: err})
		return
	case err != nil:
		r.found.Refused = append(r.found.Refused, Problem{Operand: op, Err: err})
		return
	}
	same, err := op.Names(&st)
	if err != nil {
		r.close(st.ID)
		r.found.Refused = append(r.found.Refused, Problem{Operand: op, Stat: st, Err: err})
		return
	}
	if !same {
		r.close(st.ID)
		r.found.Ended = append(r.found.Ended, op)
		return
	}
	if r.have[st.ID] {
		r.found.Named = append(r.found.Named, Named{op, st.ID})
		return
	}
	if r.omitted(&st) {
		r.skip(st, "omitted")
		return
	}
	if reason := r.guard.Named(&st); reason != "" {
		r.close(st.ID)
		r.found.Refused = append(r.found.Refused, Problem{Operand: op, Stat: st, Err: errors.New(reason)})
		return
	}
	r.have[st.ID] = true
	r.found.Named = append(r.found.Named, Named{op, st.ID})
	r.found.Processes = append(r.found.Processes, Process{Stat: st, Operand: op.Text, Ancestor: r.guard.Ancestor(st.PID)})
}

func (r *resolver) close(id procfs.ID) {
	if !r.have[id] {
		r.open.Close(id)
	}
}

func (r *resolver) skip(st procfs.Stat, reason string) {
	r.close(st.ID)
	if !r.have[st.ID] {
		r.found.Skipped = append(r.found.Skipped, Skip{st, reason})
	}
}

func (r *resolver) omitted(st *procfs.Stat) bool { return Omits(r.req.Omit, st) }

// Selects tells whether the process meets the conditions, of which there must
// be some.
func (s *Selector) Selects(proc *procfs.FS, st *procfs.Stat) bool {
	var uptime time.Duration
	if s.HasOlder || s.HasNewer {
		var err error
		if uptime, err = proc.Uptime(); err != nil {
			return false
		}
	}
	if !s.cheap(st, uptime) {
		return false
	}
	ok, err := s.Matches(proc, st)
	return ok && err == nil
}

// Omits reports whether one of the operands names the process. An inode is only
// known of opened processes.
func Omits(ops []Operand, st *procfs.Stat) bool {
	for _, op := range ops {
		switch op.Form {
		case Group:
			if st.PGID == op.PID {
				return true
			}
		case Handle:
			if st.ID == (procfs.ID{PID: op.PID, Start: op.Start}) {
				return true
			}
		case Inode:
			// Excluded as well where the inode is not known.
			if st.PID == op.PID && (st.Inode == 0 || st.Inode == op.Inode) {
				return true
			}
		case PID:
			if st.PID == op.PID {
				return true
			}
		}
	}
	return false
}

// candidates returns those among whom the selector is to choose.
func (r *resolver) candidates() ([]procfs.Stat, error) {
	if pids, ok := r.sift(); ok {
		var procs []procfs.Stat
		for _, pid := range pids {
			if st, err := r.proc.Stat(pid); err == nil {
				procs = append(procs, st)
			} else if err == procfs.ErrNoProcess {
				r.found.Vanished = true
			} else if err = ignore(err); err != nil {
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

// snapshot reads the table once.
func (r *resolver) snapshot() (*procfs.Snapshot, error) {
	if r.table == nil {
		table := new(procfs.Snapshot)
		if err := r.open.Snapshot(table); err != nil {
			return nil, err
		}
		r.table = table
	}
	return r.table, nil
}

// group opens the members of a group that is pinned first, so that the number
// cannot come to mean another one between the reading and the last rung.
func (r *resolver) group(op Operand) error {
	switch err := r.open.OpenGroup(op.PID); {
	case errors.Is(err, procfs.ErrNoProcess):
		r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: ErrNoGroup})
		return nil
	case err != nil:
		r.found.Refused = append(r.found.Refused, Problem{Operand: op, Err: err})
		return nil
	}
	r.table = nil
	table, err := r.snapshot()
	if err != nil {
		return err
	}
	members := table.Group(op.PID)
	var known []procfs.ID
	for _, st := range members {
		known = append(known, st.ID)
	}
	if !r.open.GroupLives(op.PID, known) {
		r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: ErrNoGroup})
		return nil
	}
	if len(members) == 0 && r.proc != nil && r.proc.HidesProcesses() {
		r.found.Hidden = append(r.found.Hidden, op)
	}
	for _, st := range members {
		if err := r.bring(st, r.inGroup(op.PID)); err != nil {
			return err
		}
	}
	return nil
}

// inGroup returns a test for opened processes: whether the process is in the pinned group. Its PGID means
// that group only while the group exists.
func (r *resolver) inGroup(pgid int) func(*procfs.Stat) (bool, error) {
	return func(now *procfs.Stat) (bool, error) {
		return now.PGID == pgid && r.open.GroupLives(pgid, []procfs.ID{now.ID}), nil
	}
}

// bring opens a process that the table shows, and judges it once more after
// that: what was read before could be a predecessor's.
func (r *resolver) bring(st *procfs.Stat, matches func(*procfs.Stat) (bool, error)) error {
	if r.have[st.ID] {
		return nil
	}
	if reason := r.guard.Brought(st); reason != "" {
		r.found.Skipped = append(r.found.Skipped, Skip{*st, reason})
		return nil
	}
	now, err := r.open.Open(st.PID)
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
		// Asked last: if it is still there, all that was read was its own.
		ok = r.open.Exists(now.ID) == nil
		r.found.Vanished = r.found.Vanished || !ok
	}
	if !ok {
		r.close(now.ID)
		return err
	}
	if r.omitted(&now) {
		r.skip(now, "omitted")
		return nil
	}
	r.have[now.ID] = true
	r.found.Processes = append(r.found.Processes, Process{Stat: now})
	return nil
}

func (r *resolver) selected() error {
	if r.req.Selector.Only != nil {
		return r.pidfile()
	}
	procs, err := r.candidates()
	if err != nil {
		return err
	}
	s := &r.req.Selector
	var uptime time.Duration
	if s.HasOlder || s.HasNewer {
		if uptime, err = r.proc.Uptime(); err != nil {
			return fmt.Errorf("cannot tell ages: %w", err)
		}
	}
	matches := func(st *procfs.Stat) (bool, error) {
		if !s.cheap(st, uptime) {
			return false, nil
		}
		return s.Matches(r.proc, st)
	}
	for i := range procs {
		st := &procs[i]
		if !s.cheap(st, uptime) {
			continue
		}
		ok, err := s.Matches(r.proc, st)
		if ok {
			err = r.bring(st, matches)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

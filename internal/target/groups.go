package target

import (
	"errors"
	"fmt"
	"slices"

	"killbox/procfs"
)

// GroupRequest is which process groups are meant.
type GroupRequest struct {
	Operands []Operand
	// Of: the operands are processes, whose groups are meant. Session: what
	// is meant are sessions.
	Of, Session bool
	// Own is this process's group, or session, where that is meant as well;
	// else 0.
	Own int
	// OwnGroup is the group that this process was called in: if it is named,
	// our ancestors in it are meant too.
	OwnGroup int
}

// Groups are the groups that were found, and opened.
type Groups struct {
	Found
	PGIDs []int
	// Sessions are named by their leaders, with a Start of 0 where that has
	// been reaped.
	Sessions []procfs.ID
	// Ancestors tells whether those of ours are meant that are in the group.
	Ancestors func(pgid int) bool
}

// errHiddenSession is returned for a number that may be a session's.
var errHiddenSession = errors.New("/proc hides the members of the session, if it is one (hidepid)")

// ErrNoGroup, ErrNoSession: the operand is the number of neither.
var (
	ErrNoGroup   = errors.New("no such process group")
	ErrNoSession = errors.New("no such session")
)

// ResolveGroups finds the groups and opens their members. Problems with single
// operands are part of the result.
func ResolveGroups(proc *procfs.FS, open Opener, guard *Guard, req GroupRequest) (*Groups, error) {
	r := &groupResolver{
		resolver: resolver{proc: proc, open: open, guard: guard, req: &Request{}, have: make(map[procfs.ID]bool)},
		req:      req, named: make(map[int]bool),
	}
	if req.Own != 0 {
		if err := r.add(Operand{Text: "0", PID: req.Own}, procfs.ID{}, req.Own); err != nil {
			return nil, err
		}
	}
	for _, op := range req.Operands {
		var of procfs.ID
		number := op.PID
		if req.Of {
			var ok bool
			if of, number, ok = r.of(op); !ok {
				continue
			}
		}
		if err := r.add(op, of, number); err != nil {
			return nil, err
		}
	}
	if err := r.members(); err != nil {
		return nil, err
	}
	r.groups.Found = r.found
	r.groups.Ancestors = r.ancestors
	return &r.groups, nil
}

type groupResolver struct {
	resolver
	req    GroupRequest
	groups Groups
	named  map[int]bool // groups, not those that a session brought in
}

func (r *groupResolver) refuse(op Operand, st procfs.Stat, err error) {
	r.found.Refused = append(r.found.Refused, Problem{Operand: op, Stat: st, Err: err})
}

func (r *groupResolver) missing(op Operand, err error) {
	r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: err})
}

// of returns the group or session of a process, and which process that is.
func (r *groupResolver) of(op Operand) (id procfs.ID, number int, ok bool) {
	st, err := r.open.Open(op.PID)
	if errors.Is(err, procfs.ErrNoProcess) {
		r.missing(op, err)
		return procfs.ID{}, 0, false
	}
	if err != nil {
		r.refuse(op, st, err)
		return procfs.ID{}, 0, false
	}
	same, err := op.Names(&st)
	switch {
	case err != nil:
		r.refuse(op, st, err)
	case !same:
		r.missing(op, errUntold)
	default:
		number, ok = st.PGID, true
		switch {
		case r.req.Session:
			number = st.SID
		case st.PID == r.guard.self:
			number = r.req.OwnGroup // it has left it by now
		}
	}
	if !ok {
		r.close(st.ID)
	}
	return st.ID, number, ok
}

// errUntold: the process of an operand of --of has ended. errLeft: it has changed its group or session since it was read.
var (
	errUntold = errors.New("the process is gone, so its group cannot be told")
	errLeft   = errors.New("the process has left its group or session")
)

// add opens a group, or all those of a session. of is the process whose group
// is meant, zero where a number was given.
func (r *groupResolver) add(op Operand, of procfs.ID, number int) error {
	if number <= 1 {
		r.refuse(op, procfs.Stat{}, Unnamable(number, r.req.Session))
		return nil
	}
	if !r.req.Session {
		return r.addGroup(op, of, number)
	}
	return r.addSession(op, of, number)
}

// addSession opens the groups of a session.
func (r *groupResolver) addSession(op Operand, of procfs.ID, number int) error {
	for _, s := range r.groups.Sessions {
		if s.PID == number {
			return nil
		}
	}
	// Open the leader before the scan: while it exists, the number means its session.
	leader, err := r.open.Open(number)
	if err != nil && !errors.Is(err, procfs.ErrNoProcess) {
		return err
	}
	session := procfs.ID{PID: number}
	if err == nil && leader.SID == number {
		session = leader.ID
	}
	r.table = nil
	table, err := r.snapshot()
	if err != nil {
		return err
	}
	found := false
	var pgids []int
	for _, st := range table.Session(number) {
		if st.PGID <= 1 || r.have[st.ID] {
			continue
		}
		found = true
		if err := r.open.OpenGroup(st.PGID); err == nil {
			pgids = append(pgids, st.PGID)
		} else if !errors.Is(err, procfs.ErrNoProcess) {
			return err
		}
	}
	if err := r.stillIn(of, func(st *procfs.Stat) bool { return st.SID == number }); err != nil {
		r.missing(op, err)
		return nil
	}
	if !found && r.hides(number) {
		r.refuse(op, procfs.Stat{}, errHiddenSession)
		return nil
	}
	if !found {
		r.missing(op, ErrNoSession)
		return nil
	}
	for _, pgid := range pgids {
		r.groups.PGIDs = appendNew(r.groups.PGIDs, pgid)
	}
	r.groups.Sessions = append(r.groups.Sessions, session)
	return nil
}

// hides reports whether a group with that number exists, as the first one of a session has, and /proc may hide its
// members.
func (r *groupResolver) hides(number int) bool {
	return r.proc != nil && r.proc.HidesProcesses() && r.open.OpenGroup(number) == nil && r.open.GroupLives(number, nil)
}

func (r *groupResolver) addGroup(op Operand, of procfs.ID, pgid int) error {
	switch err := r.open.OpenGroup(pgid); {
	case errors.Is(err, procfs.ErrNoProcess) && pgid == r.req.OwnGroup:
		// This process was alone in it, and has left.
		return nil
	case errors.Is(err, procfs.ErrNoProcess):
		r.missing(op, r.noGroup(pgid))
		return nil
	case err != nil:
		r.refuse(op, procfs.Stat{}, err)
		return nil
	}
	if of.PID != r.guard.self {
		if err := r.stillIn(of, func(st *procfs.Stat) bool { return st.PGID == pgid }); err != nil {
			r.close(of)
			r.missing(op, err)
			return nil
		}
	}
	r.named[pgid] = true
	r.groups.PGIDs = appendNew(r.groups.PGIDs, pgid)
	return nil
}

// stillIn fails unless the process whose group or session was asked for, if any, is in it now. The number
// was read before the group was pinned, so it may be another group's by then; a process that has been
// opened and is in the pinned one proves that it is not.
func (r *groupResolver) stillIn(of procfs.ID, in func(*procfs.Stat) bool) error {
	if of.PID == 0 {
		return nil
	}
	st, err := r.open.Stat(of)
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		return errUntold
	case err == nil && !in(&st):
		return errLeft
	}
	return err
}

// noGroup explains why a number means no group.
func (r *groupResolver) noGroup(pgid int) error {
	st, err := r.proc.Stat(pgid)
	if err != nil || st.PGID <= 1 {
		return ErrNoGroup
	}
	return fmt.Errorf("%w: it is a process of group %d (--of ends that)", ErrNoGroup, st.PGID)
}

// Unnamable says why the group or session with that number cannot be meant.
func Unnamable(number int, session bool) error {
	what := "process group"
	if session {
		what = "session"
	}
	if number == 1 {
		return fmt.Errorf("the %s of PID 1 is refused", what)
	}
	return fmt.Errorf("its %s was made outside of this PID namespace, and has no number here", what)
}

// ancestors tells whether those of ours are meant that are in the group.
func (r *groupResolver) ancestors(pgid int) bool { return pgid == r.req.OwnGroup && r.named[pgid] }

// members opens everybody in the groups. A group that still lives after the
// table was read is the one that was opened, and so its number meant it all
// the while.
func (r *groupResolver) members() error {
	r.table = nil
	table, err := r.snapshot()
	if err != nil {
		return err
	}
	pgids := r.groups.PGIDs
	r.groups.PGIDs = nil
	for _, pgid := range pgids {
		list := table.Group(pgid)
		if r.req.Session && slices.ContainsFunc(list, func(st *procfs.Stat) bool { return !r.inSession(st) }) {
			// No group is part of two sessions: the number had come to mean
			// another one before it was opened.
			continue
		}
		r.groups.PGIDs = append(r.groups.PGIDs, pgid)
		var ids []procfs.ID
		for _, st := range list {
			ids = append(ids, st.ID)
		}
		if !r.open.GroupLives(pgid, ids) {
			continue
		}
		for _, st := range list {
			if err := r.member(st, pgid); err != nil {
				return err
			}
		}
	}
	return nil
}

// inSession reports whether the table shows a process in one of the sessions.
// An unrelated process with the number means that the session has ended.
func (r *groupResolver) inSession(st *procfs.Stat) bool {
	return slices.ContainsFunc(r.groups.Sessions, func(leader procfs.ID) bool {
		if st.SID != leader.PID {
			return false
		}
		now := r.table.Lookup(leader.PID)
		return now == nil || now.ID == leader && r.open.Exists(leader) == nil
	})
}

func (r *groupResolver) member(st *procfs.Stat, pgid int) error {
	if st.Gone() {
		r.found.Zombies = append(r.found.Zombies, *st)
		return nil
	}
	ancestor := r.guard.Ancestor(st.PID) && st.PID != 1 && r.ancestors(pgid)
	if !ancestor {
		return r.bring(st, r.inGroup(pgid))
	}
	now, err := r.open.Open(st.PID)
	if err != nil || now.ID != st.ID || r.have[now.ID] {
		return nil
	}
	r.have[now.ID] = true
	r.found.Processes = append(r.found.Processes, Process{Stat: now, Ancestor: true})
	return nil
}

func appendNew(list []int, n int) []int {
	for _, have := range list {
		if have == n {
			return list
		}
	}
	return append(list, n)
}

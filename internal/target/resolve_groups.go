package target

import (
	"errors"
	"fmt"
	"slices"

	"killbox/procfs"
)

// GroupRequest says which process groups the user asked for.
type GroupRequest struct {
	Operands []Operand
	// OfProcesses: the operands are processes, and stand for their groups or sessions. Sessions: the operands
	// stand for sessions rather than for groups.
	OfProcesses, Sessions bool
	// Own is the group or session of this process, if it is a target as well; else 0.
	Own int
	// OwnGroup is the group that this process was started in. If it is given as an operand, the ancestors of
	// this process in it are targets, too.
	OwnGroup int
}

// Groups are the groups that were found and opened, with their members.
type Groups struct {
	Found
	PGIDs []int
	// Sessions are the IDs of the session leaders, with a Start of 0 for a leader that has been reaped.
	Sessions []procfs.ID
	// TargetsAncestors reports whether the ancestors of this process in the group are targets.
	TargetsAncestors func(pgid int) bool
}

// errHiddenSession means that the number may be that of a session whose members /proc does not show.
var errHiddenSession = errors.New("/proc hides the members of the session, if it is one (hidepid)")

// ErrNoGroup and ErrNoSession mean that there is no group or session with the number.
var (
	ErrNoGroup   = errors.New("no such process group")
	ErrNoSession = errors.New("no such session")
)

// ResolveGroups finds the groups and opens them and their members. Problems with single operands are part of the
// result.
func ResolveGroups(proc *procfs.FS, kernel Kernel, exclusions *Exclusions, req GroupRequest) (*Groups, error) {
	r := &groupResolver{
		resolver: resolver{proc: proc, kernel: kernel, exclusions: exclusions, req: &Request{}, targets: make(map[procfs.ID]bool)},
		req:      req, asOperands: make(map[int]bool),
	}
	if req.Own != 0 {
		if err := r.addNumber(Operand{Text: "0", PID: req.Own}, procfs.ID{}, req.Own); err != nil {
			return nil, err
		}
	}
	for _, op := range req.Operands {
		var of procfs.ID
		number := op.PID
		if req.OfProcesses {
			var ok bool
			if of, number, ok = r.findGroupOf(op); !ok {
				continue
			}
		}
		if err := r.addNumber(op, of, number); err != nil {
			return nil, err
		}
	}
	if err := r.openMembers(); err != nil {
		return nil, err
	}
	r.groups.Found = r.found
	r.groups.TargetsAncestors = r.targetsAncestors
	return &r.groups, nil
}

type groupResolver struct {
	resolver
	req        GroupRequest
	groups     Groups
	asOperands map[int]bool // the groups given as operands, rather than implied by a session
}

func (r *groupResolver) addRefused(op Operand, st procfs.Stat, err error) {
	r.found.Refused = append(r.found.Refused, Problem{Operand: op, Stat: st, Err: err})
}

func (r *groupResolver) addMissing(op Operand, err error) {
	r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: err})
}

// findGroupOf opens the process that an operand names, and returns its ID and the number of its group or session.
func (r *groupResolver) findGroupOf(op Operand) (id procfs.ID, number int, ok bool) {
	st, err := op.Open(r.kernel)
	opened := st.PID != 0
	gone := errors.Is(err, procfs.ErrNoProcess)
	switch {
	case gone && opened:
		r.addMissing(op, errGroupUnknown)
	case gone:
		r.addMissing(op, err)
	case err != nil:
		r.addRefused(op, st, err)
	case r.req.Sessions:
		return st.ID, st.SID, true
	case st.PID == r.exclusions.self:
		return st.ID, r.req.OwnGroup, true // this process has left that group since it was started
	default:
		return st.ID, st.PGID, true
	}
	if opened {
		r.closeUnlessTarget(st.ID)
	}
	return procfs.ID{}, 0, false
}

// errGroupUnknown: the process of an operand of --of has ended. errChangedGroup: it has changed its group or session
// since that was read.
var (
	errGroupUnknown = errors.New("the process is gone, so its group cannot be told")
	errChangedGroup = errors.New("the process has left its group or session")
)

// addNumber opens a group, or all groups of a session. of is the process that the operand named, zero if the
// operand was a number.
func (r *groupResolver) addNumber(op Operand, of procfs.ID, number int) error {
	if number <= 1 {
		r.addRefused(op, procfs.Stat{}, UnusableNumberError(number, r.req.Sessions))
		return nil
	}
	if !r.req.Sessions {
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
	leader, err := r.kernel.Open(number)
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
		if st.PGID <= 1 || r.targets[st.ID] {
			continue
		}
		found = true
		if err := r.kernel.OpenGroup(st.PGID); err == nil {
			pgids = append(pgids, st.PGID)
		} else if !errors.Is(err, procfs.ErrNoProcess) {
			return err
		}
	}
	if err := r.checkStillIn(of, func(st *procfs.Stat) bool { return st.SID == number }); err != nil {
		r.addMissing(op, err)
		return nil
	}
	if !found && r.mayHideMembers(number) {
		r.addRefused(op, procfs.Stat{}, errHiddenSession)
		return nil
	}
	if !found {
		r.addMissing(op, ErrNoSession)
		return nil
	}
	for _, pgid := range pgids {
		r.groups.PGIDs = appendUnique(r.groups.PGIDs, pgid)
	}
	r.groups.Sessions = append(r.groups.Sessions, session)
	return nil
}

// mayHideMembers reports whether a group with the number exists whose members /proc may hide. The first group of a
// session has the number of the session.
func (r *groupResolver) mayHideMembers(number int) bool {
	return r.proc != nil && r.proc.HidesProcesses() && r.kernel.OpenGroup(number) == nil && r.kernel.GroupLives(number, nil)
}

// addGroup opens a group.
func (r *groupResolver) addGroup(op Operand, of procfs.ID, pgid int) error {
	switch err := r.kernel.OpenGroup(pgid); {
	case errors.Is(err, procfs.ErrNoProcess) && pgid == r.req.OwnGroup:
		// This process was alone in it, and has left.
		return nil
	case errors.Is(err, procfs.ErrNoProcess):
		r.addMissing(op, r.explainNoGroup(pgid))
		return nil
	case err != nil:
		r.addRefused(op, procfs.Stat{}, err)
		return nil
	}
	if of.PID != r.exclusions.self {
		if err := r.checkStillIn(of, func(st *procfs.Stat) bool { return st.PGID == pgid }); err != nil {
			r.closeUnlessTarget(of)
			r.addMissing(op, err)
			return nil
		}
	}
	r.asOperands[pgid] = true
	r.groups.PGIDs = appendUnique(r.groups.PGIDs, pgid)
	return nil
}

// checkStillIn returns an error unless the process whose group or session was asked for, if any, is in it now. The
// number was read before the group was pinned, so it may have become that of another group; that an opened process
// is in the pinned group proves that it has not.
func (r *groupResolver) checkStillIn(of procfs.ID, in func(*procfs.Stat) bool) error {
	if of.PID == 0 {
		return nil
	}
	st, err := r.kernel.Stat(of)
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		return errGroupUnknown
	case err == nil && !in(&st):
		return errChangedGroup
	}
	return err
}

// explainNoGroup returns ErrNoGroup, with the group of the process that has the PID, if any.
func (r *groupResolver) explainNoGroup(pgid int) error {
	st, err := r.proc.Stat(pgid)
	if err != nil || st.PGID <= 1 {
		return ErrNoGroup
	}
	return fmt.Errorf("%w: it is a process of group %d (--of ends that)", ErrNoGroup, st.PGID)
}

// UnusableNumberError returns why a number below 2 stands for no group or session.
func UnusableNumberError(number int, session bool) error {
	what := "process group"
	if session {
		what = "session"
	}
	if number == 1 {
		return fmt.Errorf("the %s of PID 1 is refused", what)
	}
	return fmt.Errorf("its %s was made outside of this PID namespace, and has no number here", what)
}

// targetsAncestors reports whether the ancestors of this process in the group are targets.
func (r *groupResolver) targetsAncestors(pgid int) bool {
	return pgid == r.req.OwnGroup && r.asOperands[pgid]
}

// openMembers opens the members of all groups. A group that still lives after the scan is the one that was
// opened, so its number meant this group during the scan.
func (r *groupResolver) openMembers() error {
	r.table = nil
	table, err := r.snapshot()
	if err != nil {
		return err
	}
	pgids := r.groups.PGIDs
	r.groups.PGIDs = nil
	for _, pgid := range pgids {
		list := table.Group(pgid)
		if r.req.Sessions && slices.ContainsFunc(list, func(st *procfs.Stat) bool { return !r.inSession(st) }) {
			// No group is part of two sessions: the number had become that of another group before it
			// was opened.
			continue
		}
		r.groups.PGIDs = append(r.groups.PGIDs, pgid)
		var ids []procfs.ID
		for _, st := range list {
			ids = append(ids, st.ID)
		}
		if !r.kernel.GroupLives(pgid, ids) {
			continue
		}
		for _, st := range list {
			if err := r.addMember(st, pgid); err != nil {
				return err
			}
		}
	}
	return nil
}

// inSession reports whether the snapshot shows the process in one of the sessions. An unrelated process with
// the PID of the leader proves that the session has ended.
func (r *groupResolver) inSession(st *procfs.Stat) bool {
	return slices.ContainsFunc(r.groups.Sessions, func(leader procfs.ID) bool {
		if st.SID != leader.PID {
			return false
		}
		now := r.table.Lookup(leader.PID)
		return now == nil || now.ID == leader && r.kernel.Exists(leader) == nil
	})
}

// addMember makes a target of a member of a group, unless it is a zombie or excluded.
func (r *groupResolver) addMember(st *procfs.Stat, pgid int) error {
	if st.Gone() {
		r.found.Zombies = append(r.found.Zombies, *st)
		return nil
	}
	ancestor := r.exclusions.IsAncestor(st.PID) && st.PID != 1 && r.targetsAncestors(pgid)
	if !ancestor {
		return r.addImplied(st, r.stillInGroup(pgid))
	}
	now, err := r.kernel.Open(st.PID)
	if err != nil || now.ID != st.ID || r.targets[now.ID] {
		return nil
	}
	r.targets[now.ID] = true
	r.found.Processes = append(r.found.Processes, Process{Stat: now, Ancestor: true})
	return nil
}

// appendUnique appends n unless the list contains it.
func appendUnique(list []int, n int) []int {
	if slices.Contains(list, n) {
		return list
	}
	return append(list, n)
}

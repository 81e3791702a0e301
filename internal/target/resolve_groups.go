package target

import (
	"errors"
	"fmt"
	"slices"

	"killbox/procfs"
)

// GroupRequest describes the process groups or sessions that are the targets of a call.
type GroupRequest struct {
	Operands []Operand
	// OfProcesses means that the operands are PIDs or handles of processes. The targets are the groups or sessions
	// of these processes.
	OfProcesses bool
	// Sessions means that the targets are sessions instead of groups.
	Sessions bool
	// Own is the PGID or session ID of this process if its group or session is a target, else 0.
	Own int
	// OwnGroup is the PGID of the group that this process was started in. If this group is given as an operand, the
	// ancestors of this process in the group are targets, too.
	OwnGroup int
}

// Groups is the result of a GroupRequest: the groups that were found and opened, with their members.
type Groups struct {
	Found
	PGIDs []int
	// Sessions are the session leaders. Start is 0 for a leader that has been reaped.
	Sessions []procfs.ID
	// TargetsAncestors reports whether the ancestors of this process in the group are targets.
	TargetsAncestors func(pgid int) bool
}

// errHiddenSession means that the operand may be the ID of a session of which /proc shows no member.
var errHiddenSession = errors.New("/proc hides the members of this session, if it exists (hidepid)")

// ErrNoGroup and ErrNoSession mean that no group or session has the ID.
var (
	ErrNoGroup   = errors.New("no such process group")
	ErrNoSession = errors.New("no such session")
)

// ResolveGroups finds the groups of a request, and opens them and their members. Problems with single operands are part
// of the result. An error concerns all targets, such as an unreadable process table.
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

// groupResolver is the state of ResolveGroups.
type groupResolver struct {
	resolver
	req        GroupRequest
	groups     Groups
	asOperands map[int]bool // the PGIDs of the groups given as operands, as opposed to the groups of a session
}

func (r *groupResolver) addRefused(op Operand, st procfs.Stat, err error) {
	r.found.Refused = append(r.found.Refused, Problem{Operand: op, Stat: st, Err: err})
}

func (r *groupResolver) addMissing(op Operand, err error) {
	r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: err})
}

// findGroupOf opens the process that an operand of --of names, and returns its ID and its PGID or session ID. ok is
// false if there is no such process.
func (r *groupResolver) findGroupOf(op Operand) (id procfs.ID, number int, ok bool) {
	st, err := op.Open(r.kernel)
	opened := st.PID != 0
	gone := errors.Is(err, procfs.ErrNoProcess)
	switch {
	case gone && (opened || op.Form != PID):
		r.addMissing(op, errGroupUnknown)
	case gone:
		r.addMissing(op, err)
	case err != nil:
		r.addRefused(op, st, err)
	case r.req.Sessions:
		return st.ID, st.SID, true
	case st.PID == r.exclusions.self:
		// This process has left the group in which it was started, but the operand names that group.
		return st.ID, r.req.OwnGroup, true
	default:
		return st.ID, st.PGID, true
	}
	if opened {
		r.closeUnlessTarget(st.ID)
	}
	return procfs.ID{}, 0, false
}

// errGroupUnknown means that the process of an operand of --of is gone. errChangedGroup means that it has changed its
// group or session since its stat was read.
var (
	errGroupUnknown = errors.New("the process is gone, so its group is unknown")
	errChangedGroup = errors.New("the process has left its group or session")
)

// addNumber opens a group, or all groups of a session. number is the PGID or session ID. of is the process that the
// operand of --of names, or zero.
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
	// Open the leader before the scan: while the leader exists, number is the ID of its session.
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

// mayHideMembers reports whether /proc may hide the members of a session. The session is taken to exist if there is a
// group with the same number, because setsid(2) makes a group whose PGID is the session ID.
func (r *groupResolver) mayHideMembers(number int) bool {
	return r.proc != nil && r.proc.HidesProcesses() && r.kernel.OpenGroup(number) == nil && r.kernel.GroupLives(number, nil)
}

// addGroup opens a group. op and of are those of addNumber.
func (r *groupResolver) addGroup(op Operand, of procfs.ID, pgid int) error {
	switch err := r.kernel.OpenGroup(pgid); {
	case errors.Is(err, procfs.ErrNoProcess) && pgid == r.req.OwnGroup:
		// This process was the only member of the group, and has left it.
		return nil
	case errors.Is(err, procfs.ErrNoProcess):
		r.addMissing(op, r.explainNoGroup(pgid, " (--of ends that group)"))
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

// checkStillIn returns an error if the process that an operand of --of names has left its group or session. in reports
// whether a Stat shows the process in the group or session.
//
// The PGID was read before the group was opened. In between, the group may have ended, and another group may have got
// the PGID. If the process is still a member, the right group was opened. Without --of, of is zero, and there is
// nothing to check.
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

// explainNoGroup returns ErrNoGroup. If pgid is the PID of a process, the error also names the group of that process,
// and ends with help.
func (r *resolver) explainNoGroup(pgid int, help string) error {
	if r.proc == nil {
		return ErrNoGroup
	}
	st, err := r.proc.Stat(pgid)
	if err != nil || st.PGID <= 1 || st.PGID == pgid {
		return ErrNoGroup
	}
	return fmt.Errorf("%w: it is the PID of a member of group %d%s", ErrNoGroup, st.PGID, help)
}

// UnusableNumberError returns the reason why a PGID or session ID below 2 cannot be a target. The kernel shows 0 for a
// group or session that was made outside of the PID namespace.
func UnusableNumberError(number int, session bool) error {
	what := "process group"
	if session {
		what = "session"
	}
	if number == 1 {
		return fmt.Errorf("the %s of PID 1 is refused", what)
	}
	return fmt.Errorf("the %s was made outside of this PID namespace, and has no number in it", what)
}

// targetsAncestors reports whether the ancestors of this process in the group are targets.
func (r *groupResolver) targetsAncestors(pgid int) bool {
	return pgid == r.req.OwnGroup && r.asOperands[pgid]
}

// openMembers opens the members of all groups. If a group still exists after the scan, its PGID cannot have been reused
// before, so the processes with this PGID in the scan are its members.
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
			// A member is in another session, and a group is part of only one session. So another group has got the
			// PGID. GroupLives does not notice this if it happened before OpenGroup.
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

// inSession reports whether the snapshot shows the process in one of the sessions of the request. If another process
// has the PID of the leader, the session has ended.
func (r *groupResolver) inSession(st *procfs.Stat) bool {
	return slices.ContainsFunc(r.groups.Sessions, func(leader procfs.ID) bool {
		if st.SID != leader.PID {
			return false
		}
		now := r.table.Lookup(leader.PID)
		return now == nil || now.ID == leader && r.kernel.Exists(leader) == nil
	})
}

// addMember opens a member of a group and makes it a target, unless it is a zombie or excluded.
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

// appendUnique appends n to the list unless the list contains n.
func appendUnique(list []int, n int) []int {
	if slices.Contains(list, n) {
		return list
	}
	return append(list, n)
}

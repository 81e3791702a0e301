package target

import (
	"errors"

	"killbox/procfs"
)

// addGroupMembers opens the members of a group and makes them targets. Before that it pins the group
// (Kernel.OpenGroup), so that a later group with the same PGID is noticed.
func (r *resolver) addGroupMembers(op Operand) error {
	switch err := r.kernel.OpenGroup(op.PID); {
	case errors.Is(err, procfs.ErrNoProcess):
		err := r.explainNoGroup(op.PID, "")
		r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: err})
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
	if !r.kernel.GroupLives(op.PID, known) {
		r.found.Missing = append(r.found.Missing, Problem{Operand: op, Err: ErrNoGroup})
		return nil
	}
	if len(members) == 0 && r.proc != nil && r.proc.HidesProcesses() {
		r.found.Hidden = append(r.found.Hidden, op)
	}
	for _, st := range members {
		if err := r.addImplied(st, r.stillInGroup(op.PID)); err != nil {
			return err
		}
	}
	return nil
}

// stillInGroup returns a function that reports whether an opened process is in the opened group. It also checks that
// the group exists, because a later group can have the same PGID.
func (r *resolver) stillInGroup(pgid int) func(*procfs.Stat) (bool, error) {
	return func(now *procfs.Stat) (bool, error) {
		return now.PGID == pgid && r.kernel.GroupLives(pgid, []procfs.ID{now.ID}), nil
	}
}

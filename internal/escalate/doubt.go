package escalate

import (
	"cmp"
	"errors"
	"fmt"

	"killbox/internal/show"
	"killbox/procfs"
)

const (
	// tooFast is the doubt if PIDs were allocated during every scan.
	tooFast = "processes came and went too fast to follow"
	// concealed is the doubt if /proc lists processes that it does not describe (hidepid=1). They may be
	// parents of others.
	concealed = "some processes may not be looked at (hidepid)"
	// hiddenMembers is the doubt if a member was opened that /proc hides.
	hiddenMembers = "/proc hides members of the tree (hidepid), and perhaps children of theirs"
)

// scanDoubt returns why a snapshot does not prove that no process was forked during it.
func scanDoubt(s *procfs.Snapshot) string {
	switch {
	case s.Hidden > 0:
		return concealed
	case s.FirstPID == 0 || s.LastPIDErr != nil:
		err := s.LastPIDErr
		if err == nil {
			err = errors.New("/proc/loadavg cannot be read")
		}
		return fmt.Sprintf("%v, so processes that were forked during the scan cannot be excluded", err)
	}
	return tooFast
}

// doubt returns why the last scan does not prove that no process of the tree escaped. suspect may be nil.
func (t *tree) doubt(suspect *procfs.Stat) string {
	if suspect != nil {
		return fmt.Sprintf("%d (%s) is orphaned, and may descend from the tree", suspect.PID, show.Escape(suspect.Comm))
	}
	if group := t.unseenGroup(); group != "" {
		return group
	}
	if t.unseen {
		return hiddenMembers
	}
	return scanDoubt(&t.snap)
}

// unseenGroup returns a doubt if a group exists after the last scan, which shows none of its members.
func (t *tree) unseenGroup() string {
	for _, pgid := range t.r.plan.Tree.Groups {
		if t.groups[pgid] && len(t.snap.Group(pgid)) == 0 {
			return unseen(pgid)
		}
	}
	return ""
}

// doubt returns why the last scan does not prove that no process has joined the groups.
func (g *groups) doubt() string { return cmp.Or(g.unseenGroup(), scanDoubt(&g.snap)) }

func (g *groups) unseenGroup() string {
	for _, pgid := range g.pgids() {
		if grp := g.list[pgid]; !grp.seen && !grp.refused {
			return unseen(pgid)
		}
	}
	return ""
}

func unseen(pgid int) string {
	return fmt.Sprintf("group %d exists, and none of its members can be seen", pgid)
}

// escaped is the doubt if processes remain and none of them could be opened.
func (r *run) escaped() string {
	if r.groups != nil {
		return cmp.Or(r.groups.unseenGroup(), tooFast)
	}
	if t, ok := r.tree.(*tree); ok {
		return cmp.Or(t.unseenGroup(), tooFast)
	}
	return tooFast
}

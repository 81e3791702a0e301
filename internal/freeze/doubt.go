package freeze

import (
	"errors"
	"fmt"

	"killbox/internal/show"
	"killbox/procfs"
)

// Doubts: reasons why a process may have escaped, as texts for the user.
const (
	// TooFast is the doubt if PIDs were allocated during every scan and no specific process can be named.
	TooFast = "processes forked and exited too fast to be scanned"
	// concealed is the doubt if /proc lists processes but denies access to their files (hidepid=1). Such a process
	// may be a member, and the parent of further members.
	concealed = "/proc shows only the PIDs of some processes (hidepid)"
	// hiddenMembers is the doubt if /proc hides a member, which was opened by its PID.
	hiddenMembers = "/proc hides members of the tree (hidepid), and perhaps their children"
)

// Doubt returns why the last scan s does not prove that no process of the tree escaped. suspect may be nil. unseen is
// the doubt for a group that exists and has no visible member, or "".
func (p *Proof) Doubt(s *procfs.Snapshot, suspect *procfs.Stat, unseen string) string {
	switch {
	case suspect != nil:
		return OrphanDoubt(suspect)
	case unseen != "":
		return unseen
	case p.hidden:
		return hiddenMembers
	}
	return ScanDoubt(s)
}

// OrphanDoubt returns the doubt that a suspect raises.
func OrphanDoubt(suspect *procfs.Stat) string {
	return fmt.Sprintf("%d (%s) is orphaned, and may descend from the tree", suspect.PID, show.Escape(suspect.Comm))
}

// HiddenDoubt returns the doubt for a tree of which /proc hides a member, or "". The member may have hidden children.
func (p *Proof) HiddenDoubt() string {
	if p.hidden && !p.claim.Flat {
		return hiddenMembers
	}
	return ""
}

// ScanDoubt returns why a process may have been forked during the scan without being in it.
func ScanDoubt(s *procfs.Snapshot) string {
	switch {
	case s.Hidden > 0:
		return concealed
	case s.FirstPID == 0 || s.LastPIDErr != nil:
		err := s.LastPIDErr
		if err == nil {
			err = errors.New("/proc/loadavg cannot be read")
		}
		return fmt.Sprintf("%v, so processes forked during the scan may have been missed", err)
	}
	return TooFast
}

// UnseenGroup returns the doubt for a group that still exists after a scan that shows none of its members.
func UnseenGroup(pgid int) string {
	return fmt.Sprintf("group %d exists, and none of its members can be seen", pgid)
}

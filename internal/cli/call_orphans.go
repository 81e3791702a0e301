package cli

import (
	"fmt"

	"killbox/internal/escalate"
	"killbox/procfs"
)

// reportOrphans reports the orphans that were not ended because --orphans was not given: one line for each member whose
// image they have.
func (c *Call) reportOrphans(orphans []escalate.Orphan) {
	var members []procfs.ID // in the order of orphans
	count := make(map[procfs.ID]int)
	for i := range orphans {
		st, member := &orphans[i].Stat, orphans[i].Member
		c.Report.Skipped(escalate.Skip{Stat: *st, Reason: withoutOrphans(member)})
		if count[member]++; count[member] == 1 {
			members = append(members, member)
		}
	}
	for _, member := range members {
		if n := count[member]; n == 1 {
			c.Report.Note(fmt.Sprintf("1 orphan has the image of %d: --orphans ends it", member.PID))
		} else {
			c.Report.Note(fmt.Sprintf("%d orphans have the image of %d: --orphans ends them", n, member.PID))
		}
	}
}

// withoutOrphans is the reason why an orphan is excluded if --orphans is not given.
func withoutOrphans(member procfs.ID) string {
	return escalate.Evidence(member) + ": --orphans includes it"
}

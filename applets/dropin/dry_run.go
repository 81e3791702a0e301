package dropin

import (
	"sort"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/procfs"
)

// printDryRun prints what --dry-run would signal, in order of PID. A process occurs once, even if several operands
// found it.
func printDryRun(env *cli.Env, name string, list []*procfs.Stat, ladder escalate.Ladder) {
	var planned []report.Planned
	seen := make(map[int]bool)
	for _, st := range list {
		if !seen[st.PID] {
			seen[st.PID] = true
			planned = append(planned, report.Planned{Stat: *st, Root: true})
		}
	}
	sort.Stable(report.ByPID(planned))
	report.New(env.ReportOptions(name, &cli.OutputOptions{})).PrintPlan(planned, ladder, env.View(""))
}

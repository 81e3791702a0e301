package cli

import (
	"errors"
	"fmt"

	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/signals"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

// MixedOption is the option --mixed: the first step of the ladder is for the masters alone, and the whole ladder
// follows for what remains of their trees or groups.
type MixedOption struct {
	mixed   bool
	masters map[procfs.ID]bool // by ID of a target
}

// AddTo adds the option to the flag set of an applet. masters is what the applet calls them.
func (o *MixedOption) AddTo(flags *pflag.FlagSet, masters string) {
	flags.BoolVarP(&o.mixed, "mixed", "m", false, "send the first signal to "+masters+" alone, and then use the ladder for what remains")
}

// Check returns a usage error if the option makes no sense with the ladder or, if children is set, with --children. An
// error of the ladder itself is not returned.
func (o *MixedOption) Check(ladder *LadderOptions, children bool) error {
	if !o.mixed {
		return nil
	}
	if children {
		return errors.New("--mixed and --children exclude each other: one signals the targets first, the other never")
	}
	l, err := ladder.Ladder()
	if err != nil {
		return nil
	}
	switch sig := l[0].Signal; {
	case sig == signals.Null:
		return errors.New("signal 0 ends nothing, so --mixed has no meaning")
	case sig == signals.KILL || sig.Stops():
		return fmt.Errorf("--mixed lets a process end its own children after the first signal, and %v prevents that", sig)
	}
	return nil
}

// ApplyToTree sets the option in the plan of a tree: a master is a target that does not descend from another one.
func (o *MixedOption) ApplyToTree(p *escalate.Plan, k escalate.Scanner) error {
	if !o.mixed {
		return nil
	}
	o.masters = make(map[procfs.ID]bool)
	for i := range p.Targets {
		o.masters[p.Targets[i].ID] = true
	}
	if len(p.Targets) > 1 {
		var table procfs.Snapshot
		if err := k.Snapshot(&table); err != nil {
			return err
		}
		for i := range p.Targets {
			for _, id := range table.Ancestors(p.Targets[i].PID) {
				if _, target := o.masters[id]; target {
					o.masters[p.Targets[i].ID] = false
				}
			}
		}
	}
	o.apply(p)
	return nil
}

// ApplyToGroups sets the option in the plan of groups or sessions: the masters are their leaders.
func (o *MixedOption) ApplyToGroups(p *escalate.Plan, sessions bool) {
	if !o.mixed {
		return
	}
	o.masters = make(map[procfs.ID]bool)
	for i := range p.Targets {
		st := &p.Targets[i].Stat
		o.masters[st.ID] = st.PID == st.SID || !sessions && st.PID == st.PGID
	}
	o.apply(p)
}

func (o *MixedOption) apply(p *escalate.Plan) {
	p.Mixed = true
	p.Ladder = append(p.Ladder[:1:1], p.Ladder...)
	for i := range p.Targets {
		p.Targets[i].Master = o.masters[p.Targets[i].ID]
	}
}

// MarkSteps sets Planned.Step of the processes in the output of --dry-run.
func (o *MixedOption) MarkSteps(list []report.Planned) {
	for i := range list {
		switch st := &list[i]; {
		case st.Excluded != "" || st.Gone(): // it is sent no signal
		case o.masters[st.ID]:
			st.Step = 1
		case o.mixed:
			st.Step = 2
		}
	}
}

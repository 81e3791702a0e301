package report

import (
	"killbox/internal/escalate"
	"killbox/procfs"
)

// holds is Options.Holds.
func (r *Reporter) holds(id procfs.ID) string {
	if r.opts.Holds == nil {
		return ""
	}
	return r.opts.Holds(id)
}

// PrintHolds prints, with Verbose, why each target was selected by --port, --open or --mount. In JSON the event of the
// target tells.
func (r *Reporter) PrintHolds(p *escalate.Plan) {
	if !r.opts.Verbose || r.opts.JSON {
		return
	}
	for i := range p.Targets {
		st := &p.Targets[i].Stat
		if holds := r.holds(st.ID); holds != "" {
			r.printOut("%s: %s", Process(st), holds)
		}
	}
}

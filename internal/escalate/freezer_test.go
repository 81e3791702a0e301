package escalate

import (
	"errors"
	"strings"
	"testing"
)

var errNoThreads = errors.New("no threads")

// TestFreezeThatCannotBePrepared: if the resources for resuming are not available, no process is stopped.
func TestFreezeThatCannotBePrepared(t *testing.T) {
	bubble(t, "a tree is ended without freezing", func(t *testing.T) {
		w := newWorld(t)
		w.prepareFreezeErr = errNoThreads
		tree := w.chain(100, 110, 120)
		out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
		out.ended()
		if text := strings.Join(out.lines, "\n"); strings.Count(text, "going on without freezing: no threads") != 1 {
			t.Errorf("reported: %s", text)
		}
		if w.guard.started > 0 || strings.Contains(strings.Join(w.log, "\n"), "STOP") {
			t.Errorf("%d guardians, %q", w.guard.started, w.log)
		}
	})
	for name, change := range map[string]func(*Plan){
		"with FreezeOrFail": func(p *Plan) { p.FreezeOrFail = true },
		"with FreezeOnly":   func(p *Plan) { p.FreezeOnly = true },
	} {
		bubble(t, "refused "+name, func(t *testing.T) {
			w := newWorld(t)
			w.prepareFreezeErr = errNoThreads
			tree := w.chain(100, 110, 120)
			plan := freezing("TERM/5/KILL/2")
			change(plan)
			out := carryOut(w, plan, tree[0])
			if !errors.Is(out.err, errNoThreads) || len(tree[0].got)+len(tree[1].got)+len(tree[2].got) > 0 {
				t.Errorf("%v; the members got %v, %v, %v", out.err, tree[0].got, tree[1].got, tree[2].got)
			}
		})
	}
	bubble(t, "refused for a cgroup", func(t *testing.T) {
		w := newWorld(t)
		w.prepareFreezeErr = errNoThreads
		list := pair(w)
		plan, c := within(w, "TERM/5/KILL/2", list...)
		plan.FreezeOrFail = true
		c.onFreeze = func() { t.Error("frozen") }
		if out := carryOut(w, plan, list...); !errors.Is(out.err, errNoThreads) {
			t.Errorf("%v", out.err)
		}
	})
}

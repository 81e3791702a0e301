package escalate

import (
	"errors"
	"strings"
	"testing"

	"killbox/internal/signals"
)

var errNoEpoll = errors.New("no epoll set")

// TestWaitThatCannotBePrepared: if waiting is impossible, a plan that waits fails before it signals or stops a process.
// A plan that does not wait is carried out.
func TestWaitThatCannotBePrepared(t *testing.T) {
	for name, change := range map[string]func(*Plan){
		"a list":     func(p *Plan) { p.Tree, p.Freeze = nil, false },
		"a tree":     func(p *Plan) { p.Freeze = false },
		"a freeze":   func(*Plan) {},
		"FreezeOnly": func(p *Plan) { p.FreezeOnly = true },
		"WaitOnly":   func(p *Plan) { p.Tree, p.Freeze, p.WaitOnly = nil, false, true },
	} {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(t)
			w.prepareWaitErr = errNoEpoll
			tree := w.chain(100, 110, 120)
			plan := freezing("TERM/5/KILL/2")
			change(plan)
			out := carryOut(w, plan, tree[0])
			if !errors.Is(out.err, errNoEpoll) || len(tree[0].got)+len(tree[1].got)+len(tree[2].got) > 0 {
				t.Errorf("%v; the members got %v, %v, %v", out.err, tree[0].got, tree[1].got, tree[2].got)
			}
		})
	}
	bubble(t, "the null signal", func(t *testing.T) {
		w := newWorld(t)
		w.prepareWaitErr = errNoEpoll
		tree := w.chain(100)
		plan := freezing("TERM/5")
		plan.Ladder, plan.Tree, plan.Freeze = Ladder{{Signal: signals.Null}}, nil, false
		if out := carryOut(w, plan, tree[0]); out.err != nil || out.Count(Exists) != 1 {
			t.Errorf("%v, %d exist", out.err, out.Count(Exists))
		}
	})
	bubble(t, "nothing to end", func(t *testing.T) {
		w := newWorld(t)
		w.prepareWaitErr, w.prepareFreezeErr = errNoEpoll, errNoThreads
		out := carryOut(w, freezing("TERM/5/KILL/2"))
		if out.err != nil || strings.Join(out.lines, "") != "" || !out.Proved {
			t.Errorf("%v, %q, proved %v", out.err, out.lines, out.Proved)
		}
	})
}

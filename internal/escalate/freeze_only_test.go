package escalate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// frozenFor returns the plan of freezekill --hold. The hold ends d after the freeze. frozen gets the PIDs that were
// reported as frozen.
func frozenFor(w *world, d time.Duration) (p *Plan, frozen *[]int) {
	frozen = new([]int)
	over := false
	w.policy.over = func() bool { return over }
	w.onFrozen = func(list []*Result) {
		for _, res := range list {
			*frozen = append(*frozen, res.PID)
		}
		w.after(d, func() { over, w.wakes = true, true })
	}
	return &Plan{
		Ladder: must(ParseLadder("TERM/5/KILL/2", signals.TERM)), Freeze: true, Guardian: true, Prove: time.Second, FreezeOnly: true,
	}, frozen
}

// unharmed checks that the processes got no signals but SIGSTOP and SIGCONT, and that none is left stopped.
func unharmed(t *testing.T, list ...*process) {
	t.Helper()
	for _, p := range list {
		for _, s := range p.got {
			if s != signals.STOP && s != signals.CONT {
				t.Errorf("%d got %v", p.PID, s)
			}
		}
		if !p.Stat.Gone() && p.State == 'T' {
			t.Errorf("%d is left stopped", p.PID)
		}
	}
}

func TestFreezeOnly(t *testing.T) {
	bubble(t, "until it is over", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100, 110)
		p, frozen := frozenFor(w, time.Minute)
		out := carryOut(w, p, list...)
		unharmed(t, list...)
		if out.err != nil || !slices.Equal(*frozen, []int{100, 110}) || out.Count(Exists) != 2 || out.Elapsed.Round(time.Second) != time.Minute {
			t.Errorf("error %v, frozen %v, %d exist, after %v", out.err, *frozen, out.Count(Exists), out.Elapsed)
		}
	})
	bubble(t, "a tree", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100, 110, 120)
		p, frozen := frozenFor(w, time.Second)
		p.Tree = &Tree{Sessions: true}
		out := carryOut(w, p, list[0])
		unharmed(t, list...)
		slices.Sort(*frozen)
		if !slices.Equal(*frozen, []int{100, 110, 120}) || !out.Proved {
			t.Errorf("frozen %v, proved %v", *frozen, out.Proved)
		}
	})
	bubble(t, "the limit", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100)
		p, _ := frozenFor(w, time.Minute)
		p.Limit = 2 * time.Second
		out := carryOut(w, p, list...)
		unharmed(t, list...)
		if !out.LimitReached || out.Elapsed > 4*time.Second {
			t.Errorf("limit %v after %v", out.LimitReached, out.Elapsed)
		}
	})
	bubble(t, "a signal", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100, 110)
		p, _ := frozenFor(w, time.Minute)
		w.after(time.Second, func() { w.interrupt = &signals.Interrupt{Signal: signals.INT} })
		out := carryOut(w, p, list...)
		unharmed(t, list...)
		if out.err == nil || out.Count(Exists) != 2 {
			t.Errorf("error %v, %d exist", out.err, out.Count(Exists))
		}
	})
	bubble(t, "all are gone", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100, 110)
		p, _ := frozenFor(w, time.Minute)
		w.after(time.Second, func() {
			for _, q := range list {
				q.die()
			}
		})
		out := carryOut(w, p, list...)
		if out.Count(Gone) != 2 || out.Elapsed > 10*time.Second {
			t.Errorf("%d gone after %v", out.Count(Gone), out.Elapsed)
		}
	})
	bubble(t, "stopped before", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100)
		list[0].State = 'T'
		p, frozen := frozenFor(w, time.Second)
		carryOut(w, p, list...)
		if list[0].State != 'T' || len(list[0].got) > 0 || len(*frozen) != 1 {
			t.Errorf("state %c, got %v, frozen %v", list[0].State, list[0].got, *frozen)
		}
	})
	bubble(t, "an ancestor", func(t *testing.T) {
		w := newWorld(t)
		ancestor := w.procs[40]
		ancestor.last = true
		list := w.chain(100)
		p, frozen := frozenFor(w, time.Second)
		out := carryOut(w, p, list[0], ancestor)
		unharmed(t, list[0], ancestor)
		if !slices.Equal(*frozen, []int{100}) || out.Count(Refused) != 1 || len(ancestor.got) > 0 {
			t.Errorf("frozen %v, %d refused, the ancestor got %v", *frozen, out.Count(Refused), ancestor.got)
		}
	})
	bubble(t, "a cgroup", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		like, frozen := frozenFor(w, time.Second)
		p.FreezeOnly = like.FreezeOnly
		out := carryOut(w, p, list...)
		unharmed(t, list...)
		if out.err != nil || c.frozen || len(*frozen) != 2 || !slices.Equal(c.thawBelow, []bool{false}) {
			t.Errorf("error %v, frozen %v, reported %v, thawed below %v", out.err, c.frozen, *frozen, c.thawBelow)
		}
	})
	bubble(t, "a cgroup that does not freeze", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		c.stuck = true
		p.FreezeOnly = true
		w.onFrozen = func([]*Result) { t.Error("frozen") }
		if out := carryOut(w, p, list...); out.err == nil || c.frozen {
			t.Errorf("error %v, frozen %v", out.err, c.frozen)
		}
	})
}

// TestFlat: with Tree.Flat, the processes that a selector or group implies are ended, but not their children.
func TestFlat(t *testing.T) {
	flat := func() *Plan {
		p := freezing("TERM/5/KILL/2")
		p.Tree = &Tree{Flat: true}
		return p
	}
	bubble(t, "children are not ended", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100, 110)
		p := flat()
		p.Tree.Selector, w.policy.selects = true, func(st *procfs.Stat) bool { return st.PID == 100 }
		carryOut(w, p, list[0]).endedBut(110)
		if len(list[1].got) > 0 {
			t.Errorf("the child got %v", list[1].got)
		}
	})
	bubble(t, "a process forked during the freeze", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100)
		p := flat()
		p.Tree.Selector, w.policy.selects = true, func(st *procfs.Stat) bool { return st.Comm == list[0].Comm }
		p.Tree.Since = list[0].Start
		list[0].opening = func(q *process) {
			q.opening = nil
			w.after(100*time.Microsecond, func() { w.fork(q, process{}) })
		}
		out := carryOut(w, p, list[0])
		out.ended()
		if len(out.Results) != 2 || !out.Proved {
			t.Errorf("%d results, proved %v", len(out.Results), out.Proved)
		}
	})
	for _, since := range []uint64{0, 5000} {
		bubble(t, fmt.Sprintf("an older process that joins a group: %d", since), func(t *testing.T) {
			w := newWorld(t)
			list := w.group(process{}, process{})
			late := w.add(process{})
			p := flat()
			p.Tree.Groups, p.Tree.Since = []int{list[0].PID}, since
			if since > 0 {
				p.Tree.Selector, w.policy.selects = true, func(*procfs.Stat) bool { return false }
			}
			w.reading = func(n int) {
				if n == 1 {
					late.PGID = list[0].PID
				}
			}
			out := carryOut(w, p, list...)
			out.ended()
			if len(out.Results) != 3 {
				t.Errorf("%d results", len(out.Results))
			}
		})
	}
	for _, of := range []string{"a group", "a group's trees", "a selector", "a selector's trees"} {
		bubble(t, of+" has a new member when all known members are gone", func(t *testing.T) {
			w := newWorld(t)
			list := w.group(process{})
			p := flat()
			p.Tree.Flat = !strings.HasSuffix(of, "trees")
			if strings.HasPrefix(of, "a group") {
				p.Tree.Groups = []int{list[0].PID}
			} else {
				p.Tree.Selector, w.policy.selects = true, func(st *procfs.Stat) bool { return st.Comm == list[0].Comm }
			}
			list[0].handle = func(q *process, _ signals.Signal) bool {
				w.fork(q, process{})
				q.die()
				return true
			}
			out := carryOut(w, p, list...)
			out.ended()
			if len(out.Results) != 2 || !out.Proved {
				t.Errorf("%d results, proved %v", len(out.Results), out.Proved)
			}
		})
	}
	bubble(t, "only descendants, also of a root that is selected later", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100, 110)
		var late *process
		p := freezing("TERM/5/KILL/2")
		p.Tree.Children = true
		p.Tree.Selector, w.policy.selects = true, func(st *procfs.Stat) bool { return st.Comm == list[0].Comm }
		list[1].handle = func(q *process, s signals.Signal) bool {
			if late == nil {
				late = w.add(process{Stat: procfs.Stat{Comm: list[0].Comm}})
				w.fork(late, process{Stat: procfs.Stat{Comm: "child"}})
			}
			return false
		}
		carryOut(w, p, list[0]).endedBut(100, late.PID)
		if len(late.got) > 0 {
			t.Errorf("the process selected later got %v", late.got)
		}
	})
	bubble(t, "a reused PGID", func(t *testing.T) {
		w := newWorld(t)
		list := w.group(process{})
		p := flat()
		p.Tree.Groups = []int{list[0].PID}
		var unrelated *process
		list[0].handle = func(q *process, s signals.Signal) bool {
			if s == signals.TERM {
				q.die()
				w.ended = map[int]bool{q.PID: true}
				unrelated = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: q.PID, Start: 9999}, PGID: q.PID}})
			}
			return true
		}
		carryOut(w, p, list...)
		if unrelated == nil || len(unrelated.got) > 0 {
			t.Errorf("the unrelated process: %+v", unrelated)
		}
	})
	bubble(t, "an endless proof ends with the limit", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100)
		w.allocatesPIDs = true
		p := flat()
		p.Tree.Selector, w.policy.selects = true, func(st *procfs.Stat) bool { return st.PID == 100 }
		p.Prove, p.ProveAlways, p.Limit = time.Hour, true, time.Second
		out := carryOut(w, p, list...)
		if out.Elapsed > 2*time.Second || !out.LimitReached {
			t.Errorf("limit %v after %v", out.LimitReached, out.Elapsed)
		}
	})
}

func TestMemberThatIsNotResumed(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		list := w.chain(100)
		list[0].handle = func(*process, signals.Signal) bool { return true }
		p, _ := frozenFor(w, time.Second)
		w.policy.over = func() bool {
			list[0].refuses = errPerm
			return true
		}
		st, err := w.Open(100)
		if err != nil {
			t.Fatal(err)
		}
		p.Targets = []Target{{Stat: st}}
		sum, err := Run(Call{Plan: p, Kernel: w, Policy: &w.policy, Observer: &recorder{w: w, rungs: make(map[string]bool)}})
		if err != nil || !sum.Failed {
			t.Errorf("failed %v, error %v", sum.Failed, err)
		}
	})
}

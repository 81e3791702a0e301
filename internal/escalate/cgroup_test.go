package escalate

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// cgroupFake is a cgroup of the scripted kernel. While it is frozen, its members are in state T.
type cgroupFake struct {
	w         *world
	members   map[int]bool // by PID
	outside   int          // members outside of this PID namespace
	frozen    bool
	listed    bool  // it is on the list of the guardian
	stuck     bool  // a freeze does not complete
	tellErr   error // returned by GuardianAddCgroup
	thawErr   error
	killErr   error
	kills     int    // calls of KillCgroup
	thawBelow []bool // the argument of each call of ThawCgroup
	onFreeze  func() // called by FreezeCgroup
}

func (c *cgroupFake) CgroupFrozen() (bool, error) {
	c.w.call("cgroupfrozen")
	return c.frozen, nil
}

func (c *cgroupFake) GuardianAddCgroup() error {
	c.w.call("tellcgroup")
	c.listed = c.tellErr == nil
	return c.tellErr
}

func (c *cgroupFake) FreezeCgroup(limit time.Duration) (bool, error) {
	c.w.call("freeze")
	if c.w.guard.pid != 0 && !c.listed {
		c.w.t.Error("the cgroup is frozen before it is on the list of the guardian")
	}
	if c.onFreeze != nil {
		c.onFreeze()
	}
	c.frozen = true
	if c.stuck {
		c.w.pass(limit, func() bool { return c.w.interrupt != nil })
		return false, c.w.interrupt
	}
	for pid := range c.members {
		if p := c.w.procs[pid]; p != nil && p.State != 'Z' {
			p.State = 'T'
		}
	}
	return true, c.w.interrupt
}

func (c *cgroupFake) ThawCgroup(below bool) error {
	c.w.call("thaw")
	if c.thawErr != nil {
		return c.thawErr
	}
	c.frozen, c.listed = false, false
	c.thawBelow = append(c.thawBelow, below)
	for _, pid := range c.living() {
		p := c.w.procs[pid]
		if p.State == 'T' {
			p.State = 'S'
		}
		p.flush()
	}
	return nil
}

func (c *cgroupFake) KillCgroup() error {
	c.w.call("killcgroup")
	if c.killErr != nil {
		return c.killErr
	}
	c.kills++
	for _, pid := range c.living() {
		if p := c.w.procs[pid]; !p.leaderLeft {
			p.deliver(signals.KILL)
		}
	}
	return nil
}

// living returns the PIDs of the living members.
func (c *cgroupFake) living() []int {
	var pids []int
	for pid := range c.members {
		if p := c.w.procs[pid]; p != nil && !p.Stat.Gone() {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func (c *cgroupFake) CgroupMembers() ([]int, int, error) {
	c.w.call("members")
	return c.living(), c.outside, nil
}

func (c *cgroupFake) CgroupEmpty(limit time.Duration) (bool, error) {
	c.w.call("empty")
	empty := func() bool { return len(c.living())+c.outside == 0 }
	c.w.pass(limit, empty)
	return empty(), nil
}

// within returns the plan of freezekill for a cgroup with these members.
func within(w *world, ladder string, members ...*process) (*Plan, *cgroupFake) {
	c := &cgroupFake{w: w, members: make(map[int]bool)}
	for _, p := range members {
		c.members[p.PID] = true
	}
	w.cgroupFake = c
	w.policy.inCgroup = func(st *procfs.Stat) bool { return c.members[st.PID] }
	return &Plan{Ladder: must(ParseLadder(ladder, signals.TERM)), Guardian: true, Prove: time.Second, Cgroup: true}, c
}

// pair adds two processes that ignore the given signals.
func pair(w *world, which ...signals.Signal) []*process {
	kind := process{handle: ignores(which...)}
	return w.children(40, 2, kind)
}

func TestCgroupOutcomes(t *testing.T) {
	bubble(t, "frozen, signalled, thawed", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		out := carryOut(w, p, list...)
		out.ended()
		if c.frozen || c.kills > 0 || out.Rung != 1 || !out.Proved || w.guard.started != 1 {
			t.Errorf("frozen %v, %d kills, rung %d, proved %v, %d guardians", c.frozen, c.kills, out.Rung, out.Proved, w.guard.started)
		}
	})
	bubble(t, "KILL atomically", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w, signals.TERM)
		p, c := within(w, "TERM/5/KILL/2", list...)
		out := carryOut(w, p, list...)
		out.ended()
		if c.kills != 1 || out.Rung != 2 || out.o.failed > 0 {
			t.Errorf("%d kills, rung %d, %d failures", c.kills, out.Rung, out.o.failed)
		}
		out.want("0s TERM 100", "0s TERM 101", "5s KILL 100", "5s KILL 101", "5s gone 100", "5s gone 101")
	})
	bubble(t, "cgroup.kill misses a member whose first thread has exited", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w, signals.TERM)
		list[1].Threads, list[1].leaderLeft = 2, true
		p, c := within(w, "TERM/5/KILL/2", list...)
		out := carryOut(w, p, list...)
		out.ended()
		if c.kills != 1 || out.Rung != 2 || out.o.failed > 0 {
			t.Errorf("%d kills, rung %d, %d failures", c.kills, out.Rung, out.o.failed)
		}
		out.want("0s TERM 100", "0s TERM 101", "5s KILL 100", "5s KILL 101", "5s gone 100", "5s gone 101")
	})
	bubble(t, "cgroup.kill misses a member whose first thread has exited and that may not be signalled", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		list[1].Threads, list[1].leaderLeft, list[1].refuses = 2, true, errPerm
		p, _ := within(w, "KILL/2", list...)
		out := carryOut(w, p, list...)
		if out.Count(Refused) != 1 || out.o.failed != 1 || out.Proved {
			t.Errorf("%d refused, %d failures, proved %v", out.Count(Refused), out.o.failed, out.Proved)
		}
	})
	bubble(t, "KILL one by one, before Linux 5.14", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w, signals.TERM)
		p, c := within(w, "TERM/5/KILL/2", list...)
		c.killErr = errors.New("no cgroup.kill")
		out := carryOut(w, p, list...)
		out.ended()
		if w.count("KILL 100") != 1 || out.o.failed > 0 {
			t.Errorf("failed: %d\n%s", out.o.failed, strings.Join(out.lines, "\n"))
		}
	})
	bubble(t, "a member that ends before it is opened, and an omitted member", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5", list...)
		p.Skipped = []Skip{{list[1].Stat, "omitted"}}
		w.policy.exclude = func(st *procfs.Stat) string {
			if st.PID == list[1].PID {
				return "omitted"
			}
			return ""
		}
		p.Targets = []Target{{Stat: list[0].Stat}}
		hop := func(q *process) {
			if q.runs() {
				delete(c.members, q.PID)
				q.hop()
				c.members[q.PID] = true
			}
		}
		list[0].handle = func(q *process, _ signals.Signal) bool {
			child := w.fork(q, process{opening: hop})
			c.members[child.PID] = true
			q.die()
			return true
		}
		carryOut(w, p, list[0]).endedBut(list[1].PID)
	})
	bubble(t, "KILL one by one if a member is omitted", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w, signals.TERM)
		p, c := within(w, "KILL/2", list...)
		p.Skipped = []Skip{{list[1].Stat, "omitted"}}
		w.policy.exclude = func(st *procfs.Stat) string {
			if st.PID == list[1].PID {
				return "omitted"
			}
			return ""
		}
		out := carryOut(w, p, list[0])
		if c.kills > 0 || !list[0].Stat.Gone() || len(list[1].got) > 0 || c.frozen || !out.Proved {
			t.Errorf("%d kills, the omitted member got %v, frozen %v", c.kills, list[1].got, c.frozen)
		}
	})
	bubble(t, "a member that is moved to another cgroup before KILL", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w, signals.TERM)
		p, c := within(w, "TERM/5/KILL/2", list...)
		w.after(time.Second, func() { delete(c.members, list[1].PID) })
		carryOut(w, p, list...).ended()
		if c.kills != 1 {
			t.Errorf("%d kills", c.kills)
		}
	})
	bubble(t, "newcomers", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		once := false
		c.onFreeze = func() {
			if !once {
				once = true
				c.members[w.fork(list[0], process{}).PID] = true
			}
		}
		out := carryOut(w, p, list...)
		out.ended()
		if len(out.Results) != 3 || out.Rung != 1 {
			t.Errorf("%d results, rung %d", len(out.Results), out.Rung)
		}
	})
	bubble(t, "a PID that was reused", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		unrelated := w.add(process{})
		c.members[unrelated.PID] = true // cgroup.procs still lists the PID
		w.policy.inCgroup = func(st *procfs.Stat) bool { return st.PID != unrelated.PID }
		c.onFreeze = func() { unrelated.opening = func(*process) { delete(c.members, unrelated.PID) } }
		carryOut(w, p, list...)
		if len(unrelated.got) > 0 {
			t.Errorf("the unrelated process got %v", unrelated.got)
		}
	})
	bubble(t, "frozen by a third party", func(t *testing.T) {
		for _, test := range []struct {
			ladder string
			frozen bool
		}{{"WINCH/1", true}, {"TERM/5/KILL/2", false}} {
			w := newWorld(t)
			list := pair(w)
			p, c := within(w, test.ladder, list...)
			for _, q := range list {
				q.State = 'T'
			}
			c.frozen = true
			carryOut(w, p, list...)
			if c.frozen != test.frozen || w.count("freeze") > 0 {
				t.Errorf("%s: frozen %v, want %v", test.ladder, c.frozen, test.frozen)
			}
		}
	})
	bubble(t, "a member cannot be opened", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		other := w.add(process{noOpen: errPerm})
		c.members[other.PID] = true
		out := carryOut(w, p, list...)
		if out.Count(Refused) != 1 || out.o.failed != 1 || out.Proved {
			t.Errorf("%d refused, %d failures, proved %v", out.Count(Refused), out.o.failed, out.Proved)
		}
	})
	bubble(t, "populated from outside", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		c.outside = 1
		out := carryOut(w, p, list...)
		if out.Proved || !strings.Contains(out.Doubt, "outside of this PID namespace") {
			t.Errorf("proved %v: %q", out.Proved, out.Doubt)
		}
	})
	bubble(t, "signal 0 freezes nothing", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, _ := within(w, "TERM/5/KILL/2", list...)
		p.Ladder = Ladder{{}}
		out := carryOut(w, p, list...)
		if w.count("freeze") > 0 || out.Count(Exists) != 2 {
			t.Errorf("%d exist, calls %q", out.Count(Exists), w.log)
		}
	})
}

func TestCgroupThatDoesNotFreeze(t *testing.T) {
	bubble(t, "the members are signalled all the same", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		c.stuck = true
		carryOut(w, p, list...).ended()
		if c.frozen || w.count("freeze") != 1 {
			t.Errorf("frozen %v after %d tries", c.frozen, w.count("freeze"))
		}
	})
	bubble(t, "within the limit of the call", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w, signals.TERM)
		list[0].State = 'R' // so the freeze is tried again
		p, c := within(w, "TERM/5/KILL/2", list...)
		c.stuck, p.Limit = true, 100*time.Millisecond
		out := carryOut(w, p, list...)
		if !out.LimitReached || out.Elapsed > 200*time.Millisecond || c.frozen {
			t.Errorf("limit %v after %v, frozen %v", out.LimitReached, out.Elapsed, c.frozen)
		}
	})
	bubble(t, "interrupted", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/5/KILL/2", list...)
		c.stuck = true
		w.after(time.Millisecond, func() { w.interrupt = &signals.Interrupt{Signal: signals.INT} })
		out := carryOut(w, p, list...)
		if c.frozen || out.err == nil || len(list[0].got) > 0 {
			t.Errorf("frozen %v, error %v, got %v", c.frozen, out.err, list[0].got)
		}
	})
}

func TestCgroupThatDoesNotThaw(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		list := pair(w)
		p, c := within(w, "TERM/1", list...)
		c.thawErr = errPerm
		out := carryOut(w, p, list...)
		if !out.Failed || out.o.failed == 0 || w.count("clear") > 0 {
			t.Errorf("failed %v, %d failures reported, list cleared %d times", out.Failed, out.o.failed, w.count("clear"))
		}
	})
}

func TestCgroupGuardian(t *testing.T) {
	for _, name := range []string{"cannot start", "does not listen"} {
		for _, hold := range []bool{false, true} {
			bubble(t, name, func(t *testing.T) {
				w := newWorld(t)
				list := pair(w)
				p, c := within(w, "TERM/5/KILL/2", list...)
				if name == "cannot start" {
					w.guard.startErr = errors.New("no more processes")
				} else {
					c.tellErr = errors.New("broken pipe")
				}
				if hold {
					p.FreezeOnly = true
					w.onFrozen = func([]*Result) { t.Error("frozen") }
				}
				out := carryOut(w, p, list...)
				if frozen := w.count("freeze") > 0; frozen == hold || c.frozen || hold != (out.err != nil) {
					t.Errorf("hold %v: was frozen %v, is %v, error %v", hold, frozen, c.frozen, out.err)
				}
			})
		}
	}
}

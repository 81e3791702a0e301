package escalate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"killbox/internal/freeze"
	"killbox/internal/signals"
	"killbox/procfs"
)

// children adds n children to the process with the number ppid, of that kind.
func (w *world) children(ppid, n int, kind process) []*process {
	var list []*process
	for range n {
		child := kind
		child.PPID = ppid
		list = append(list, w.add(child))
	}
	return list
}

// rounds is how often the log has the call.
func (out *outcome) rounds(call string) int {
	n := 0
	for _, line := range out.w.log {
		if line == call {
			n++
		}
	}
	return n
}

// TestTreeOutcomes holds each behaviour against the ladder of tkill: a root
// with a child that behaves so, and that one's child.
func TestTreeOutcomes(t *testing.T) {
	for _, test := range []struct {
		name   string
		is     func(w *world, p *process)
		ladder string
		rung   int // of the call
		left   int // how many survive
	}{
		{"dies at once", func(*world, *process) {}, "TERM/5/KILL/2", 1, 0},
		{"dies within the grace", func(_ *world, p *process) { p.linger = 4 * time.Second }, "TERM/5/KILL/2", 1, 0},
		{"dies too late", func(_ *world, p *process) { p.linger = 6 * time.Second }, "TERM/5/KILL/2", 2, 0},
		{"ignores", func(_ *world, p *process) { p.handle = ignores(signals.TERM) }, "TERM/5/KILL/2", 2, 0},
		{"ignores, and there is no KILL", func(_ *world, p *process) { p.handle = ignores(signals.TERM) }, "TERM/5", 1, 1},
		{"blocks", func(_ *world, p *process) {
			p.State, p.blocks = 'R', map[signals.Signal]bool{signals.TERM: true}
		}, "TERM/5/KILL/2", 2, 0},
		{"uninterruptible", func(_ *world, p *process) { p.State, p.immune = 'D', true }, "TERM/5/KILL/2", 2, 1},
		// Its child is init's by now, and nothing shows whose it was.
		{"a zombie", func(_ *world, p *process) { p.reap = -1; p.die() }, "TERM/5/KILL/2", 1, 1},
		{"never reaped", func(_ *world, p *process) { p.reap = -1 }, "TERM/5/KILL/2", 1, 0},
		{"leader exited", func(_ *world, p *process) { p.Threads, p.leaderLeft = 2, true }, "TERM/5/KILL/2", 1, 0},
		{"traced", func(_ *world, p *process) { p.State = 't' }, "TERM/5/KILL/2", 1, 0},
		{"stopped before", func(_ *world, p *process) { p.State = 'T' }, "TERM/5/KILL/2", 1, 0},
		{"takes its time to stop", func(_ *world, p *process) { p.stopping = 20 * time.Millisecond }, "TERM/5/KILL/2", 1, 0},
		{"forks on TERM", func(w *world, p *process) {
			p.handle = forksOn(signals.TERM, func() process { return process{handle: ignores(signals.TERM)} })
		}, "TERM/5/KILL/2", 2, 0},
		{"replaces each dead child", func(w *world, p *process) {
			child := func() process { return process{Stat: procfs.Stat{Comm: "worker"}} }
			p.handle = forksOn(signals.CHLD, child)
			w.fork(p, child())
		}, "TERM/5/KILL/2", 1, 0},
		{"replaces each dead child, and ignores TERM", func(w *world, p *process) {
			p.handle = func(p *process, s signals.Signal) bool {
				if s == signals.CHLD {
					w.fork(p, process{linger: time.Second})
				}
				return s != signals.KILL
			}
			w.fork(p, process{linger: time.Second})
		}, "TERM/5/KILL/2", 2, 0},
		{"a bomb", func(w *world, p *process) {
			var bomb func(p *process)
			bomb = func(p *process) {
				p.State = 'R'
				p.every(10*time.Millisecond, func() {
					if len(w.procs) < 300 {
						bomb(w.fork(p, process{}))
					}
				})
			}
			bomb(p)
		}, "TERM/5/KILL/2", 1, 0},
		{"led a session", func(_ *world, p *process) { p.setsid() }, "TERM/5/KILL/2", 1, 0},
		{"daemonizes", func(w *world, p *process) {
			// fork, setsid, fork, exit: the session is all that is left to show.
			leader := w.fork(p, process{})
			leader.setsid()
			w.fork(leader, process{})
			leader.die()
		}, "TERM/5/KILL/2", 1, 1},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			test.is(w, tree[1])
			out := carryOut(w, freezing(test.ladder), tree[0])
			if out.err != nil {
				t.Errorf("error: %v", out.err)
			}
			if out.Rung != test.rung || len(w.alive()) != test.left {
				t.Errorf("rung %d, left %v; want rung %d, %d left\n%s", out.Rung, w.alive(), test.rung, test.left, strings.Join(out.lines, "\n"))
			}
		})
	}
}

// TestMidFork: a member that sleeps in the middle of a fork still finishes the fork, and the child is part of the tree. The
// parent of a vfork is not waited for.
func TestMidFork(t *testing.T) {
	for _, vforks := range []bool{false, true} {
		bubble(t, fmt.Sprint("vfork ", vforks), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			p := tree[1]
			p.State, p.vforks, p.stopping = 'D', vforks, 100*time.Millisecond
			if vforks {
				p.stopping = time.Hour
			}
			w.after(100*time.Millisecond, func() {
				if !vforks {
					p.State = 'R'
					w.fork(p, process{})
					p.State = 'T'
				}
			})
			out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
			out.ended()
			if out.Rung != 1 || !out.Proved || len(w.alive()) != 0 {
				t.Errorf("rung %d, proved %v, left %v", out.Rung, out.Proved, w.alive())
			}
			if took := out.Elapsed; (took >= 100*time.Millisecond) == vforks {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestStableTree: for a tree in which nothing changes one scan is proof enough if no PID was allocated during it, and some
// scans if PIDs are allocated elsewhere.
func TestStableTree(t *testing.T) {
	for breathing, readings := range map[bool]int{false: 2, true: 1 + freeze.StableScans} {
		bubble(t, fmt.Sprint(breathing), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			w.breathing = breathing
			out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
			out.ended()
			if !out.Proved || w.reads != readings {
				t.Errorf("proved %v after %d readings, want it proved after %d", out.Proved, w.reads, readings)
			}
			out.want("0s TERM 100", "0s TERM 110", "0s TERM 120", "0s gone 100", "0s gone 110", "0s gone 120")
		})
	}
}

// runner forks and exits ahead of the reader, n times; the last one stays.
func (w *world) runner(p *process, n int) {
	p.opening = func(p *process) {
		p.opening = nil
		if n > 0 {
			w.runner(w.fork(p, process{}), n-1)
		}
		p.die()
	}
}

// TestChurningTree: a process vanished while the tree was being frozen, so it takes a scan during which no PID was
// allocated.
func TestChurningTree(t *testing.T) {
	for _, test := range []struct {
		name   string
		world  func(w *world)
		prove  time.Duration
		always bool
		proved bool
	}{
		{"still at once", func(*world) {}, time.Second, false, true},
		{"PIDs allocated elsewhere", func(w *world) { w.breathing = true }, time.Second, false, false},
		{"PIDs allocated elsewhere, for a while", func(w *world) {
			w.breathing = true
			w.after(500*time.Millisecond, func() { w.breathing = false })
		}, time.Second, false, true},
		{"PIDs allocated elsewhere, too long", func(w *world) {
			w.breathing = true
			w.after(5*time.Second, func() { w.breathing = false })
		}, time.Second, false, false},
		{"more time for it", func(w *world) {
			w.breathing = true
			w.after(5*time.Second, func() { w.breathing = false })
		}, 10 * time.Second, false, true},
		{"no loadavg to ask", func(w *world) { w.hideLoadavg = true }, time.Second, false, false},
		{"a process is hidden", func(w *world) { w.hidden = 1 }, time.Second, false, false},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			w.runner(w.children(110, 1, process{})[0], 0)
			test.world(w)
			plan := freezing("TERM/5/KILL/2")
			plan.Prove, plan.ProveAlways = test.prove, test.always
			out := carryOut(w, plan, tree[0])
			out.ended()
			if out.Proved != test.proved || (out.Doubt == "") != test.proved {
				t.Errorf("proved %v, %q; want %v", out.Proved, out.Doubt, test.proved)
			}
		})
	}
}

// TestProofIsAskedForAlways where the user wants it, even of a tree in which nothing changes.
func TestProofIsAskedForAlways(t *testing.T) {
	for _, breathing := range []bool{false, true} {
		bubble(t, fmt.Sprint(breathing), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			w.breathing = breathing
			plan := freezing("TERM/5/KILL/2")
			plan.ProveAlways = true
			out := carryOut(w, plan, tree[0])
			out.ended()
			if out.Proved == breathing {
				t.Errorf("proved %v, with PIDs allocated elsewhere: %v", out.Proved, breathing)
			}
		})
	}
}

// TestOrphanIsSuspected: a member that no scan showed left a child, which init adopted. It may be of the tree or not.
func TestOrphanIsSuspected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		child := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, Comm: "a\nb\x1b"}})
		w.runner(child, 1)
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if out.err != nil || out.Proved || !strings.Contains(out.Doubt, `(a\nb\x1b) is orphaned`) {
			t.Errorf("proved %v: %q (%v)", out.Proved, out.Doubt, out.err)
		}
		if got := w.alive(); len(got) != 1 || w.procs[got[0]].PPID != initPID {
			t.Errorf("alive: %v, want only the orphan, which may be an unrelated process", got)
		}
	})
}

// TestSessions: an orphan is attributed to the tree by its session.
func TestSessions(t *testing.T) {
	// A root that leads a session, a child in it, and one whose parent died
	// before the first scan.
	build := func(w *world) (root, stray *process) {
		root = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, PGID: 100, SID: 100}})
		w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, PGID: 100, SID: 100}})
		stray = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 120}, PPID: 1, PGID: 115, SID: 100}})
		// The same group is no sign: the stages of a pipeline share one.
		w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 60}, PPID: 1, PGID: 100, SID: 40}})
		return root, stray
	}
	for _, strays := range []bool{true, false} {
		bubble(t, fmt.Sprint(strays), func(t *testing.T) {
			w := newWorld(t)
			root, stray := build(w)
			plan := freezing("TERM/5/KILL/2")
			plan.Tree.Sessions = strays
			carryOut(w, plan, root)
			want := []int{60}
			if !strays {
				want = []int{60, stray.PID}
			}
			if got := w.alive(); !slices.Equal(got, want) {
				t.Errorf("alive: %v, want %v", got, want)
			}
		})
	}
	bubble(t, "with strays of their own", func(t *testing.T) {
		w := newWorld(t)
		root, stray := build(w)
		w.children(stray.PID, 2, process{Stat: procfs.Stat{SID: 777}})
		carryOut(w, freezing("TERM/5/KILL/2"), root)
		if got := w.alive(); !slices.Equal(got, []int{60}) {
			t.Errorf("alive: %v", got)
		}
	})
	bubble(t, "the leader goes between two rungs", func(t *testing.T) {
		// What it left behind ignores the first signal, and forks and loses a
		// parent before the second.
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}}})
		leader := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, PGID: 110, SID: 110}})
		p := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 120}, PPID: 110, PGID: 110, SID: 110}, handle: ignores(signals.TERM)})
		_ = leader
		w.after(time.Second, func() {
			middle := w.fork(p, process{handle: ignores(signals.TERM)})
			w.fork(middle, process{handle: ignores(signals.TERM)})
			middle.die()
		})
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if out.Rung != 2 {
			t.Errorf("rung %d", out.Rung)
		}
	})
	bubble(t, "the session ID was reused", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}}, handle: ignores(signals.TERM)})
		leader := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}, PPID: 100, PGID: 110, SID: 110}})
		_ = leader
		w.after(time.Second, func() {
			w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110, Start: 99999}, PPID: 1, PGID: 110, SID: 110, Comm: "unrelated"}})
			w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 130}, PPID: 110, PGID: 110, SID: 110, Comm: "unrelated"}})
		})
		carryOut(w, freezing("TERM/5/KILL/2"), root)
		if got := w.alive(); !slices.Equal(got, []int{110, 130}) {
			t.Errorf("alive: %v, want the two unrelated processes", got)
		}
	})
}

// TestPIDReusedBeforeTheOpen: the PID is reused between the scan and the open. The unrelated process is not signalled.
func TestPIDReusedBeforeTheOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		child := w.children(100, 1, process{})[0]
		var unrelated *process
		child.opening = func(p *process) {
			p.die()
			unrelated = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: p.PID, Start: 99999}, PPID: 1, Comm: "unrelated"}})
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.endedBut(unrelated.PID)
		if len(unrelated.got) > 0 || w.opened[unrelated.ID] != nil {
			t.Errorf("the unrelated process got %v, and is open: %v", unrelated.got, w.opened[unrelated.ID] != nil)
		}
	})
}

// endedBut is ended, but for those that are to live.
func (out *outcome) endedBut(but ...int) {
	out.w.t.Helper()
	if got := out.w.alive(); !slices.Equal(got, but) {
		out.w.t.Errorf("alive: %v, want %v", got, but)
	}
	if out.err != nil {
		out.w.t.Errorf("error: %v", out.err)
	}
}

func TestChildrenOnly(t *testing.T) {
	bubble(t, "the root lives", func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110, 120)
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Children = true
		out := carryOut(w, plan, tree[0])
		out.endedBut(100)
		if len(tree[0].got) > 0 || len(out.Results) != 2 {
			t.Errorf("the root got %v; %d results", tree[0].got, len(out.Results))
		}
	})
	bubble(t, "the root, which runs on, has another", func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110)
		tree[0].handle = func(p *process, s signals.Signal) bool {
			if s == signals.CHLD && w.lastPID < 115 {
				w.fork(p, process{})
			}
			return true
		}
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Children = true
		out := carryOut(w, plan, tree[0])
		out.endedBut(100)
		if out.Rung != 1 {
			t.Errorf("rung %d", out.Rung)
		}
	})
	bubble(t, "called from within", func(t *testing.T) {
		// trap 'tkill -c $$' EXIT: the shell is our parent.
		w := newWorld(t)
		w.procs[40].last = true
		w.children(40, 3, process{})
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Children = true
		out := carryOut(w, plan, w.procs[40])
		out.endedBut()
		if len(w.procs[40].got) > 0 {
			t.Errorf("the shell got %v", w.procs[40].got)
		}
		if w.guard.started != 1 {
			t.Errorf("%d guardians", w.guard.started)
		}
		if out.o.lines[0] != "0s skipped 50: this process" {
			t.Errorf("first told: %q", out.o.lines[0])
		}
	})
}

// TestAncestorNamed: an ancestor that is an operand is signalled after all others, and never stopped.
func TestAncestorNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shell := w.procs[40]
		shell.last = true
		w.children(40, 2, process{Stat: procfs.Stat{SID: 40}})
		out := carryOut(w, freezing("TERM/5/KILL/2"), shell)
		if shell.State != 'Z' || out.lines[len(out.lines)-1] != "0s gone 40" && out.lines[len(out.lines)-3] != "0s gone 40" {
			t.Errorf("%q", out.lines)
		}
		i := slices.Index(out.lines, "0s TERM 40")
		if i < 0 || !slices.Contains(out.lines[:i], "0s TERM 100") || !slices.Contains(out.lines[:i], "0s TERM 101") {
			t.Errorf("the ancestor does not come last: %q", out.lines)
		}
	})
}

func TestOverlappingTrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110, 120)
		other := w.add(process{Stat: stat(200)})
		out := carryOut(w, freezing("TERM/5/KILL/2"), tree[1], tree[0], other, tree[2], tree[0])
		out.ended()
		for _, p := range append(tree, other) {
			want := []signals.Signal{signals.STOP, signals.TERM, signals.CONT}
			if !slices.Equal(p.got, want) {
				t.Errorf("%d got %v, want %v", p.PID, p.got, want)
			}
		}
	})
}

func TestExclusionsInATree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		kept := w.children(100, 1, process{})[0]
		below := w.children(kept.PID, 1, process{})[0]
		plan := freezing("TERM/5/KILL/2")
		w.policy.exclude = func(st *procfs.Stat) string {
			if st.ID == kept.ID {
				return "omitted"
			}
			return excludeUsual(st)
		}
		out := carryOut(w, plan, root)
		out.endedBut(kept.PID)
		if len(kept.got) > 0 || !below.Stat.Gone() {
			t.Errorf("the excluded process got %v; its child is gone: %v", kept.got, below.Stat.Gone())
		}
		if !out.Proved || out.lines[0] != fmt.Sprintf("0s skipped %d: omitted", kept.PID) || out.rounds(fmt.Sprintf("open %d", kept.PID)) > 0 {
			t.Errorf("proved %v, %q", out.Proved, out.lines)
		}
		n := 0
		for _, line := range out.lines {
			if strings.Contains(line, "skipped") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestNotPermitted: a member that may not be signalled does not keep the others from their end.
func TestNotPermitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110, 120)
		tree[1].refuses = errPerm
		out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
		if out.Count(Refused) != 1 || out.Count(Gone) != 2 || out.o.failed != 1 || out.Elapsed > time.Second {
			t.Errorf("%d refused, %d gone, %d failures, after %v", out.Count(Refused), out.Count(Gone), out.o.failed, out.Elapsed)
		}
	})
}

// TestStoppedByOthers: a member that a third party has stopped is resumed only if it is to die, and is not on the list of
// the guardian.
func TestStoppedByOthers(t *testing.T) {
	for signal, want := range map[string][]signals.Signal{
		"TERM": {signals.TERM, signals.CONT},
		"KILL": {signals.KILL},
		"CHLD": {signals.CHLD},
	} {
		bubble(t, signal, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			tree[1].State = 'T'
			carryOut(w, freezing(signal+"/1"), tree[0])
			if !slices.Equal(tree[1].got, want) {
				t.Errorf("it got %v, want %v", tree[1].got, want)
			}
			if w.guard.list[tree[1].ID] {
				t.Error("the guardian knows of it")
			}
		})
	}
}

// TestStopAsLadder: SIGSTOP is what was asked for, so no process is resumed.
func TestStopAsLadder(t *testing.T) {
	for _, s := range []string{"STOP", "TSTP"} {
		bubble(t, s, func(t *testing.T) {
			w := newWorld(t)
			w.wantStopped = true
			tree := w.chain(100, 110)
			carryOut(w, freezing(s+"/1"), tree[0])
			for _, p := range tree {
				if p.State != 'T' || slices.Contains(p.got, signals.CONT) {
					t.Errorf("%d is %c, and got %v", p.PID, p.State, p.got)
				}
			}
			if len(w.guard.list) > 0 {
				t.Error("the guardian would resume them")
			}
		})
	}
}

func TestNoFreeze(t *testing.T) {
	bubble(t, "no process gets SIGSTOP, and KILL is sent deepest first", func(t *testing.T) {
		w := newWorld(t)
		ignore := ignores(signals.TERM)
		// The numbers are no sign of the depth.
		for _, p := range []struct{ pid, ppid int }{{300, 40}, {200, 300}, {250, 200}, {100, 250}, {150, 300}} {
			w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: p.pid}, PPID: p.ppid}, handle: ignore})
		}
		plan := freezing("TERM/1/KILL/1")
		plan.Freeze = false
		out := carryOut(w, plan, w.procs[300])
		out.ended()
		var kills []string
		for _, line := range w.log {
			if strings.HasPrefix(line, "STOP") {
				t.Errorf("%s", line)
			}
			if strings.HasPrefix(line, "KILL") {
				kills = append(kills, line)
			}
		}
		if want := []string{"KILL 100", "KILL 250", "KILL 200", "KILL 150", "KILL 300"}; !slices.Equal(kills, want) {
			t.Errorf("%q, want %q", kills, want)
		}
		if w.guard.started > 0 {
			t.Error("a guardian was started for nothing")
		}
	})
	bubble(t, "a process forked meanwhile is in the next rung", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100), handle: forksOn(signals.TERM, func() process { return process{} })})
		plan := freezing("TERM/1/KILL/1")
		plan.Freeze = false
		out := carryOut(w, plan, root)
		out.ended()
		if len(out.Results) != 2 {
			t.Errorf("%d results", len(out.Results))
		}
	})
}

// TestResumeAndRestop: a member that is caught mid-fork with the signal blocked, as libc does, is resumed and stopped again.
func TestResumeAndRestop(t *testing.T) {
	forking := func(w *world, p *process, times int) {
		p.State = 'R'
		p.blocksAll = func() bool { return times > 0 }
		// Each time it is resumed, it completes one more fork.
		p.onRun = func() {
			if times--; times >= 0 {
				w.fork(p, process{})
			}
		}
	}
	for _, test := range []struct {
		name         string
		times, peers int
		rung         int
	}{
		{"once", 1, 1, 1},
		{"twice", 2, 1, 1},
		{"often", 6, 1, 1},
		{"two at a time", 1, 2, 1},
		// Those do nothing but fork, and are kept frozen until KILL.
		{"a bomb", 1000, 3, 2},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)})
			for _, p := range w.children(100, test.peers, process{}) {
				forking(w, p, test.times)
			}
			out := carryOut(w, freezing("TERM/5/KILL/2"), root)
			out.ended()
			if out.Rung != test.rung || !out.Proved {
				t.Errorf("rung %d, proved %v; want %d\n%s", out.Rung, out.Proved, test.rung, strings.Join(out.lines, "\n"))
			}
			if resumes := out.rounds("CONT 101"); resumes > 2*freeze.MaxRestops+2 {
				t.Errorf("resumed %d times", resumes)
			}
		})
	}
}

// TestRestoppedTooOften: a member that is caught mid-fork to the last leaves a child that no scan shows. That is not called
// proved.
func TestRestoppedTooOften(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		p := w.children(100, 1, process{})[0]
		p.State = 'R'
		times := freeze.MaxRestops + 1
		p.blocksAll = func() bool { return times > 0 }
		var last *process
		p.onRun = func() {
			if times--; times == 0 {
				last = w.fork(p, process{})
			}
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if last == nil {
			t.Fatalf("no last child\n%s", strings.Join(out.lines, "\n"))
		}
		if out.Proved && !last.Stat.Gone() && !last.isReaped {
			t.Errorf("proved, and %d lives\n%s", last.PID, strings.Join(out.lines, "\n"))
		}
	})
}

// TestRestopWithOneProcessor: the members do not run between two system calls of this process, so they are given the time
// for it, and are not kept frozen as if they did nothing but fork.
func TestRestopWithOneProcessor(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)})
		for _, p := range w.children(100, 2, process{}) {
			p.State = 'R'
			forking := true
			p.blocksAll = func() bool { return forking }
			p.onRun = func() {
				w.after(300*time.Microsecond, func() { forking = forking && p.State != 'R' })
			}
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if out.Rung != 1 || !out.Proved {
			t.Errorf("rung %d, proved %v\n%s", out.Rung, out.Proved, strings.Join(out.lines, "\n"))
		}
	})
}

// TestKeptFrozenUntilKill: if all remaining members are kept frozen, there is nothing to wait for before KILL. Without a
// KILL there is.
func TestKeptFrozenUntilKill(t *testing.T) {
	for _, test := range []struct {
		ladder string
		took   time.Duration
	}{{"TERM/5/KILL/2", 0}, {"TERM/5", 100 * time.Millisecond}} {
		bubble(t, test.ladder, func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)})
			for _, p := range w.children(100, 3, process{}) {
				p.State = 'R'
				begin := time.Now()
				p.blocksAll = func() bool { return time.Since(begin) < 100*time.Millisecond }
				w.after(100*time.Millisecond, p.flush)
			}
			out := carryOut(w, freezing(test.ladder), root)
			out.ended()
			if took := out.Elapsed.Round(100 * time.Millisecond); took != test.took {
				t.Errorf("it took %v, want about %v\n%s", out.Elapsed, test.took, strings.Join(out.lines, "\n"))
			}
		})
	}
}

func TestGuardianThatCannotBeHad(t *testing.T) {
	for _, test := range []struct {
		name   string
		world  func(w *world)
		plan   func(*Plan)
		failed int
		starts int
	}{
		{"not wanted", func(*world) {}, func(p *Plan) { p.Guardian = false }, 0, 0},
		{"cannot start", func(w *world) { w.guard.startErr = errors.New("no more processes") }, func(*Plan) {}, 1, 1},
		{"is dead by the first word", func(w *world) { w.guard.tellErr = errors.New("broken pipe") }, func(*Plan) {}, 1, 1},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110, 120)
			tree[1].handle = ignores(signals.TERM)
			test.world(w)
			plan := freezing("TERM/5/KILL/2")
			test.plan(plan)
			out := carryOut(w, plan, tree[0])
			out.ended()
			if out.o.failed != test.failed || w.guard.started != test.starts {
				t.Errorf("%d failures, %d guardians started; want %d, %d\n%s", out.o.failed, w.guard.started, test.failed, test.starts, strings.Join(out.lines, "\n"))
			}
			if test.failed > 0 && !strings.Contains(strings.Join(out.lines, "\n"), "failed: going on without a guardian: ") {
				t.Errorf("not told: %q", out.lines)
			}
		})
	}
}

// busy is a world in which everything happens that a run may meet: a bomb, a
// supervisor, members that block, ignore, vanish, are stopped, lead sessions.
func busy(t testing.TB) (w *world, roots []*process) {
	w = newWorld(t)
	root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, PGID: 100, SID: 100}})
	stubborn := w.children(100, 1, process{handle: ignores(signals.TERM)})[0]
	w.children(stubborn.PID, 2, process{Stat: procfs.Stat{PGID: 100, SID: 100}})
	w.children(100, 1, process{Stat: procfs.Stat{State: 'T'}})
	w.runner(w.children(100, 1, process{})[0], 1)
	for _, p := range w.children(100, 2, process{Stat: procfs.Stat{State: 'R'}}) {
		p.blocksAll = func() bool { return true }
	}
	supervisor := w.children(100, 1, process{})[0]
	n := 0
	supervisor.handle = func(p *process, s signals.Signal) bool {
		if n++; s == signals.CHLD && n < 5 {
			w.fork(p, process{Stat: procfs.Stat{Comm: "worker"}})
		}
		return s == signals.TERM
	}
	w.children(supervisor.PID, 2, process{Stat: procfs.Stat{Comm: "worker"}})
	bomb := w.children(100, 1, process{})[0]
	bomb.every(time.Millisecond, func() {
		if w.lastPID < 150 {
			w.fork(bomb, process{})
		}
	})
	w.children(100, 1, process{stopping: 3 * time.Millisecond})
	w.children(100, 1, process{refuses: errPerm})
	return w, []*process{root, stubborn}
}

// TestInterruptedAnywhere lets a signal to killbox arrive before every single
// call that it makes of the kernel. Everything that was frozen is resumed.
func TestInterruptedAnywhere(t *testing.T) {
	everywhere(t, func(w *world, n int) {
		w.at[n] = func() { w.interrupt = &signals.Interrupt{Signal: signals.TERM} }
	}, func(t *testing.T, out *outcome, n int) {
		// At the very end it is no longer asked for.
		asked := slices.ContainsFunc(out.w.log[min(n, len(out.w.log))-1:], func(call string) bool { return call == "interrupted" })
		if i := new(signals.Interrupt); asked && out.w.interrupt != nil && !errors.As(out.err, &i) {
			t.Errorf("error: %v", out.err)
		}
		if out.Summary == nil || len(out.Results) == 0 {
			t.Error("the summary is not complete")
		}
	})
}

// TestGuardianDiesAnywhere: the kill goes on without it.
func TestGuardianDiesAnywhere(t *testing.T) {
	everywhere(t, func(w *world, n int) {
		w.at[n] = func() { w.guard.tellErr = errors.New("broken pipe") }
	}, func(t *testing.T, out *outcome, _ int) {
		if out.err != nil || out.Count(Survived) > 0 {
			t.Errorf("%v, %d survivors", out.err, out.Count(Survived))
		}
	})
}

// TestTableFailsAnywhere: what makes it impossible to go on is an error, and
// no process is left stopped.
func TestTableFailsAnywhere(t *testing.T) {
	everywhere(t, func(w *world, n int) {
		w.at[n] = func() { w.snapshotErr = errors.New("cannot read the table") }
	}, func(t *testing.T, out *outcome, _ int) {
		if out.err != nil && out.err != out.w.snapshotErr {
			t.Errorf("error: %v", out.err)
		}
	})
}

// everywhere carries out the same plan again and again, with what goes wrong
// a little later each time, until a run has fewer calls than that.
func everywhere(t *testing.T, spoil func(w *world, n int), check func(*testing.T, *outcome, int)) {
	t.Helper()
	for n := 3; ; n += 1 + n/100 {
		over := false
		synctest.Test(t, func(t *testing.T) {
			w, roots := busy(t)
			spoil(w, n)
			out := carryOut(w, freezing("TERM/1/INT/1/KILL/2"), roots...)
			over = w.calls < n
			check(t, out, n)
			if t.Failed() {
				t.Logf("it was at call %d", n)
			}
		})
		if over || t.Failed() {
			if n < 100 && !t.Failed() {
				t.Errorf("the run had only %d calls, which tests little", n)
			}
			return
		}
	}
}

// TestObserverPanicsAnywhere: whatever the observer does, the freeze does not outlive the call.
func TestObserverPanicsAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		over := false
		synctest.Test(t, func(t *testing.T) {
			w, roots := busy(t)
			out := carryOutWith(w, freezing("TERM/1/INT/1/KILL/2"), &recorder{panicAt: n}, roots...)
			if over = out.o.n < n; !over && out.panic != errObserver {
				t.Errorf("report %d: the panic was swallowed: %v", n, out.panic)
			}
		})
		if over || t.Failed() {
			return
		}
	}
}

// TestResumedByAnother: a third party resumes a member that it had stopped itself, or that the run has stopped.
func TestResumedByAnother(t *testing.T) {
	for _, state := range []byte{'T', 'S'} {
		bubble(t, string(state), func(t *testing.T) {
			w := newWorld(t)
			tree := w.chain(100, 110)
			tree[1].State = state
			// The freeze is not over when that happens.
			w.children(100, 1, process{stopping: 2 * time.Millisecond})
			w.after(time.Millisecond, func() {
				if tree[1].State == 'T' {
					tree[1].State = 'R'
				}
			})
			tree[1].every(100*time.Microsecond, func() {
				if w.lastPID < 200 {
					w.fork(tree[1], process{})
				}
			})
			out := carryOut(w, freezing("TERM/5/KILL/2"), tree[0])
			out.ended()
		})
	}
}

// TestLeaderExitedCostsNothing: its state is not seen to change, so its being
// stopped cannot be seen; but that is not waited for.
func TestLeaderExitedCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, State: 'Z', Threads: 4}})
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if !out.Proved || out.Elapsed > 100*time.Millisecond {
			t.Errorf("proved %v, after %v", out.Proved, out.Elapsed)
		}
	})
}

// TestMemberThatCannotBeOpened is told of once, and the call does not end as
// if it were gone.
func TestMemberThatCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tree := w.chain(100, 110)
		tree[1].noOpen = errPerm
		out := carryOut(w, freezing("TERM/1/KILL/1"), tree[0])
		if out.o.failed != 1 {
			t.Errorf("told %d times", out.o.failed)
		}
		if out.err == nil && out.Proved && out.Count(Survived)+out.Count(Refused) == 0 {
			t.Errorf("all is well, it says, and %v is alive", w.alive())
		}
	})
}

// TestChainThatOutrunsUs: there is always one more, and never one to be
// opened. That is no success.
func TestChainThatOutrunsUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, PGID: 100, SID: 100}})
		w.runner(w.children(100, 1, process{Stat: procfs.Stat{PGID: 100, SID: 100}})[0], 1<<30)
		out := carryOut(w, freezing("TERM/1/KILL/1"), root)
		if out.err == nil && out.Proved && out.Count(Survived) == 0 {
			t.Errorf("all is well, it says, and %v is alive", w.alive())
		}
		if out.Elapsed > 10*time.Second {
			t.Errorf("it took %v", out.Elapsed)
		}
	})
}

// TestSelectorFindsNewcomers: a process that the selector matches and that was started since is a root as well.
func TestSelectorFindsNewcomers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}, Comm: "wanted"}})
		old := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 60, Start: 500}, Comm: "wanted"}})
		fresh := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 300}, PPID: 1, Comm: "wanted"}})
		w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 301}, PPID: 1, Comm: "other"}})
		plan := freezing("TERM/5/KILL/2")
		plan.Tree.Since = root.Start
		plan.Tree.Selector, w.policy.selects = true, func(st *procfs.Stat) bool { return st.Comm == "wanted" }
		out := carryOut(w, plan, root)
		out.endedBut(old.PID, 301)
		if !fresh.Stat.Gone() {
			t.Error("the newcomer is not gone")
		}
	})
}

// TestEvadesTheScan: a process that forks and exits so that no scan shows it is not taken for gone, even if nothing else
// changes.
func TestEvadesTheScan(t *testing.T) {
	// leaver leads a group and, at TERM, leaves a child in it.
	leaver := func(w *world) *process {
		p := w.add(process{})
		p.setsid()
		p.handle = func(p *process, s signals.Signal) bool {
			if s == signals.TERM {
				w.fork(p, process{Stat: procfs.Stat{Comm: "other"}, hops: true})
				p.die()
			}
			return true
		}
		return p
	}
	plans := map[string]func(w *world, pgid int) *Plan{
		"session": func(*world, int) *Plan { return freezing("TERM/5/KILL/2") },
		"group's tree": func(_ *world, pgid int) *Plan {
			p := freezing("TERM/5/KILL/2")
			p.Tree.Sessions, p.Tree.Groups = false, []int{pgid}
			return p
		},
		"group": func(_ *world, pgid int) *Plan {
			p := freezing("TERM/5/KILL/2")
			p.Tree = &Tree{Flat: true, Groups: []int{pgid}}
			return p
		},
		"selector": func(w *world, pgid int) *Plan {
			p := freezing("TERM/5/KILL/2")
			p.Tree = &Tree{Flat: true, Selector: true}
			w.policy.selects = func(st *procfs.Stat) bool { return st.SID == pgid }
			return p
		},
		"pgkill": func(_ *world, pgid int) *Plan { return signallingGroups("TERM/5/KILL/2", pgid) },
		"pgkill -S": func(_ *world, pgid int) *Plan {
			p := signallingGroups("TERM/5/KILL/2", pgid)
			p.Groups.Sessions = []procfs.ID{{PID: pgid}}
			return p
		},
	}
	for name, plan := range plans {
		bubble(t, name, func(t *testing.T) {
			w := newWorld(t)
			p := leaver(w)
			out := carryOut(w, plan(w, p.PID), p)
			// pgkill need not see it: it signals groups.
			if ended := len(w.alive()) == 0; out.Proved != ended || ended != strings.HasPrefix(name, "pgkill") {
				t.Errorf("proved %v, alive %v", out.Proved, w.alive())
			}
		})
	}
	bubble(t, "during the freeze", func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{})
		p.setsid()
		w.fork(p, process{Stat: procfs.Stat{Comm: "other"}, hops: true}).PPID = initPID
		if out := carryOut(w, freezing("TERM/5/KILL/2"), p); out.Proved {
			t.Error("proved")
		}
	})
}

// TestEndedBeforeTheStop: a process that ended before it was stopped may have left a child that nothing links to the tree.
func TestEndedBeforeTheStop(t *testing.T) {
	bubble(t, "a child that was forked and died while the tree was being stopped", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{})
		w.reading = func(n int) {
			if n == 1 {
				child := w.fork(root, process{reap: -1})
				w.fork(child, process{Stat: procfs.Stat{Comm: "other"}})
				child.die()
			}
		}
		if out := carryOut(w, freezing("TERM/5/KILL/2"), root); out.Proved {
			t.Errorf("proved, alive %v", w.alive())
		}
	})
	bubble(t, "the target itself", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{})
		w.fork(root, process{Stat: procfs.Stat{Comm: "other"}})
		w.at[w.calls+3] = root.die
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		if out.Proved {
			t.Errorf("proved, alive %v", w.alive())
		}
	})
	bubble(t, "the target itself, which led a session", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{})
		root.setsid()
		w.fork(root, process{Stat: procfs.Stat{Comm: "other"}})
		w.at[w.calls+3] = root.die
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
	})
}

// TestEndsAtAnyMoment: a root or member that ends by itself before it is stopped orphans its children. They
// are ended, or the call does not claim to have proved it: whatever the moment, also within a scan, and
// whether its parent reaps it or leaves a zombie.
func TestEndsAtAnyMoment(t *testing.T) {
	type end struct{ call, scan, entry, generation int }
	var ends []end
	for generation := range 2 {
		for call := range 40 {
			ends = append(ends, end{call: call + 1, generation: generation})
		}
		for scan := range 3 {
			for _, entry := range []int{1, selfPID, 100, 101, 102} {
				ends = append(ends, end{scan: scan + 1, entry: entry, generation: generation})
			}
		}
	}
	for _, zombie := range []bool{false, true} {
		for _, e := range ends {
			bubble(t, fmt.Sprintf("%+v zombie %v", e, zombie), func(t *testing.T) {
				w := newWorld(t)
				var kind process
				if zombie {
					kind.reap = -1
				}
				root := w.add(kind)
				kind.Comm = "middle"
				child := w.fork(root, kind)
				w.fork(child, process{Stat: procfs.Stat{Comm: "other"}})
				ending := []*process{root, child}[e.generation]
				seen := ending == root // a member that ends before it is seen is as one that ended before the call
				if e.call > 0 {
					w.at[w.calls+1+e.call] = func() { // the first call opens the root
						if seen {
							ending.die()
						}
					}
				}
				w.entered = func(scan, pid int) {
					if seen = seen || pid == ending.PID; seen && scan == e.scan && pid == e.entry {
						ending.die()
					}
				}
				out := carryOut(w, freezing("TERM/5/KILL/2"), root)
				if out.Proved && len(w.alive()) > 0 {
					t.Errorf("proved, alive %v", w.alive())
				}
			})
		}
	}
}

// TestSiblingIsNoOrphan: a process that an ancestor of the root forked before the first scan, as for
// `tkill PID | tee LOG`, is no orphan of a member that ends during that scan.
func TestSiblingIsNoOrphan(t *testing.T) {
	for _, unknown := range []bool{false, true} {
		bubble(t, fmt.Sprintf("children unknown: %v", unknown), func(t *testing.T) {
			w := newWorld(t)
			w.hideChildren = unknown
			root := w.add(process{Stat: procfs.Stat{PPID: 40}})
			brief := w.fork(root, process{})
			w.add(process{Stat: procfs.Stat{PPID: 40, Comm: "tee"}})
			w.entered = func(scan, pid int) {
				if scan == 1 && pid == brief.PID {
					brief.die()
				}
			}
			if out := carryOut(w, freezing("TERM/5/KILL/2"), root); out.Proved == unknown {
				t.Errorf("proved %v", out.Proved)
			}
		})
	}
}

// TestLateFork: a member that is in the middle of a fork when it is stopped has a child that no scan shows which began before
// the fork was over.
func TestLateFork(t *testing.T) {
	for _, leader := range []byte{'S', 'Z', 'D'} {
		bubble(t, "of another thread than the first, "+string(leader), func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: procfs.Stat{State: leader, Threads: 2}, threads: true, vforks: leader == 'D', immune: leader == 'D'})
			child := w.lastPID + 1
			w.lastPID++ // it has its number
			w.after(5*time.Millisecond, func() {
				root.threads, root.immune = false, false
				w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: child}, PPID: root.PID}})
			})
			out := carryOut(w, freezing("TERM/5/KILL/2"), root)
			out.ended()
			if len(out.Results) != 2 {
				t.Errorf("%d results", len(out.Results))
			}
		})
	}
	bubble(t, "while the table is read", func(t *testing.T) {
		w := newWorld(t)
		w.reader = 20 * time.Millisecond
		root := w.add(process{stopping: freeze.WaitLimit + 6*time.Millisecond})
		child := w.lastPID + 1
		w.lastPID++
		w.reading = func(n int) {
			if n == 2 && root.State == 'T' {
				w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: child}, PPID: root.PID}})
			}
		}
		out := carryOut(w, freezing("TERM/5/KILL/2"), root)
		out.ended()
		if len(out.Results) != 2 {
			t.Errorf("%d results", len(out.Results))
		}
	})
}

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

const forkedFlag = 0x40 // PF_FORKNOEXEC

// execve gives p the image number n, as execve(2) does.
func (p *process) execve(n uint64) *process {
	p.Stat = image(p.Stat, n)
	p.image = procfs.Auxv(strings.Repeat("v", int(n)))
	return p
}

// forkImage is fork for a parent with an image: the child inherits the image.
func (w *world) forkImage(p *process, child process) *process {
	child.Flags, child.StartCode, child.StartStack = p.Flags|forkedFlag, p.StartCode, p.StartStack
	child.image = p.image
	return w.fork(p, child)
}

// orphan forks a child of p that leads a session, and a grandchild in another session; then the child exits. It returns
// the grandchild: an orphan that only its image links to the tree.
func (w *world) orphan(p *process, is process) *process {
	child := w.forkImage(p, process{})
	orphan := w.forkImage(child, is)
	orphan.setsid()
	child.die()
	return orphan
}

// attributing is a plan that attributes orphans by their image.
func attributing(ladder string) *Plan {
	plan := freezing(ladder)
	plan.Tree.Images = true
	return plan
}

// TestOrphans: which orphans are ended with the tree of a root that has called execve(2), depending on when they were
// forked.
func TestOrphans(t *testing.T) {
	type scene func(w *world, root *process) (left *process)
	before := func(w *world, root *process) (left *process) { return w.orphan(root, process{}) }
	older := func(p *Plan) { p.Tree.OlderOrphans = true }
	for _, test := range []struct {
		name  string
		plan  func(*Plan)
		scene scene
		note  int // number of orphans that the summary has
	}{
		{"before the call", nil, before, 1},
		{"before the call, asked for", older, func(w *world, root *process) (left *process) {
			w.orphan(root, process{})
			return nil
		}, 0},
		{"before the call, orphans are not asked for", func(p *Plan) { p.Tree.Images = false }, before, 0},
		{"during the first scan", nil, func(w *world, root *process) (left *process) {
			w.reading = func(n int) {
				if n == 1 {
					w.orphan(root, process{})
				}
			}
			return nil
		}, 0},
		{"by a handler", nil, func(w *world, root *process) (left *process) {
			root.handle = func(p *process, s signals.Signal) bool {
				if s == signals.TERM {
					w.orphan(p, process{Stat: procfs.Stat{Comm: "late"}})
					p.die()
				}
				return true
			}
			return nil
		}, 0},
		{"by a handler, without a freeze", func(p *Plan) { p.Freeze = false }, func(w *world, root *process) (left *process) {
			root.handle = func(p *process, s signals.Signal) bool {
				if s == signals.TERM {
					w.orphan(p, process{})
					p.die()
				}
				return true
			}
			return nil
		}, 0},
		{"by a handler of a member that has called execve(2)", nil, func(w *world, root *process) (left *process) {
			w.fork(root, process{}).execve(2).handle = func(p *process, s signals.Signal) bool {
				if s == signals.TERM {
					w.orphan(p, process{})
					p.die()
				}
				return true
			}
			return nil
		}, 0},
		{"of a member that has called execve(2)", older, func(w *world, root *process) (left *process) {
			w.orphan(w.fork(root, process{}).execve(2), process{})
			return nil
		}, 0},
		{"before the call, of a member that ends at the first signal", nil, func(w *world, root *process) (left *process) {
			return w.orphan(w.fork(root, process{}).execve(2), process{})
		}, 1},
		{"before the first scan, but after the call began", func(p *Plan) { p.Tree.Began = 1101 }, func(w *world, root *process) (left *process) {
			w.orphan(root, process{}) // its child is PID 101, and itself 102: they start in the ticks 1101 and 1102
			return nil
		}, 0},
		{"in the clock tick of the call", func(p *Plan) { p.Tree.Began = 1102 }, before, 1},
		{"a child of a member that has ended before it could be opened", nil, func(w *world, root *process) (left *process) {
			member := w.forkImage(root, process{})
			w.forkImage(member, process{}).setsid()
			member.opening = (*process).die
			return nil
		}, 0},
		{"with a child that has called execve(2)", older, func(w *world, root *process) (left *process) {
			orphan := w.orphan(root, process{})
			w.fork(orphan, process{}).execve(2)
			return nil
		}, 0},
		{"has called execve(2)", older, func(w *world, root *process) (left *process) {
			return w.orphan(root, process{}).execve(2)
		}, 0},
		{"another vector", older, func(w *world, root *process) (left *process) {
			left = w.orphan(root, process{})
			left.image = "another"
			// Nor does the session that the process leads belong to the tree.
			w.add(process{Stat: procfs.Stat{PPID: initPID, SID: left.PID, Comm: "bystander"}})
			return left
		}, 0},
		{"a twin of the root", older, func(w *world, root *process) (left *process) {
			w.add(process{Stat: procfs.Stat{PPID: initPID, Comm: "bystander"}}).execve(1)
			return w.orphan(root, process{})
		}, 0},
		{"a twin in the middle of execve(2)", older, func(w *world, root *process) (left *process) {
			twin := w.add(process{Stat: procfs.Stat{PPID: initPID, Comm: "bystander"}}).execve(1)
			twin.image = ""
			w.orphan(root, process{})
			return nil
		}, 0},
		{"the child of an unrelated process", older, func(w *world, root *process) (left *process) {
			other := w.add(process{Stat: procfs.Stat{PPID: initPID, Comm: "bystander"}})
			left = w.orphan(root, process{})
			left.PPID = other.PID
			return left
		}, 0},
		{"forked from the parent of the root", older, func(w *world, root *process) (left *process) {
			root.Flags |= forkedFlag
			return w.orphan(root, process{})
		}, 0},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)}).execve(1)
			left := test.scene(w, root)
			plan := attributing("TERM/5/KILL/2")
			if test.plan != nil {
				test.plan(plan)
			}
			out := carryOut(w, plan, root)
			if out.err != nil || !out.Proved || len(out.Orphans) != test.note {
				t.Errorf("error %v, proved %v (%s), orphans %v", out.err, out.Proved, out.Doubt, out.Orphans)
			}
			if left != nil && w.opened[left.ID] != nil {
				t.Errorf("%d is still open", left.PID)
			}
			for _, p := range w.first {
				spared := p == left || p.Comm == "bystander" || p.PID < root.PID
				if spared && len(p.got) > 0 || !spared && p.runs() {
					t.Errorf("%d (%s) got %v\n%s", p.PID, p.Comm, p.got, strings.Join(out.lines, "\n"))
				}
			}
		})
	}
}

// TestOrphanEvidence: the observer is told once why an orphan is attributed to the tree.
func TestOrphanEvidence(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)}).execve(1)
		root.setsid()
		byImage := w.orphan(root, process{handle: ignores(signals.TERM)})
		child := w.fork(root, process{})
		bySession := w.fork(child, process{})
		child.die()
		plan := attributing("TERM/1/KILL/1")
		plan.Tree.OlderOrphans = true
		out := carryOut(w, plan, root)
		want := []string{Evidence(root.ID), SessionEvidence(100)}
		if want[0] != "orphan, same image as 100" || want[1] != "orphan, in the session of 100" {
			t.Errorf("evidence %q", want)
		}
		for i, p := range []*process{byImage, bySession} {
			res := out.Results[slices.IndexFunc(out.Results, func(r *Result) bool { return r.ID == p.ID })]
			if res.Evidence != want[i] || res.Outcome != Gone {
				t.Errorf("%d: outcome %v, evidence %q, want %q", p.PID, res.Outcome, res.Evidence, want[i])
			}
		}
		told := slices.DeleteFunc(slices.Clone(out.lines), func(line string) bool { return !strings.Contains(line, "attributed") })
		if len(told) != 2 {
			t.Errorf("told %q", told)
		}
	})
}

// TestOrphanOfExcluded: an ancestor of this process that has the image of the root is not attributed, and neither are
// its children.
func TestOrphanOfExcluded(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)}).execve(1)
		watchdog := w.orphan(root, process{})
		child := w.forkImage(watchdog, process{})
		w.policy.exclude = func(st *procfs.Stat) string {
			if st.PID == watchdog.PID {
				return "an ancestor of this process"
			}
			return excludeUsual(st)
		}
		plan := attributing("TERM/1/KILL/1")
		plan.Tree.OlderOrphans = true
		out := carryOut(w, plan, root)
		if len(watchdog.got)+len(child.got) > 0 || !out.Proved || root.runs() {
			t.Errorf("the watchdog got %v, its child %v; proved %v", watchdog.got, child.got, out.Proved)
		}
	})
}

// TestNoScanAfterCertainEnd: if the signal certainly ends every member without running it, no process can be orphaned
// between the freeze and the end, and no scan follows. If a member handles the signal, a scan follows its end, and one
// the end of the step.
func TestNoScanAfterCertainEnd(t *testing.T) {
	for _, test := range []struct {
		name   string
		ladder string
		caught bool
		more   int
	}{
		{"default action", "TERM/5", false, 0},
		{"a handler", "TERM/5", true, 2},
		{"a handler, and KILL", "KILL/5", true, 0},
		{"a real-time signal", "RTMIN+1/5", false, 2},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)}).execve(1)
			if test.caught {
				root.Caught = 1 << (signals.TERM - 1)
			}
			plan := attributing(test.ladder)
			carryOut(w, plan, root)
			signalled := slices.Index(w.log, plan.Ladder[0].Signal.String()+" 100")
			more := len(slices.DeleteFunc(w.log[signalled:], func(call string) bool { return call != "snapshot" && call != "scan new" }))
			if signalled < 0 || more != test.more {
				t.Errorf("%d scans after the signal, want %d", more, test.more)
			}
		})
	}
}

// TestOrphanBelowOlder: a process that a scan shows below an orphan from before the call is treated as that orphan,
// also when its parent ends during the call.
func TestOrphanBelowOlder(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100), linger: time.Second}).execve(1)
		daemon := w.orphan(root, process{})
		w.after(100*time.Millisecond, func() {
			job := w.forkImage(daemon, process{})
			w.forkImage(job, process{})
		})
		w.after(2*time.Second, func() {
			for _, p := range w.first {
				if p.PPID == daemon.PID {
					p.die()
				}
			}
		})
		root.handle = ignores(signals.TERM)
		out := carryOut(w, attributing("TERM/1.5/TERM/1/KILL/1"), root)
		if len(out.Orphans) != 2 || !out.Proved || root.runs() {
			t.Errorf("orphans %v, proved %v (%s)", out.Orphans, out.Proved, out.Doubt)
		}
		for _, p := range w.first {
			if p.PID > root.PID && len(p.got) > 0 && p.Comm != "killbox" {
				t.Errorf("%d got %v", p.PID, p.got)
			}
		}
	})
}

// TestMaySurvive: when a stopped process that is sent a signal may run code of its program.
func TestMaySurvive(t *testing.T) {
	term := uint32(1) << (signals.TERM - 1)
	for _, test := range []struct {
		name string
		st   procfs.Stat
		sig  signals.Signal
		want bool
	}{
		{"default action", procfs.Stat{Threads: 1}, signals.TERM, false},
		{"ignored", procfs.Stat{Threads: 1, Ignored: term}, signals.TERM, true},
		{"blocked", procfs.Stat{Threads: 1, Blocked: term}, signals.TERM, true},
		{"a handler of another signal", procfs.Stat{Threads: 1, Caught: 1}, signals.TERM, true},
		{"two threads", procfs.Stat{Threads: 2}, signals.TERM, true},
		{"KILL", procfs.Stat{Threads: 2, Caught: 1}, signals.KILL, false},
		{"another signal is ignored", procfs.Stat{Threads: 1, Ignored: term}, signals.INT, false},
		{"default action is to ignore", procfs.Stat{Threads: 1}, signals.CHLD, true},
		{"a signal whose mask is not shown", procfs.Stat{Threads: 1}, 40, true},
	} {
		if got := maySurvive(&test.st, test.sig); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestCandidateEnds: a candidate that has ended before it could be opened may have left a child, so that scan is no
// proof.
func TestCandidateEnds(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)}).execve(1)
		candidate := w.orphan(root, process{})
		var last *process
		candidate.opening = func(p *process) {
			if last == nil {
				last = w.forkImage(p, process{})
				last.setsid()
				p.die()
			}
		}
		plan := attributing("TERM/1/KILL/1")
		plan.Tree.OlderOrphans = true
		out := carryOut(w, plan, root)
		if last == nil || last.runs() || !out.Proved {
			t.Errorf("the child is %v, proved %v (%s)", last, out.Proved, out.Doubt)
		}
	})
}

// TestCandidateLeavesSuspect: a candidate that has ended before it could be opened has left a child that has called
// execve(2). The child may descend from the tree.
func TestCandidateLeavesSuspect(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)}).execve(1)
		candidate := w.orphan(root, process{})
		candidate.opening = func(p *process) {
			child := w.fork(p, process{Stat: procfs.Stat{Comm: "other"}}).execve(2)
			child.setsid()
			p.die()
		}
		plan := attributing("TERM/1/KILL/1")
		plan.Tree.OlderOrphans = true
		if out := carryOut(w, plan, root); out.Proved {
			t.Errorf("proved, although %v may descend from the tree", w.alive())
		}
	})
}

// TestOrphanOfExiting: a process that is exiting has no image, but its child is no orphan yet. The child is ended when
// it has become one.
func TestOrphanOfExiting(t *testing.T) {
	for _, freeze := range []bool{true, false} {
		bubble(t, fmt.Sprint(freeze), func(t *testing.T) {
			w := newWorld(t)
			root := w.add(process{Stat: stat(100)}).execve(1)
			var last *process
			root.handle = func(p *process, s signals.Signal) bool {
				if s == signals.TERM {
					exiting := w.forkImage(p, process{})
					exiting.setsid()
					last = w.forkImage(exiting, process{})
					exiting.Flags |= 4 // PF_EXITING
					exiting.Flags &^= randomized
					exiting.StartCode, exiting.StartStack, exiting.image, exiting.immune = 0, 0, "", true
					w.after(20*time.Millisecond, exiting.die)
					p.die()
				}
				return true
			}
			plan := attributing("TERM/5/KILL/2")
			plan.Freeze = freeze
			out := carryOut(w, plan, root)
			if last == nil || last.runs() || !out.Proved {
				t.Errorf("the child is %v, proved %v (%s)\n%s", last, out.Proved, out.Doubt, strings.Join(out.lines, "\n"))
			}
		})
	}
}

// TestOrphanOfEndedRoot: the image of the root counts when the root ends during the first scan.
func TestOrphanOfEndedRoot(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)}).execve(1)
		child := w.forkImage(root, process{})
		var orphan *process
		w.reading = func(n int) {
			if n == 1 {
				root.die()
				orphan = w.forkImage(child, process{})
				orphan.setsid()
				child.die()
			}
		}
		out := carryOut(w, attributing("TERM/1/KILL/1"), root)
		if orphan == nil || orphan.runs() || !out.Proved {
			t.Errorf("the orphan is %v, proved %v (%s)", orphan, out.Proved, out.Doubt)
		}
	})
}

// TestOlderOrphanInPIDRange: PIDs have wrapped around, and the PIDs allocated during the first scan are below and above
// that of an orphan that is older than the call. The kernel skips a PID that is in use.
func TestOlderOrphanInPIDRange(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		root := w.add(process{Stat: stat(100)}).execve(1)
		left := w.orphan(root, process{})
		before := w.lastPID
		w.lastPID = 50
		w.reading = func(n int) {
			if n == 1 {
				w.lastPID = before + 5
			}
		}
		out := carryOut(w, attributing("TERM/5/KILL/2"), root)
		if len(left.got) > 0 || len(out.Orphans) != 1 {
			t.Errorf("%d got %v, orphans %v\n%s", left.PID, left.got, out.Orphans, strings.Join(out.lines, "\n"))
		}
	})
}

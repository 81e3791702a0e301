package escalate

import (
	"errors"
	"slices"
	"testing"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

const helperImage = 9 // of a child of the root that is named helper

// lateScene is a tree whose root ignores TERM. A member with several threads forks a child after it has been resumed
// with TERM, and ends.
type lateScene struct {
	root, late *process
	slow       time.Duration      // from the signal to the end of the member
	forked     func(c *lateScene) // called before the end of the member
}

func (c *lateScene) build(w *world) {
	c.root = w.add(process{Stat: stat(100), handle: ignores(signals.TERM)}).execve(1)
	w.fork(c.root, process{Stat: procfs.Stat{Comm: "helper"}}).execve(helperImage)
	member := w.fork(c.root, process{}).execve(2)
	member.Threads = 4
	member.handle = func(_ *process, s signals.Signal) bool {
		if s == signals.TERM {
			w.after(c.slow+50*time.Microsecond, func() {
				c.late = w.forkImage(member, process{Stat: procfs.Stat{Comm: member.Comm}})
				c.late.setsid()
				c.forked(c)
				member.die()
			})
		}
		return true
	}
}

// exec lets the child call execve(2).
func (c *lateScene) exec(comm string) { c.late.execve(helperImage).Comm = comm }

// TestLateOrphans: what happens to the child. Before KILL the tree is not scanned again.
func TestLateOrphans(t *testing.T) {
	for _, test := range []struct {
		name   string
		slow   time.Duration
		forked func(w *world, c *lateScene)
		got    []signals.Signal
		proved bool
	}{
		{"no execve(2)", 0, func(*world, *lateScene) {}, []signals.Signal{signals.TERM}, true},
		{"ignores TERM, calls execve(2)", 0, func(w *world, c *lateScene) {
			c.late.handle = ignores(signals.TERM)
			w.after(time.Millisecond, func() { c.exec("helper") })
		}, []signals.Signal{signals.TERM, signals.STOP, signals.KILL}, true},
		{"ends at once, and is not reaped", 0, func(w *world, c *lateScene) {
			c.late.reap = -1
			w.after(time.Microsecond, c.late.die)
		}, []signals.Signal{signals.TERM}, true},
		{"execve(2) before the end of its parent", 0, func(_ *world, c *lateScene) { c.exec("helper") }, nil, false},
		{"execve(2) of a program that is not in the tree", 0, func(_ *world, c *lateScene) { c.exec("other") }, nil, true},
		{"ends before the call is over", 0, func(w *world, c *lateScene) {
			c.exec("helper")
			w.after(time.Second, c.late.die)
		}, nil, true},
		{"a member that ends much later", time.Second, func(_ *world, c *lateScene) { c.exec("helper") }, nil, true},
		{"a scan that fails", 0, func(w *world, _ *lateScene) { w.scanNewErr = errors.New("input/output error") },
			[]signals.Signal{signals.STOP, signals.KILL}, true},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			c := &lateScene{slow: test.slow, forked: func(c *lateScene) { test.forked(w, c) }}
			c.build(w)
			out := carryOut(w, attributing("TERM/5/KILL/2"), c.root)
			if !slices.Equal(c.late.got, test.got) || out.Proved != test.proved || out.err != nil || out.Count(Survived) > 0 {
				t.Errorf("the child got %v, want %v; proved %v (%s), error %v, survivors %d", c.late.got, test.got, out.Proved, out.Doubt,
					out.err, out.Count(Survived))
			}
			if want := "104 (helper) is orphaned, and may descend from the tree"; !test.proved && out.Doubt != want {
				t.Errorf("doubt %q, want %q", out.Doubt, want)
			}
		})
	}
}

// TestLateOrphanReported: the child is in the report of a call whose last step leaves the root.
func TestLateOrphanReported(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		c := &lateScene{forked: func(c *lateScene) { c.late.handle = ignores(signals.TERM) }}
		c.build(w)
		out := carryOut(w, attributing("TERM/5"), c.root)
		if out.Count(Survived) != 2 {
			t.Errorf("%d survivors, want the root and %d", out.Count(Survived), c.late.PID)
		}
	})
}

// TestRestartIsNoSuspect: an ancestor starts the program again when the root has ended, at once or while another member
// still ends. The ancestor is the parent of the root, which may be PID 1, or the grandparent.
func TestRestartIsNoSuspect(t *testing.T) {
	for _, name := range []string{"parent", "PID 1", "grandparent"} {
		for _, atOnce := range []bool{true, false} {
			bubble(t, name, func(t *testing.T) {
				w := newWorld(t)
				parent := w.procs[initPID]
				if name != "PID 1" {
					parent = w.add(process{Stat: procfs.Stat{Comm: "supervisor", PPID: initPID}})
				}
				above := parent
				if name == "grandparent" {
					parent = w.fork(above, process{})
				}
				root := w.fork(parent, process{Stat: procfs.Stat{Comm: "server"}}).execve(1)
				root.Threads = 4
				restart := func() { w.fork(above, process{Stat: procfs.Stat{Comm: "server"}}).execve(8) }
				root.handle = func(_ *process, s signals.Signal) bool {
					if s == signals.TERM {
						w.after(time.Millisecond, func() {
							root.die()
							if atOnce {
								restart()
							}
						})
					}
					return true
				}
				worker := w.fork(root, process{Stat: procfs.Stat{Comm: "worker"}}).execve(2)
				worker.handle = func(_ *process, s signals.Signal) bool {
					if s == signals.TERM && !atOnce {
						w.after(5*time.Millisecond, restart)
						w.after(20*time.Millisecond, worker.die)
						return true
					}
					return false
				}
				if out := carryOut(w, attributing("TERM/5/KILL/2"), root); !out.Proved {
					t.Errorf("at once %v: doubt %q", atOnce, out.Doubt)
				}
			})
		}
	}
}

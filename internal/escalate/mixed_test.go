package escalate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// mixing is the plan of tkill --mixed.
func mixing(ladder string) *Plan { return mix(attributing(ladder)) }

func mix(p *Plan) *Plan {
	p.Mixed = true
	p.Ladder = append(p.Ladder[:1:1], p.Ladder...)
	return p
}

// drains returns a handler for TERM: the process ends its children after d, and then itself.
func drains(d time.Duration) func(*process, signals.Signal) bool {
	return func(p *process, s signals.Signal) bool {
		if s == signals.TERM {
			p.w.after(d, func() {
				for _, child := range p.w.first {
					if child.PPID == p.PID {
						child.die()
					}
				}
				p.die()
			})
		}
		return true
	}
}

// leaves returns a handler for TERM: the process exits after d, and its children remain.
func leaves(d time.Duration) func(*process, signals.Signal) bool {
	return func(p *process, s signals.Signal) bool {
		if s == signals.TERM {
			p.w.after(d, p.die)
		}
		return true
	}
}

// TestMixed: what a master and its workers are sent, depending on what the master does. The world reports a signal to a
// running worker.
func TestMixed(t *testing.T) {
	const term, kill = signals.TERM, signals.KILL
	for _, test := range []struct {
		name    string
		master  func(*process, signals.Signal) bool
		scene   func(w *world, master, worker *process)
		rung    int
		after   time.Duration
		masters []signals.Signal // except for STOP and CONT
		workers []signals.Signal // those of all other processes
	}{
		{"drains", drains(3 * time.Second), nil, 1, 3 * time.Second, []signals.Signal{term}, nil},
		{"leaves workers behind", leaves(time.Second), nil, 2, time.Second, []signals.Signal{term}, []signals.Signal{term, term}},
		{"dies at once", nil, nil, 2, 0, []signals.Signal{term}, []signals.Signal{term, term}},
		{"ignores TERM", ignores(term), nil, 3, 10 * time.Second, []signals.Signal{term, term, kill}, []signals.Signal{term, term}},
		{"is too slow", drains(7 * time.Second), nil, 2, 7 * time.Second, []signals.Signal{term, term}, []signals.Signal{term, term}},
		{"is stopped before", drains(time.Second), func(_ *world, master, _ *process) { master.State = 'T' },
			1, time.Second, []signals.Signal{term}, nil},
		{"forks while it drains", leaves(2 * time.Second), func(w *world, master, _ *process) {
			w.after(time.Second, func() { w.fork(master, process{}) })
		}, 2, 2 * time.Second, []signals.Signal{term}, []signals.Signal{term, term, term}},
		{"its worker forks, execs and exits", leaves(3 * time.Second), func(w *world, _, worker *process) {
			w.after(100*time.Millisecond, func() { w.fork(worker, process{}).setsid() })
			w.after(2*time.Second, worker.die)
		}, 2, 3 * time.Second, []signals.Signal{term}, []signals.Signal{term, term}},
		{"leaves an orphan of its image", leaves(time.Second), func(w *world, master, worker *process) {
			w.after(time.Second-time.Microsecond, func() { w.orphan(master, process{}); worker.die() })
		}, 2, time.Second, []signals.Signal{term}, []signals.Signal{term, term}},
		{"leaves only an orphan of its image", leaves(time.Second), func(w *world, master, worker *process) {
			w.after(time.Second-time.Microsecond, func() {
				w.orphan(master, process{})
				for _, child := range w.first {
					if child.PPID == master.PID {
						child.die()
					}
				}
			})
		}, 2, time.Second, []signals.Signal{term}, []signals.Signal{term}},
		{"leaves only an orphan in its session", leaves(time.Second), func(w *world, master, _ *process) {
			master.setsid()
			w.after(time.Second-time.Microsecond, func() {
				child := w.fork(master, process{})
				w.fork(child, process{})
				child.die()
				for _, child := range w.first {
					if child.PPID == master.PID {
						child.die()
					}
				}
			})
		}, 2, time.Second, []signals.Signal{term}, []signals.Signal{term}},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			master := w.add(process{handle: test.master}).execve(32)
			worker := w.forkImage(master, process{})
			w.forkImage(master, process{})
			if test.scene != nil {
				test.scene(w, master, worker)
			}
			out := carryOut(w, mixing("TERM/5/KILL/2"), master)
			if out.err != nil || !out.Proved || len(w.alive()) > 0 {
				t.Errorf("error %v, doubt %q, alive %v", out.err, out.Doubt, w.alive())
			}
			if out.Rung != test.rung || out.Elapsed.Round(100*time.Millisecond) != test.after {
				t.Errorf("rung %d after %v, want %d after %v", out.Rung, out.Elapsed, test.rung, test.after)
			}
			if got := sent(master); !slices.Equal(got, test.masters) {
				t.Errorf("the master was sent %v, want %v", got, test.masters)
			}
			var got []signals.Signal
			for _, p := range w.first {
				if p != master {
					got = append(got, sent(p)...)
				}
			}
			if !slices.Equal(got, test.workers) {
				t.Errorf("the workers were sent %v, want %v", got, test.workers)
			}
			if t.Failed() {
				t.Log(strings.Join(out.lines, "\n"))
			}
		})
	}
}

// sent returns the signals that a process was sent, except for those of a freeze.
func sent(p *process) (list []signals.Signal) {
	for _, s := range p.got {
		if s != signals.STOP && s != signals.CONT {
			list = append(list, s)
		}
	}
	return list
}

// TestMixedNeverStops: nothing is stopped, and no guardian started, if the master ends its workers.
func TestMixedNeverStops(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		master := w.add(process{handle: drains(30 * time.Second)})
		w.children(master.PID, 3, process{})
		carryOut(w, mixing("TERM/60/KILL/2"), master)
		for _, p := range w.first {
			if slices.Contains(p.got, signals.STOP) {
				t.Errorf("%d was stopped", p.PID)
			}
		}
		if w.guard.started > 0 {
			t.Error("a guardian was started")
		}
		if scans := w.reads; scans < 30 || scans > 60 {
			t.Errorf("%d scans in 30 s", scans)
		}
	})
}

// TestMixedWatchesClosely: after the end of a worker and after a fork the tree is scanned more often.
func TestMixedWatchesClosely(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(w *world, master, worker *process)
		want bool
	}{
		{"nothing", func(*world, *process, *process) {}, false},
		{"end of a worker", func(_ *world, _, worker *process) { worker.die() }, true},
		{"fork", func(w *world, master, _ *process) { w.fork(master, process{}) }, true},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			master := w.add(process{handle: leaves(30 * time.Second)})
			worker := w.children(master.PID, 2, process{})[0]
			var before, after int
			w.after(20*time.Second, func() { before = w.reads; test.do(w, master, worker) })
			w.after(21200*time.Millisecond, func() { after = w.reads })
			carryOut(w, mixing("TERM/60/KILL/2"), master)
			if scans := after - before; (scans > 4) != test.want {
				t.Errorf("%d scans in 1.2 s", scans)
			}
		})
	}
}

// TestMixedTargets: the first signal waits for all masters; a target below another one is no master.
func TestMixedTargets(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		early := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 100}}})
		orphan := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 101}, PPID: 100}})
		late := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 110}}, handle: drains(2 * time.Second)})
		worker := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 111}, PPID: 110}, worker: true})
		out := carryOut(w, mixing("TERM/5/KILL/2"), early, late, worker)
		out.want("0s TERM 100", "0s TERM 110", "0s gone 100", "2s gone 111", "2s gone 110", "2s TERM 101", "2s gone 101")
		if len(sent(worker)) > 0 || len(sent(orphan)) != 1 {
			t.Errorf("the worker was sent %v, the orphan %v", sent(worker), sent(orphan))
		}
	})
}

// TestMixedRefused: if a master may not be signalled, nothing is, and nothing is reported to remain.
func TestMixedRefused(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		refusing, other := w.add(process{refuses: errPerm}), w.add(process{})
		w.children(refusing.PID, 2, process{})
		out := carryOut(w, mixing("TERM/5/KILL/2"), refusing, other)
		if !errors.Is(out.err, errPerm) || !strings.HasSuffix(out.err.Error(), ": nothing was signalled") {
			t.Errorf("error %v", out.err)
		}
		if out.Count(Survived) > 0 || out.Rung > 0 || len(w.alive()) != 4 {
			t.Errorf("%d survivors, rung %d, alive %v", out.Count(Survived), out.Rung, w.alive())
		}
	})
}

// TestMixedLimits: the limit of the call and an interrupt end the wait for the masters, and no worker is signalled.
func TestMixedLimits(t *testing.T) {
	for _, interrupt := range []bool{false, true} {
		bubble(t, fmt.Sprint("interrupt ", interrupt), func(t *testing.T) {
			w := newWorld(t)
			master := w.add(process{handle: ignores(signals.TERM)})
			worker := w.children(master.PID, 1, process{})[0]
			plan := mixing("TERM/5/KILL/2")
			plan.Limit = 3 * time.Second
			if interrupt {
				w.after(time.Second, func() { w.interrupt = &signals.Interrupt{Signal: signals.INT} })
			}
			out := carryOut(w, plan, master)
			if (out.err != nil) != interrupt || out.LimitReached == interrupt {
				t.Errorf("error %v, limit reached %v", out.err, out.LimitReached)
			}
			if len(worker.got) > 0 || len(w.alive()) != 2 {
				t.Errorf("the worker was sent %v; alive %v", worker.got, w.alive())
			}
		})
	}
}

// TestMixedProgress: the status line counts all members and names the signal of the next step.
func TestMixedProgress(t *testing.T) {
	bubble(t, "", func(t *testing.T) {
		w := newWorld(t)
		master := w.add(process{handle: leaves(5 * time.Second)})
		worker := w.children(master.PID, 1, process{})[0]
		w.after(500*time.Millisecond, worker.die)
		plan := mixing("TERM/3/KILL/2")
		plan.Limit = 3500 * time.Millisecond
		out := carryOutWith(w, plan, &recorder{tick: time.Second}, master)
		if got := out.lines[2]; got != "1.5s waiting: 1 of 2, TERM in 2.5s" {
			t.Errorf("%s", strings.Join(out.lines, "\n"))
		}
	})
}

// TestMixedGroups: the leaders of the groups are signalled first, and not by kill(-pgid).
func TestMixedGroups(t *testing.T) {
	for _, test := range []struct {
		name    string
		leader  func(*process, signals.Signal) bool
		workers int // number of TERMs that members are sent
		alive   int
	}{
		{"drains", drains(time.Second), 0, 0},
		{"leaves a member", leaves(time.Second), 2, 0},
		{"ignores TERM", ignores(signals.TERM), 2, 0},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			list := w.group(process{handle: test.leader}, process{worker: true}, process{worker: true})
			list[1].PPID, list[2].PPID = list[0].PID, list[0].PID
			out := carryOut(w, mix(signallingGroups("TERM/5/KILL/2", list[0].PID)), list...)
			if got := len(sent(list[1])) + len(sent(list[2])); got != test.workers || len(w.alive()) != test.alive || !out.Proved {
				t.Errorf("%d signals to members, alive %v, doubt %q\n%s", got, w.alive(), out.Doubt, strings.Join(out.lines, "\n"))
			}
		})
	}
}

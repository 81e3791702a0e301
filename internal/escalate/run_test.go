package escalate

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"

	"github.com/google/go-cmp/cmp"
)

// bubble runs f as a subtest in a synctest bubble, where time passes only when all goroutines wait.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// want checks the lines that the observer has recorded.
func (out *outcome) want(lines ...string) {
	out.w.t.Helper()
	if diff := cmp.Diff(lines, out.lines); diff != "" {
		out.w.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// ended checks that every process is gone, except this process and its ancestors, and that every result has the outcome
// Gone.
func (out *outcome) ended() {
	t := out.w.t
	t.Helper()
	if out.err != nil {
		t.Errorf("error: %v", out.err)
	}
	if alive := out.w.alive(); len(alive) > 0 {
		t.Errorf("still alive: %v", alive)
	}
	for _, r := range out.Results {
		if r.Outcome != Gone {
			t.Errorf("%d: outcome %d, want it gone", r.PID, r.Outcome)
		}
	}
}

func stat(pid int) procfs.Stat { return procfs.Stat{ID: procfs.ID{PID: pid}} }

// TestRunOutcomes: the outcome for a single target of each behaviour.
func TestRunOutcomes(t *testing.T) {
	killed := func(p *process, s signals.Signal) bool { return false }
	for _, test := range []struct {
		name   string
		is     process
		ladder string
		want   []string
		result Outcome
		rung   int
	}{
		{"dies at once", process{handle: killed}, "TERM/5/KILL/2", []string{"0s TERM 10", "0s gone 10"}, Gone, 1},
		{"dies within the grace", process{linger: 3 * time.Second}, "TERM/5/KILL/2", []string{"0s TERM 10", "3s gone 10"}, Gone, 1},
		{"dies too late", process{linger: 7 * time.Second}, "TERM/5/KILL/2", []string{"0s TERM 10", "5s KILL 10", "5s gone 10"}, Gone, 2},
		{"dies in the last instant", process{linger: 5*time.Second - 1}, "TERM/5/KILL/2", []string{"0s TERM 10", "5s gone 10"}, Gone, 1},
		{"ignores", process{handle: ignores(signals.TERM)}, "TERM/5/KILL/2", []string{"0s TERM 10", "5s KILL 10", "5s gone 10"}, Gone, 2},
		{"ignores the first of three", process{handle: ignores(signals.TERM)}, "TERM/1h/INT/1h/KILL/1", []string{"0s TERM 10", "1h0m0s INT 10", "1h0m0s gone 10"}, Gone, 2},
		{"blocks", process{blocks: map[signals.Signal]bool{signals.TERM: true}}, "TERM/5/KILL/2", []string{"0s TERM 10", "5s KILL 10", "5s gone 10"}, Gone, 2},
		{"uninterruptible", process{immune: true}, "TERM/5/KILL/2", []string{"0s TERM 10", "5s KILL 10"}, Survived, 2},
		{"no KILL", process{handle: ignores(signals.TERM)}, "TERM/3", []string{"0s TERM 10"}, Survived, 1},
		{"forever", process{linger: 400 * time.Hour}, "TERM/forever", []string{"0s TERM 10", "400h0m0s gone 10"}, Gone, 1},
		{"not permitted", process{refuses: errPerm}, "TERM/5/KILL/2", []string{"0s failed 10: permission denied"}, Refused, 0},
		{"a zombie already", process{Stat: procfs.Stat{State: 'Z'}, reap: -1}, "TERM/5/KILL/2", []string{"0s gone 10"}, Gone, 0},
		{"never reaped", process{reap: -1}, "TERM/5/KILL/2", []string{"0s TERM 10", "0s gone 10"}, Gone, 1},
		// Its state is Z, but other threads run.
		{"leader exited", process{Stat: procfs.Stat{State: 'Z', Threads: 3}, linger: time.Second}, "TERM/5/KILL/2", []string{"0s TERM 10", "1s gone 10"}, Gone, 1},
		{"stopped before", process{Stat: procfs.Stat{State: 'T'}}, "TERM/5/KILL/2", []string{"0s TERM 10", "0s gone 10"}, Gone, 1},
		{"stopped before, and a signal that does not end it", process{Stat: procfs.Stat{State: 'T'}, handle: ignores(signals.CHLD)}, "CHLD/5", []string{"0s CHLD 10"}, Survived, 1},
		{"existence", process{}, "", []string{"0s 0 10"}, Exists, 1},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			test.is.PID = 10
			p := w.add(test.is)
			plan := &Plan{Ladder: Ladder{{}}}
			if test.ladder != "" {
				plan = waiting(test.ladder)
			}
			out := carryOut(w, plan, p)
			out.want(test.want...)
			if out.err != nil {
				t.Errorf("error: %v", out.err)
			}
			r := out.Results[0]
			if r.Outcome != test.result || r.Rung != test.rung || out.Rung != test.rung {
				t.Errorf("outcome %d, rung %d (of the call: %d), want %d, rung %d", r.Outcome, r.Rung, out.Rung, test.result, test.rung)
			}
			if !out.Proved || out.LimitReached {
				t.Errorf("proved %v, limit reached %v", out.Proved, out.LimitReached)
			}
		})
	}
}

func TestStoppedTargetIsResumedAfterTheSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 10}, State: 'T'}, handle: ignores(signals.TERM, signals.HUP)})
		// The target stops itself again before the second step.
		w.after(time.Second, func() { p.State = 'T' })
		carryOut(w, waiting("TERM/2/HUP/2/KILL/2"), p)
		want := []signals.Signal{signals.TERM, signals.CONT, signals.HUP, signals.CONT, signals.KILL}
		if !slices.Equal(p.got, want) {
			t.Errorf("the target got %v, want %v", p.got, want)
		}
	})
}

// TestTargetsEndInParallel: the call takes as long as its slowest target, not the sum of all.
func TestTargetsEndInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var targets []*process
		for i := range 1000 {
			p := process{Stat: stat(1000 + i), linger: time.Duration(i) * time.Millisecond}
			if i%10 == 0 {
				p.handle = ignores(signals.TERM)
			}
			targets = append(targets, w.add(p))
		}
		out := carryOut(w, waiting("TERM/5/KILL/2"), targets...)
		out.ended()
		if out.Elapsed != 5*time.Second {
			t.Errorf("the call took %v, want 5s, the wait of the first step", out.Elapsed)
		}
		for i, r := range out.Results {
			want := time.Duration(i) * time.Millisecond
			if i%10 == 0 {
				want = 5 * time.Second
			}
			if r.Elapsed != want {
				t.Errorf("%d: gone after %v, want %v", r.PID, r.Elapsed, want)
			}
		}
	})
}

func TestCountAndLimit(t *testing.T) {
	lingers := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}
	for _, test := range []struct {
		name    string
		plan    func(*Plan)
		ladder  string
		took    time.Duration
		gone    int
		limited bool
	}{
		{"any", func(p *Plan) { p.Count = 1 }, "TERM/30/KILL/2", time.Second, 1, false},
		{"two", func(p *Plan) { p.Count = 2 }, "TERM/30/KILL/2", 2 * time.Second, 2, false},
		{"more than there are", func(p *Plan) { p.Count = 9 }, "TERM/30/KILL/2", 4 * time.Second, 4, false},
		{"any stops the ladder", func(p *Plan) { p.Count = 1 }, "TERM/1.5/KILL/2", time.Second, 1, false},
		{"two, on the second step", func(p *Plan) { p.Count = 2 }, "TERM/1.5/KILL/2", 1500 * time.Millisecond, 4, false},
		{"limit", func(p *Plan) { p.Limit = 2500 * time.Millisecond }, "TERM/30/KILL/2", 2500 * time.Millisecond, 2, true},
		{"limit on a later step", func(p *Plan) { p.Limit = 2500 * time.Millisecond }, "TERM/1.5/HUP/30", 2500 * time.Millisecond, 2, true},
		{"limit not reached", func(p *Plan) { p.Limit = time.Minute }, "TERM/30/KILL/2", 4 * time.Second, 4, false},
		{"limit and count", func(p *Plan) { p.Limit, p.Count = 1500*time.Millisecond, 2 }, "TERM/30", 1500 * time.Millisecond, 1, true},
		{"wait only", func(p *Plan) { p.WaitOnly = true }, "TERM/1/KILL/1", 40 * time.Second, 4, false},
		{"wait only, any", func(p *Plan) { p.WaitOnly, p.Count = true, 1 }, "TERM/1/KILL/1", 10 * time.Second, 1, false},
		{"wait only, limited", func(p *Plan) { p.WaitOnly, p.Limit = true, 25*time.Second }, "TERM/1/KILL/1", 25 * time.Second, 2, true},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			var targets []*process
			for i, linger := range lingers {
				p := w.add(process{Stat: stat(10 + i), linger: linger})
				w.after(10*linger, p.die)
				targets = append(targets, p)
			}
			plan := waiting(test.ladder)
			test.plan(plan)
			out := carryOut(w, plan, targets...)
			if out.err != nil {
				t.Errorf("error: %v", out.err)
			}
			if out.Elapsed != test.took || out.Count(Gone) != test.gone || out.LimitReached != test.limited {
				t.Errorf("%d gone after %v, limit reached %v; want %d after %v, %v",
					out.Count(Gone), out.Elapsed, out.LimitReached, test.gone, test.took, test.limited)
			}
			if plan.WaitOnly {
				for _, p := range targets {
					if len(p.got) > 0 {
						t.Errorf("%d got %v, want no signal", p.PID, p.got)
					}
				}
			}
		})
	}
}

func TestReaped(t *testing.T) {
	for _, test := range []struct {
		reap time.Duration
		took time.Duration
		want Outcome
	}{
		{0, 0, Gone},
		{4 * time.Second, 4 * time.Second, Gone},
		{-1, 7 * time.Second, Survived},
	} {
		bubble(t, test.reap.String(), func(t *testing.T) {
			w := newWorld(t)
			p := w.add(process{Stat: stat(10), reap: test.reap})
			plan := waiting("TERM/5/KILL/2")
			plan.Reaped = true
			out := carryOut(w, plan, p)
			if r := out.Results[0]; r.Outcome != test.want || out.Elapsed != test.took {
				t.Errorf("outcome %d after %v, want %d after %v", r.Outcome, out.Elapsed, test.want, test.took)
			}
		})
	}
	bubble(t, "a zombie from the start", func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 10}, State: 'Z'}})
		w.after(time.Second, p.collect)
		plan := waiting("TERM/5/KILL/2")
		plan.Reaped = true
		carryOut(w, plan, p).want("1s gone 10")
	})
}

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		name     string
		world    func(*world)
		reap     time.Duration
		wait     time.Duration
		status   string
		err      error
		took     time.Duration
		observed string
	}{
		{"at once", func(*world) {}, 0, time.Second, "signal TERM", nil, 0, "0s gone 10: signal TERM"},
		{"the parent reaps it later", func(w *world) { w.statusAtReap = true }, 300 * time.Millisecond, time.Second, "signal TERM", nil, 300 * time.Millisecond, "0s gone 10"},
		{"the parent never reaps it", func(w *world) { w.statusAtReap = true }, -1, time.Second, "", signals.ErrNotReaped, time.Second, "0s gone 10"},
		{"no wait for the parent", func(w *world) { w.statusAtReap = true }, 300 * time.Millisecond, 0, "", signals.ErrNotReaped, 0, "0s gone 10"},
		{"the kernel has no status", func(w *world) { w.noStatus = true }, 0, time.Second, "", signals.ErrNoStatus, 0, "0s gone 10"},
	} {
		bubble(t, test.name, func(t *testing.T) {
			w := newWorld(t)
			test.world(w)
			p := w.add(process{Stat: stat(10), reap: test.reap})
			plan := waiting("TERM/5/KILL/2")
			plan.Status, plan.StatusWait = true, test.wait
			out := carryOut(w, plan, p)
			out.want("0s TERM 10", test.observed)
			r := out.Results[0]
			if r.Outcome != Gone || !errors.Is(r.StatusErr, test.err) || out.Elapsed != test.took {
				t.Errorf("outcome %d, %v, after %v; want gone, %v, after %v", r.Outcome, r.StatusErr, out.Elapsed, test.err, test.took)
			}
			if got := ""; r.Status != nil {
				got = r.Status.String()
				if got != test.status {
					t.Errorf("status %q, want %q", got, test.status)
				}
			} else if test.status != "" {
				t.Errorf("no status, want %q", test.status)
			}
		})
	}
}

// TestExistenceOfZombie: for signal 0 a zombie is gone, with and without Plan.Status.
func TestExistenceOfZombie(t *testing.T) {
	for _, status := range []bool{false, true} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			w := newWorld(t)
			p := w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 10}, State: 'Z'}, reap: -1})
			out := carryOut(w, &Plan{Ladder: Ladder{{}}, Status: status}, p)
			if r := out.Results[0]; r.Outcome != Gone {
				t.Errorf("a zombie has outcome %d, want gone", r.Outcome)
			}
		})
	}
}

func TestHooks(t *testing.T) {
	bubble(t, "before each step but the first, for each remaining target", func(t *testing.T) {
		w := newWorld(t)
		a := w.add(process{Stat: stat(10), handle: ignores(signals.TERM, signals.INT)})
		b := w.add(process{Stat: stat(11), handle: ignores(signals.TERM)})
		c := w.add(process{Stat: stat(12)})
		w.hook = func(env map[string]string) error {
			want := map[string]string{"KILLBOX_PID": "10", "KILLBOX_HANDLE": "10@1010", "KILLBOX_COMM": "p10", "KILLBOX_NEXT": "KILL"}
			if env["KILLBOX_NEXT"] == "KILL" {
				if diff := cmp.Diff(want, env); diff != "" {
					t.Error(diff)
				}
			}
			return nil
		}
		plan := waiting("TERM/1/INT/1/KILL/1")
		plan.Hook, plan.HookTimeout = "jstack", time.Second
		out := carryOut(w, plan, a, b, c)
		out.ended()
		slices.Sort(w.hooked)
		if want := []string{"jstack 10 before INT", "jstack 10 before KILL", "jstack 11 before INT"}; !slices.Equal(w.hooked, want) {
			t.Errorf("hooks: %q, want %q", w.hooked, want)
		}
		// Each hook runs before the signal in KILLBOX_NEXT.
		out.want("0s TERM 10", "0s TERM 11", "0s TERM 12", "0s gone 12",
			"1s INT 10", "1s INT 11", "1s gone 11", "2s KILL 10", "2s gone 10")
	})
	bubble(t, "a failure is reported, and the ladder continues", func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10), handle: ignores(signals.TERM)})
		w.hook = func(map[string]string) error { return errors.New("hook: exit 3") }
		plan := waiting("TERM/1/KILL/1")
		plan.Hook = "false"
		out := carryOut(w, plan, p)
		out.ended()
		out.want("0s TERM 10", "1s failed 10: hook: exit 3", "1s KILL 10", "1s gone 10")
	})
	bubble(t, "a target that ends during its hook is not signalled", func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10), handle: ignores(signals.TERM)})
		w.hook = func(map[string]string) error {
			p.die()
			return nil
		}
		plan := waiting("TERM/1/KILL/1")
		plan.Hook = "true"
		carryOut(w, plan, p).want("0s TERM 10", "1s gone 10")
	})
}

func TestWaitingShowsNextStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.add(process{Stat: stat(10), handle: ignores(signals.TERM)})
		b := w.add(process{Stat: stat(11), linger: 1500 * time.Millisecond})
		out := carryOutWith(w, waiting("TERM/3/KILL/1"), &recorder{tick: time.Second}, a, b)
		out.want("0s TERM 10", "0s TERM 11", "1.1s waiting: 0 of 2, KILL in 2.9s", "1.5s gone 11",
			"2.5s waiting: 1 of 2, KILL in 1.5s", "3s KILL 10", "3s gone 10")
	})
}

// TestFirstWait checks when the observer is told of the first step: 100 ms after its signal, if targets remain and the
// step takes longer.
func TestFirstWait(t *testing.T) {
	for _, test := range []struct {
		ladder string
		linger time.Duration // of the second target; the first ignores TERM
		want   *FirstWait
	}{
		{"TERM/3/KILL/1", time.Second, &FirstWait{Step: Step{signals.TERM, 3 * time.Second}, Next: signals.KILL}},
		{"TERM/3/KILL/1", 10 * time.Millisecond, &FirstWait{Step: Step{signals.TERM, 3 * time.Second}, Next: signals.KILL}},
		{"TERM/.1/KILL/1", 0, nil},
		{"KILL/3", 0, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			a := w.add(process{Stat: stat(10), handle: ignores(signals.TERM)})
			b := w.add(process{Stat: stat(11), linger: test.linger})
			o := &recorder{}
			out := carryOutWith(w, waiting(test.ladder), o, a, b)
			switch {
			case test.want == nil && len(o.firstWaits) == 0:
			case test.want == nil || len(o.firstWaits) != 1:
				t.Errorf("%s: FirstWait is called %d times", test.ladder, len(o.firstWaits))
			default:
				got := o.firstWaits[0]
				if got.Step != test.want.Step || got.Next != test.want.Next || len(got.Results) != len(out.Results) {
					t.Errorf("%s: got %+v, want %+v", test.ladder, got, test.want)
				}
			}
		})
	}
}

func TestAncestorsComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shell := w.add(process{Stat: stat(10), last: true})
		p := w.add(process{Stat: stat(11)})
		q := w.add(process{Stat: stat(12)})
		carryOut(w, waiting("TERM/3"), shell, p, q).want("0s TERM 11", "0s TERM 12", "0s TERM 10", "0s gone 11", "0s gone 12", "0s gone 10")
	})
}

func TestSkippedIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10)})
		plan := waiting("TERM/3")
		plan.Skipped = []Skip{{w.procs[1].Stat, "PID 1"}}
		carryOut(w, plan, p).want("0s skipped 1: PID 1", "0s TERM 10", "0s gone 10")
	})
}

func TestInterruptedWait(t *testing.T) {
	for _, waitOnly := range []bool{false, true} {
		bubble(t, fmt.Sprint(waitOnly), func(t *testing.T) {
			w := newWorld(t)
			p := w.add(process{Stat: stat(10), handle: ignores(signals.TERM)})
			w.after(90*time.Second, func() { w.interrupt = &signals.Interrupt{Signal: signals.INT} })
			plan := waiting("TERM/forever")
			plan.WaitOnly = waitOnly
			out := carryOut(w, plan, p)
			if i := new(signals.Interrupt); !errors.As(out.err, &i) || out.Elapsed != 90*time.Second || out.Results[0].Outcome != Survived {
				t.Errorf("%v after %v, outcome %d", out.err, out.Elapsed, out.Results[0].Outcome)
			}
		})
	}
	bubble(t, "before the first signal", func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10)})
		w.interrupt = &signals.Interrupt{Signal: signals.HUP}
		if out := carryOut(w, waiting("TERM/5"), p); out.err != w.interrupt || len(p.got) > 0 {
			t.Errorf("%v, and the target got %v", out.err, p.got)
		}
	})
	bubble(t, "a wait that fails", func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10), handle: ignores(signals.TERM)})
		w.waitErr = errors.New("cannot wait")
		if out := carryOut(w, waiting("TERM/5/KILL/5"), p); out.err != w.waitErr || len(out.Results) != 1 {
			t.Errorf("%v, %d results", out.err, len(out.Results))
		}
	})
}

// TestGoneBetweenOpenAndSignal: a target that ends before it is signalled is gone, without an error.
func TestGoneBetweenOpenAndSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10)})
		w.at[2] = p.die // call 1 opens the target
		out := carryOut(w, waiting("TERM/5/KILL/5"), p)
		out.want("0s gone 10")
		if r := out.Results[0]; r.Rung != 0 {
			t.Errorf("the result has rung %d, want 0", r.Rung)
		}
	})
}

func TestSameTargetTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10)})
		out := carryOut(w, waiting("TERM/5"), p, p)
		out.want("0s TERM 10", "0s gone 10")
		if len(out.Results) != 1 {
			t.Errorf("%d results, want 1", len(out.Results))
		}
	})
}

// TestLimitBoundsTheCall: a hook that takes longer than the limit of the call is followed by no signal.
func TestLimitBoundsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.add(process{Stat: stat(10), handle: ignores(signals.TERM)})
		w.hook = func(map[string]string) error { time.Sleep(8 * time.Second); return nil }
		plan := waiting("TERM/1/KILL/1")
		plan.Hook, plan.HookTimeout, plan.Limit = "sleep 8", 10*time.Second, 2*time.Second
		out := carryOut(w, plan, p)
		if !out.LimitReached || len(p.got) > 1 {
			t.Errorf("limit reached %v, and the target got %v", out.LimitReached, p.got)
		}
	})
}

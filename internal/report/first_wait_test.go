package report

import (
	"bytes"
	"testing"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/signals"
	"killbox/procfs"
	"killbox/procfs/procfstest"
)

func TestFirstWait(t *testing.T) {
	bit := func(s signals.Signal) uint64 { return 1 << (s - 1) }
	const rt = signals.Signal(40)
	proc := open(t,
		procfstest.Proc{PID: 10, Comm: "default"},
		procfstest.Proc{PID: 20, Comm: "ignores", Ignored: bit(signals.TERM) | bit(rt)},
		procfstest.Proc{PID: 30, Comm: "pending", Blocked: bit(signals.TERM), Pending: bit(signals.TERM)},
		procfstest.Proc{PID: 31, Comm: "taken", Blocked: bit(signals.TERM)},
		procfstest.Proc{PID: 40, Comm: "init", NSPID: []int{40, 1}},
		procfstest.Proc{PID: 41, Comm: "handles", NSPID: []int{41, 1}, Caught: bit(signals.TERM)},
		procfstest.Proc{PID: 50, Comm: "two\nlines", Ignored: bit(signals.TERM)},
	)
	// A process that handled TERM by ignoring further ones: the mask of its handlers was read when it was opened.
	handled := procfs.Stat{ID: procfs.ID{PID: 20, Start: 20}, State: 'S', Caught: uint32(bit(signals.TERM))}
	reused := procfs.Stat{ID: procfs.ID{PID: 20, Start: 19}, State: 'S'}
	wait := escalate.FirstWait{Step: escalate.Step{Signal: signals.TERM, Grace: 5 * time.Second}, Next: signals.KILL}
	group := func(w escalate.FirstWait) escalate.FirstWait { w.Groups = true; return w }
	for _, test := range []struct {
		name  string
		wait  escalate.FirstWait
		pids  []int
		stats []procfs.Stat
		want  string
	}{
		{"ignored", wait, []int{20}, nil, "TERM is ignored by 20 (ignores): KILL follows after 5s"},
		{"escaped", wait, []int{50}, nil, `TERM is ignored by 50 (two\nlines): KILL follows after 5s`},
		{"blocked", wait, []int{30}, nil, "TERM is blocked by 30 (pending): KILL follows after 5s"},
		{"both", wait, []int{30, 20, 40}, nil, "TERM is ignored or blocked by all 3 targets, such as 30 (pending): KILL follows after 5s"},
		{"init", wait, []int{40}, nil, "TERM is ignored by 40 (init), the init of a PID namespace, which has no handler for it: KILL follows after 5s"},
		{"default", wait, []int{20, 10}, nil, ""},
		{"blocked and taken", wait, []int{31}, nil, ""},
		{"init with a handler", wait, []int{41}, nil, ""},
		{"handled before", wait, nil, []procfs.Stat{handled}, ""},
		{"another process", wait, nil, []procfs.Stat{reused}, ""},
		{"vanished", wait, nil, []procfs.Stat{{ID: procfs.ID{PID: 99, Start: 1}, State: 'S'}}, ""},
		{"groups", group(wait), []int{10, 20}, nil, "TERM is ignored by every member of group 20: KILL follows after 5s"},
		{"mixed", escalate.FirstWait{Mixed: true, Step: wait.Step, Next: signals.TERM}, []int{20}, nil, "TERM is ignored by 20 (ignores): TERM to all members follows after 5s"},
		{"real-time signal", escalate.FirstWait{Step: escalate.Step{Signal: rt, Grace: time.Second}}, []int{20}, nil, "RTMIN+6 is ignored by 20 (ignores): no other signal follows"},
		{"other signal", escalate.FirstWait{Step: escalate.Step{Signal: signals.HUP}}, []int{20}, nil, ""},
		{"limit", escalate.FirstWait{Step: wait.Step, Next: signals.KILL, Limit: 3 * time.Second}, []int{20}, nil, "TERM is ignored by 20 (ignores): the call ends after 3s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := test.wait
			for _, pid := range test.pids {
				st, err := proc.Stat(pid)
				if err != nil {
					t.Fatal(err)
				}
				test.stats = append(test.stats, st)
			}
			for _, st := range test.stats {
				w.Results = append(w.Results, &escalate.Result{Target: escalate.Target{Stat: st}, Rung: 1})
			}
			// A zombie and an excluded process were sent no signal.
			w.Results = append(w.Results, &escalate.Result{Outcome: escalate.Gone}, &escalate.Result{Outcome: escalate.Refused})
			var out, err bytes.Buffer
			New(Options{Applet: "tkill", Proc: proc, Out: &out, Err: &err}).FirstWait(&w)
			want := test.want
			if want != "" {
				want = "tkill: " + want + "\n"
			}
			if err.String() != want || out.Len() > 0 {
				t.Errorf("got %q, want %q", err.String(), want)
			}
			// One target was ended by the signal.
			w.Results = append(w.Results, &escalate.Result{Target: escalate.Target{Stat: procfs.Stat{PGID: 20}}, Rung: 1, Outcome: escalate.Gone})
			err.Reset()
			New(Options{Applet: "tkill", Proc: proc, Out: &out, Err: &err}).FirstWait(&w)
			if err.Len() > 0 {
				t.Errorf("a target is gone: %q", err.String())
			}
		})
	}
}

// TestFirstWaitOfMany checks that the status of a limited number of targets is read. Of the others the masks are used
// that were read when they were opened.
func TestFirstWaitOfMany(t *testing.T) {
	proc := open(t, procfstest.Proc{PID: 20, Comm: "ignores", Ignored: 1 << (signals.TERM - 1)})
	first, err := proc.Stat(20)
	if err != nil {
		t.Fatal(err)
	}
	w := escalate.FirstWait{Step: escalate.Step{Signal: signals.TERM}}
	for range maxStatusReads {
		w.Results = append(w.Results, &escalate.Result{Target: escalate.Target{Stat: first}, Rung: 1})
	}
	unread := procfs.Stat{ID: procfs.ID{PID: 99}, Ignored: 1 << (signals.TERM - 1)}
	w.Results = append(w.Results, &escalate.Result{Target: escalate.Target{Stat: unread}, Rung: 1})
	var out bytes.Buffer
	r := New(Options{Applet: "tkill", Proc: proc, Err: &out})
	r.FirstWait(&w)
	if want := "tkill: TERM is ignored by all 101 targets, such as 20 (ignores): no other signal follows\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	out.Reset()
	w.Results[maxStatusReads].Ignored = 0
	if r.FirstWait(&w); out.Len() > 0 {
		t.Errorf("one target has the default action: %q", out.String())
	}
}

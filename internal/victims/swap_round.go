package victims

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// outcome is what became of one run of the tool.
type outcome struct {
	argv    []string
	at      int // the stop of the swap
	pid     int
	stops   int
	first   int  // the first stop at which a newcomer is not what the operand means
	swapped bool // the stop was reached
	same    bool // victim and newcomer have started in the same tick
	meant   bool // a newcomer with the number is what the operand means
	last    call // that the tool made next
	hit     string
	ended   unix.WaitStatus
	output  []byte
}

// round runs the tool once, and swaps at the stop; a young victim starts only when the tool begins to look.
func (s *swapper) round(sc *scenario, r *route, at int, young bool) outcome {
	t := &tracer{others: map[int]unix.WaitStatus{}}
	sn := &scene{scenario: sc, tracer: t}
	if sc.kin == alone || sc.kin == undying {
		sn.victim = s.free()
	}
	got := outcome{at: at}
	if sc.cgroup {
		sn.cgroup = makeCgroup()
		defer os.Remove(sn.cgroup)
	}
	sn.prepare()
	birthday := int64(now()/tick) + 2
	born := !young || sc.early
	if born {
		if young {
			tickBegins()
		}
		sn.bear()
		birthday = sn.start
	}
	if !young {
		age := int64(1)
		if sc.old {
			age = 5
		}
		for int64(now()/tick) < sn.start+age {
		}
	}
	output, err := os.CreateTemp("", "swap")
	must("output", err)
	defer output.Close()
	must("output", os.Remove(output.Name()))
	got.argv = sn.words(sc.tool, birthday)
	env := os.Environ()
	if r.env != "" {
		env = append(env, r.env)
	}
	tool := &birth{argv: got.argv, env: env, group: true, filters: r.filters, stdio: [3]int{null, int(output.Fd()), int(output.Fd())}}
	pinned, killed := false, false
	err = t.run(tool, func(c *call) {
		if got.swapped || !c.concerns(sn.victim, sn.root, sn.leader) {
			return
		}
		if !born {
			born = true
			if sc.byTick {
				for int64(now()/tick) < birthday {
				}
			} else {
				tickBegins()
			}
			sn.bear()
		}
		if sc.killed && !killed {
			if killed = c.terminates(); killed {
				must("kill", unix.Kill(t.tool, unix.SIGKILL))
			}
			return
		}
		if s.verbose && at < 0 {
			fmt.Printf("  %d %v\n", got.stops, c)
		}
		if got.stops == at {
			got.swapped, got.last = true, *c
			got.same = sn.swap()
			got.meant = !pinned && (sc.bare || sc.byTick && got.same)
		}
		got.stops++
		if !pinned && sc.bare {
			got.first = got.stops
		}
		pinned = pinned || c.pins(sn.victim)
	})
	must("trace", err)
	got.pid, got.ended = sn.number(), t.ended
	if got.swapped {
		got.hit = t.sent(got.pid)
	}
	_, _ = output.Seek(0, io.SeekStart)
	got.output, _ = io.ReadAll(output)
	sn.strike()
	if s.verbose {
		fmt.Printf("  %v young=%v swapped=%v same=%v meant=%v at %d of %d, exit %d, hit %q, %v: %q\n", got.argv, young, got.swapped, got.same, got.meant,
			at, got.stops, got.ended.ExitStatus(), got.hit, &got.last, got.output)
	}
	return got
}

// makeCgroup makes a cgroup for the victim.
func makeCgroup() string {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			dir, err := os.MkdirTemp(f[1], "swap")
			must("cgroup", err)
			return dir
		}
	}
	die(125, "swap: no cgroup v2 is mounted")
	return ""
}

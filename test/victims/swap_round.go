package victims

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// round is one run of a tool with its result.
type round struct {
	scenario *scenario
	route    *route
	at       int  // the number of the stop at which the swap is made; negative: no swap
	young    bool // the victim is started only at the first stop of the tool
	scene    *scene
	tracer   *tracer

	startTick int64 // start tick of the victim, as in the operands of the tool
	started   bool
	killed    bool // the tool has been killed (scenario.killed)
	pinned    bool // the tool has a descriptor that pins the victim
	argv      []string
	calls     []string // the calls before which the tool was stopped

	stops   int
	first   int  // the first stop at which the operand no longer refers to a newcomer as well
	swapped bool // the stop was reached, and the victim replaced
	same    bool // victim and newcomer have started in the same tick
	meant   bool // the operand refers to the newcomer as well: a signal is no fault
	last    call // the call before which the victim was replaced
	hit     string
	ended   unix.WaitStatus
	output  []byte
}

// run runs the tool once, with a swap at stop at. A young victim is started at the first stop, with the PID and
// start tick that are in the operands of the tool.
func (s *swapper) run(sc *scenario, r *route, at int, young bool) *round {
	t := &tracer{others: map[int]unix.WaitStatus{}}
	o := &round{scenario: sc, route: r, at: at, young: young, tracer: t, scene: &scene{scenario: sc, tracer: t}}
	if sc.relation == alone || sc.relation == zombieParent {
		o.scene.victim = s.freePID()
	}
	if sc.cgroup {
		o.scene.cgroup = makeCgroup()
		defer os.Remove(o.scene.cgroup)
	}
	o.scene.prepare()
	o.startTick = int64(now()/tick) + 2
	if !young || sc.early {
		o.startVictim()
	}
	o.runTool()
	if o.swapped {
		o.hit = t.sent(o.scene.number())
	}
	o.scene.killAll()
	if s.verbose {
		fmt.Printf("%q\n%+v\n", o.argv, strings.Join(o.calls, "\n"))
		fmt.Printf("young %v, swapped %v before %v, same tick %v, exit %d, hit %q: %q\n",
			young, o.swapped, &o.last, o.same, o.ended.ExitStatus(), o.hit, o.output)
	}
	return o
}

// startVictim starts the victim: a young one at the beginning of a tick, another one early enough to be older than a
// tick at the swap.
func (o *round) startVictim() {
	o.started = true
	if o.young && o.scenario.byTick {
		for int64(now()/tick) < o.startTick {
		}
	} else if o.young {
		tickBegins()
	}
	o.scene.startVictim()
	if o.young {
		return
	}
	o.startTick = o.scene.start
	age := int64(1)
	if o.scenario.old {
		age = 5
	}
	for int64(now()/tick) < o.startTick+age {
	}
}

func (o *round) runTool() {
	output := tempFile()
	defer output.Close()
	input := tempFile()
	defer input.Close()
	if o.started {
		o.startTick = o.scene.start
	}
	o.scene.file = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), input.Fd())
	_, err := input.WriteString(strings.Join(o.scene.words([]string{o.scenario.input}, o.startTick), ""))
	must("input", err)
	_, err = input.Seek(0, io.SeekStart)
	must("input", err)
	o.argv = o.scene.words(o.scenario.tool, o.startTick)
	env := os.Environ()
	if o.route.env != "" {
		env = append(env, o.route.env)
	}
	out := int(output.Fd())
	tool := &forkSpec{argv: o.argv, env: env, group: true, filters: o.route.filters, stdio: [3]int{int(input.Fd()), out, out}}
	must("trace", o.tracer.run(tool, o.stop))
	o.ended = o.tracer.ended
	_, err = output.Seek(0, io.SeekStart)
	must("output", err)
	o.output, err = io.ReadAll(output)
	must("output", err)
}

// stop is called before each watched system call of the tool. If this is stop number at, it makes the swap: the victim
// is reaped, and an unrelated process is forked with its PID.
func (o *round) stop(c *call) {
	sn := o.scene
	if o.swapped || !c.concerns(sn.victim, sn.root, sn.leader) {
		return
	}
	if !o.started {
		o.startVictim()
	}
	if o.scenario.killed && !o.killed {
		if o.killed = c.terminates(); o.killed {
			must("kill", unix.Kill(o.tracer.tool, unix.SIGKILL))
		}
		return
	}
	o.calls = append(o.calls, c.String())
	if o.stops == o.at {
		o.swapped, o.last = true, *c
		o.same = sn.swap()
		o.meant = !o.pinned && (o.scenario.bare || o.scenario.byTick && o.same)
	}
	o.stops++
	if !o.pinned && o.scenario.bare {
		o.first = o.stops
	}
	o.pinned = o.pinned || c.pins(sn.victim) || c.pins(sn.number())
}

// tempFile makes an unlinked file.
func tempFile() *os.File {
	f, err := os.CreateTemp("", "swap")
	must("temporary file", err)
	must("temporary file", os.Remove(f.Name()))
	return f
}

// makeCgroup makes a cgroup for the victim.
func makeCgroup() string {
	mount := Cgroup2()
	if mount == "" {
		die(125, "swap: no cgroup v2 is mounted")
	}
	dir, err := os.MkdirTemp(mount, "swap")
	must("cgroup", err)
	return dir
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reap measures the time until each init, as PID 1 of a namespace, has reaped thousands of orphans that exit at
// once.
func (b *bench) reap() error {
	const orphans = 5000
	under := func(init ...string) func() (float64, error) {
		return func() (float64, error) { return b.reapUnder(orphans, init) }
	}
	if _, err := lookPath(b.c("orphans")); err != nil {
		return fmt.Errorf("orphans is not built; is there a C compiler?")
	}
	b.compare(fmt.Sprintf("reap %d orphans", orphans), "ms",
		[]*arm{{name: "reapwait", measure: under(b.tool("reapwait"), "--")}},
		[]*arm{
			b.arm(atMost(1), "tini", under("tini", "--")),
			b.arm(goal{}, "catatonit", under("catatonit", "--")),
			b.arm(goal{}, "dumb-init", under("dumb-init", "--")),
		})
	return nil
}

func (b *bench) reapUnder(n int, init []string) (float64, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer from.Close()
	argv := []string{"sh", "-c", `mount -t proc proc /proc && exec "$@"`, "sh"}
	argv = append(append(argv, init...), b.c("orphans"), strconv.Itoa(n))
	p, err := b.start(command{argv: argv, stdout: to, setsid: true, flags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS})
	to.Close()
	if err != nil {
		return 0, err
	}
	line, _ := bufio.NewReader(from).ReadString('\n')
	if _, err := p.wait(0); err != nil {
		return 0, err
	}
	us, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return us / 1000, err
}

// launch measures the time from the start of each init until the first instruction of its command: reapwait as a pair
// of processes and as one.
func (b *bench) launch() error {
	const calls = 20
	under := func(init ...string) func() (float64, error) {
		return func() (float64, error) {
			times := make([]float64, calls)
			for i := range times {
				var err error
				if times[i], err = b.launchUnder(init); err != nil {
					return 0, err
				}
			}
			return median(times), nil
		}
	}
	if _, err := lookPath(b.c("firstclock")); err != nil {
		return fmt.Errorf("firstclock is not built; is there a C compiler?")
	}
	for _, variant := range []struct {
		name string
		argv []string
		most float64
	}{
		{"as one process", []string{b.tool("reapwait"), "--no-pair", "--"}, 2.3},
		{"as a pair", []string{b.tool("reapwait"), "--"}, 4},
	} {
		b.compare("start to the command's first instruction, "+variant.name, "ms",
			[]*arm{{name: "reapwait", measure: under(variant.argv...)}},
			[]*arm{b.arm(atMost(variant.most), "tini", under("tini", "-s", "--"))})
	}
	return nil
}

// launchUnder returns the milliseconds from the start of the init until the first instruction of its command.
func (b *bench) launchUnder(init []string) (float64, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer from.Close()
	var began unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &began); err != nil {
		return 0, err
	}
	p, err := b.start(command{argv: append(init[:len(init):len(init)], b.c("firstclock")), stdout: to})
	to.Close()
	if err != nil {
		return 0, err
	}
	line, _ := bufio.NewReader(from).ReadString('\n')
	if _, err := p.wait(0); err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return float64(ns-began.Nano()) / 1e6, err
}

// idle measures inits that wait for a sleeping command, several of each init at the same time.
func (b *bench) idle() error {
	const each, watch = 3, 10 * time.Second
	inits := map[string][]string{
		"reapwait":  {b.tool("reapwait"), "--"},
		"tini":      {"tini", "-s", "--"},
		"catatonit": {"catatonit", "--"},
		"dumb-init": {"dumb-init", "--"},
	}
	// Switch huge pages off for this process and the inits, which inherit the setting: a huge page counts as resident
	// as a whole, even if little of it is used.
	if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_THP_DISABLE): %w", err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_THP_DISABLE, 0, 0, 0, 0) }()
	private, wakeups := map[string]*Figure{}, map[string]*Figure{}
	pids := map[string][]int{}
	for name, argv := range inits {
		if _, err := lookPath(argv[0]); err != nil {
			continue
		}
		for range each {
			// catatonit runs only as PID 1, so each init gets a PID namespace of its own.
			p, err := b.start(command{argv: append(argv, "sleep", "60"), flags: syscall.CLONE_NEWPID})
			if err != nil {
				return err
			}
			pids[name] = append(pids[name], p.pid)
		}
	}
	time.Sleep(3 * time.Second)
	before := map[int]int64{}
	for _, list := range pids {
		for _, pid := range list {
			before[pid] = switchesOf(pid)
		}
	}
	time.Sleep(watch)
	for name, list := range pids {
		private[name] = &Figure{Name: name, Unit: "MB"}
		wakeups[name] = &Figure{Name: name}
		for _, pid := range list {
			kb := statusField(fmt.Sprintf("/proc/%d/status", pid), "RssAnon")
			if kb == 0 {
				return fmt.Errorf("%s did not stay", name)
			}
			private[name].Rounds = append(private[name].Rounds, float64(kb)/1024)
			wakeups[name].Rounds = append(wakeups[name].Rounds, float64(switchesOf(pid)-before[pid]))
		}
		private[name].Median = median(private[name].Rounds)
		wakeups[name].Median = median(wakeups[name].Rounds)
	}
	b.idleLines("reapwait idle: private memory", below(1.2), private)
	b.idleLines("reapwait idle: context switches in 10 s", below(0), wakeups)
	return nil
}

func (b *bench) idleLines(work string, g goal, figures map[string]*Figure) {
	us := figures["reapwait"]
	l := Line{Work: work, Us: us}
	l.judge(g, us.Median)
	b.add(l)
	for _, name := range []string{"tini", "catatonit", "dumb-init"} {
		f := figures[name]
		switch {
		case f == nil:
			b.add(Line{Work: work, Us: us, Note: name + ": not installed", Verdict: "absent"})
		case f.Median == 0:
			b.add(Line{Work: work, Us: us, Peer: f})
		default:
			b.add(Line{Work: work, Us: us, Peer: f, Ratio: us.Median / f.Median})
		}
	}
}

func (b *bench) size() error {
	st, err := os.Stat(filepath.Join(b.bin, "killbox"))
	if err != nil {
		return err
	}
	mb := float64(st.Size()) / 1e6
	l := Line{Work: "the binary, all applets", Us: &Figure{Name: "killbox", Unit: "MB", Median: mb, Rounds: []float64{mb}}}
	l.judge(below(4.5), mb)
	b.add(l)
	return nil
}

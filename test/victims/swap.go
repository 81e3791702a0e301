package victims

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// route is one way in which the tool refers to processes in system calls: with pidfds, or without some of their
// calls.
type route struct {
	name   string
	pidfds bool
	env    string
	// unowned: a group cannot be pinned either, as before Linux 5.12. unopened: there are no pidfd inodes, by which
	// the guardian could identify a process.
	unowned, unopened bool
	filters           [][]unix.SockFilter
}

func routes() []route {
	refused := func(errno unix.Errno, calls ...uint32) [][]unix.SockFilter {
		return [][]unix.SockFilter{answer(unix.SECCOMP_RET_ERRNO|uint32(errno), calls)}
	}
	return []route{
		{name: "pidfd", pidfds: true},
		{name: "NO_PIDFD", env: "KILLBOX_NO_PIDFD=1", unowned: true, unopened: true},
		{name: "ENOSYS", unopened: true, filters: refused(unix.ENOSYS, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL)},
		{name: "EPERM", unopened: true, filters: refused(unix.EPERM, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL)},
		{name: "no send", filters: refused(unix.EPERM, unix.SYS_PIDFD_SEND_SIGNAL)},
	}
}

// The program of the victims, and a descriptor of /dev/null.
var (
	prey string
	null int
)

// tries is how often a swap within one clock tick is attempted.
const tries = 4

// swapper chooses the stops, and counts the signals that newcomers are sent. A stop is a system call before which
// the tool is stopped. A newcomer is the process that replaces the victim.
type swapper struct {
	swaps        int // number for each scenario on each route
	seed         uint64
	needs        string
	wanted, ways *regexp.Regexp // scenarios and routes to run
	verbose      bool
	random       *rand.Rand
	next         int // freePID has tried the PIDs from here on
	failed       bool
	total        tally
}

const swapUsage = "usage: ns swap [-n SWAPS] [-seed N] [-needs CONDITION] [-routes REGEXP] [-v] REGEXP"

// Swap is `swap REGEXP`, run under `ns` as root. For each scenario whose name matches, on each route, it runs the
// tool repeatedly. In each run it replaces the victim by an unrelated process with the same PID, before one of the
// system calls of the tool. It prints a line for each scenario and route, and fails if a newcomer has been sent a
// signal.
//
// There are two kinds of swap: the victim is older than a clock tick, or newcomer and victim have started in the
// same tick, so that PID and start time are equal. Without pidfds, a race remains between the last check of a
// process and kill(2): a newcomer that is signalled because of this race is counted under "window" and is no failure.
func Swap() {
	runtime.LockOSThread()
	s := parseSwap()
	null = devNull()
	dir := makePrey()
	// A clock tick lasts 10 ms: run tool and victim fast enough for a swap within one.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -15)
	fmt.Printf("swap -n %d -seed %d\n", s.swaps, s.seed)
	fmt.Printf("%-36s %-9s %5s %5s %5s %5s %6s\n", "scenario", "route", "stops", "swaps", "tick", "hits", "window")
	for i := range scenarios {
		if sc := &scenarios[i]; s.wanted.MatchString(sc.name) && sc.needs() == s.needs {
			s.play(sc)
		}
	}
	s.total.print("total", "")
	must("remove", os.RemoveAll(dir))
	if s.failed || s.total.swaps == 0 {
		os.Exit(1)
	}
}

func parseSwap() *swapper {
	s := &swapper{}
	var ways string
	flag.IntVar(&s.swaps, "n", 3, "swaps of each scenario on each route, times KILLBOX_TEST_FACTOR")
	flag.StringVar(&s.needs, "needs", "", "take the scenarios that need this condition of the scripts, not those that need none")
	flag.Uint64Var(&s.seed, "seed", uint64(now()), "choose the stops by this number")
	flag.BoolVar(&s.verbose, "v", false, "show the system calls of each run")
	flag.StringVar(&ways, "routes", "", "take the routes whose names match")
	flag.Parse()
	if flag.NArg() != 1 || comm(1) != "ns" {
		die(2, swapUsage)
	}
	var err error
	s.wanted, err = regexp.Compile(flag.Arg(0))
	must("scenarios", err)
	s.ways, err = regexp.Compile(ways)
	must("routes", err)
	if factor, err := strconv.Atoi(os.Getenv("KILLBOX_TEST_FACTOR")); err == nil {
		s.swaps *= factor
	}
	s.random = rand.New(rand.NewPCG(s.seed, 0))
	return s
}

// makePrey installs a copy of sleep(1) named prey, and the script prey.sh, in a new folder at the end of PATH, and
// returns the folder.
func makePrey() string {
	dir, err := os.MkdirTemp("", "swap")
	must("mkdir", err)
	sleep, err := exec.LookPath("sleep")
	must("sleep", err)
	data, err := os.ReadFile(sleep)
	must("sleep", err)
	must("chmod", os.Chmod(dir, 0o755))
	prey = filepath.Join(dir, "prey")
	must("prey", os.WriteFile(prey, data, 0o755))
	// The script waits without a child, for input that never comes.
	must("fifo", unix.Mkfifo(prey+".fifo", 0o600))
	must("script", os.WriteFile(prey+".sh", []byte("exec 3<>\""+prey+".fifo\"\nread -r line <&3\n"), 0o644))
	must("PATH", os.Setenv("PATH", os.Getenv("PATH")+":"+dir))
	return dir
}

// freePID returns a PID that is free and was not used for a recent victim. It counts down, because the kernel
// allocates upwards.
func (s *swapper) freePID() int {
	const lowest = 1000
	for {
		s.next--
		if s.next < lowest {
			data, err := os.ReadFile("/proc/sys/kernel/pid_max")
			must("pid_max", err)
			s.next, err = strconv.Atoi(strings.TrimSpace(string(data)))
			must("pid_max", err)
			s.next--
		}
		if unix.Kill(s.next, 0) == unix.ESRCH && unix.Kill(-s.next, 0) == unix.ESRCH {
			return s.next
		}
	}
}

// play counts the stops of the tool with pidfds and without them, and makes the swaps on each route.
func (s *swapper) play(sc *scenario) {
	counted := map[bool]*round{}
	for _, r := range routes() {
		if !s.ways.MatchString(r.name) || sc.inode && !r.pidfds {
			continue
		}
		if counted[r.pidfds] == nil {
			counted[r.pidfds] = s.run(sc, &r, -1, false)
		}
		sum := s.makeSwaps(counted[r.pidfds], &r)
		sum.print(sc.name, r.name)
		s.total.add(sum)
	}
}

// makeSwaps makes the swaps of a scenario on a route: at evenly spaced stops, or, if there are fewer stops than swaps,
// at every stop in turn.
func (s *swapper) makeSwaps(count *round, r *route) (sum tally) {
	sc := count.scenario
	stops := count.stops - count.first
	sum.stops = stops
	if stops <= 0 {
		s.fail(count, fmt.Sprintf("the tool does not look for the victim: %q", count.output))
		return sum
	}
	offset := s.random.IntN(stops)
	for k := range s.swaps {
		at := k
		if s.swaps < stops {
			at = k * stops / s.swaps
		}
		at = count.first + (at+offset)%stops
		// One victim in three is older. k/stops, the number of the pass over the stops, shifts which: otherwise,
		// if stops is a multiple of 3, the same stops have the older victims in every pass. (If stops%3 is 2, they
		// still do.)
		young := (k+k/stops)%3 > 0 && !sc.old && !sc.leader
		got := s.run(sc, r, at, young)
		for try := 1; try < tries && young && got.swapped && !got.same && got.hit == ""; try++ {
			got = s.run(sc, r, at, young)
		}
		s.judge(got, &sum)
	}
	return sum
}

func (s *swapper) judge(got *round, sum *tally) {
	if got.ended.Signaled() && !got.scenario.killed || got.ended.ExitStatus() == 2 {
		s.fail(got, fmt.Sprintf("the tool has failed: %q", got.output))
	}
	if !got.swapped || got.meant {
		return
	}
	sum.swaps++
	if got.same {
		sum.tick++
	}
	switch {
	case got.hit == "":
	case got.hit == got.last.sends(got.scene.number()) && (!got.route.pidfds || got.scenario.number),
		got.scenario.number && got.route.unowned,
		got.scenario.killed && got.same && got.route.unopened:
		sum.window++
	default:
		sum.hits++
		s.fail(got, "hit by "+got.hit)
	}
}

func (s *swapper) fail(got *round, why string) {
	s.failed = true
	tick := ""
	if got.same {
		tick = ", same tick"
	}
	fmt.Printf("FAIL %s, %s: %s: stop %d, before %v%s: %s\n",
		got.scenario.name, got.route.name, strings.Join(got.argv, " "), got.at, &got.last, tick, why)
}

// tally contains the counts of a scenario on a route.
type tally struct{ stops, swaps, tick, hits, window int }

func (t *tally) add(o tally) {
	t.stops += o.stops
	t.swaps += o.swaps
	t.tick += o.tick
	t.hits += o.hits
	t.window += o.window
}

func (t *tally) print(name, route string) {
	fmt.Printf("%-36s %-9s %5d %5d %5d %5d %6d\n", name, route, t.stops, t.swaps, t.tick, t.hits, t.window)
}

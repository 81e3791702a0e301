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

// route is a way by which the tool names processes to the kernel.
type route struct {
	name   string
	pidfds bool
	env    string
	// unowned: a group cannot be pinned either, as before Linux 5.12. unopened: there are no inodes by which the
	// guardian could know a process.
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

// tries is how often a swap is tried until it is made within one tick.
const tries = 4

// swapper chooses the stops, and counts what becomes of the newcomers.
type swapper struct {
	swaps        int // of each scenario on each route
	seed         uint64
	needs        string
	wanted, ways *regexp.Regexp // scenarios, routes
	verbose      bool
	random       *rand.Rand
	next         int // PIDs from here on have been tried by freePID
	failed       bool
	total        tally
}

const swapUsage = "usage: ns swap [-n SWAPS] [-seed N] [-needs CONDITION] [-routes REGEXP] [-v] REGEXP"

// Swap is `swap REGEXP`, under `ns` as root. For each scenario whose name matches, on each route, it runs the tool again and
// again, and each time replaces the victim by an unrelated process with its PID, before another system call of the tool. It
// prints a line for each, and fails if a newcomer has been sent a signal.
//
// Two kinds of swap are made: the victim is older than a clock tick, or newcomer and victim have started in the same tick,
// so that PID and start time are equal. Without pidfds nothing closes the window between the last check of a process and
// kill(2): a hit there is counted, under "window", and is no failure.
func Swap() {
	runtime.LockOSThread()
	s := parseSwap()
	null = devNull()
	dir := makePrey()
	// A tick is short: tool and victim must be fast for a swap within one.
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

// makePrey puts a copy of sleep under the name of prey into PATH, and returns its directory.
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
	must("PATH", os.Setenv("PATH", os.Getenv("PATH")+":"+dir))
	return dir
}

// freePID returns a PID that is not in use and was not a victim's lately. It counts down, because the kernel allocates
// upwards.
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

// play counts the stops of the tool with pidfds and without, and swaps on each route.
func (s *swapper) play(sc *scenario) {
	counted := map[bool]*round{}
	for _, r := range routes() {
		if !s.ways.MatchString(r.name) || sc.inode && !r.pidfds {
			continue
		}
		if counted[r.pidfds] == nil {
			counted[r.pidfds] = s.run(sc, &r, -1, false)
		}
		sum := s.cover(counted[r.pidfds], &r)
		sum.print(sc.name, r.name)
		s.total.add(sum)
	}
}

// cover makes the swaps of a scenario on a route: at evenly spread stops, or, if there are fewer stops than swaps, at each
// in turn.
func (s *swapper) cover(count *round, r *route) (sum tally) {
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
		// k/stops makes other swaps young in the next turn over all stops.
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

// tally is what has been counted of a scenario on a route.
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

package victims

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
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
	name    string
	pidfds  bool
	env     string
	filters [][]unix.SockFilter
}

func routes() []route {
	refused := func(errno unix.Errno, calls ...uint32) [][]unix.SockFilter {
		return [][]unix.SockFilter{answer(unix.SECCOMP_RET_ERRNO|uint32(errno), calls)}
	}
	return []route{
		{name: "pidfd", pidfds: true},
		{name: "NO_PIDFD", env: "KILLBOX_NO_PIDFD=1"},
		{name: "ENOSYS", filters: refused(unix.ENOSYS, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL)},
		{name: "EPERM", filters: refused(unix.EPERM, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL)},
		{name: "no send", filters: refused(unix.EPERM, unix.SYS_PIDFD_SEND_SIGNAL)},
	}
}

// The program of the victims, and a descriptor of /dev/null.
var (
	prey string
	null int
)

// tries is how often a swap is to be made within one tick.
const tries = 4

// swapper counts what it has done.
type swapper struct {
	verbose bool
	next    int // no PID from here on has been a victim's
	failed  bool
}

// Swap is `swap [-n SWAPS] [-v] [-routes REGEXP] REGEXP`: for each scenario whose name matches, on each route, it runs the tool
// again and again, and each time replaces the victim by an unrelated process with its PID at another system call. It prints a line
// for each, and fails if a newcomer has been signalled where that can be avoided. To be run under `ns` as root.
func Swap() {
	runtime.LockOSThread()
	n := flag.Int("n", 8, "swaps of each scenario on each route")
	verbose := flag.Bool("v", false, "tell each swap")
	list := flag.String("routes", "", "the routes whose names match")
	flag.Parse()
	if flag.NArg() != 1 || comm(1) != "ns" {
		die(2, "usage: ns swap [-n SWAPS] [-v] [-routes REGEXP] REGEXP")
	}
	wanted, err := regexp.Compile(flag.Arg(0))
	must("scenarios", err)
	wantedRoutes, err := regexp.Compile(*list)
	must("routes", err)
	null = devNull()
	// The tool and the victim have to be fast, for a tick is short.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -15)
	s := &swapper{verbose: *verbose}
	makePrey()
	total := tally{}
	fmt.Printf("%-36s %-9s %5s %5s %5s %5s %5s\n", "scenario", "route", "stops", "swaps", "tick", "hits", "inher")
	for i := range scenarios {
		sc := &scenarios[i]
		if !wanted.MatchString(sc.name) {
			continue
		}
		counted := map[bool]*outcome{} // with pidfds, and without
		for _, r := range routes() {
			if !wantedRoutes.MatchString(r.name) || sc.inode && !r.pidfds {
				continue
			}
			if counted[r.pidfds] == nil {
				count := s.round(sc, &r, -1, false)
				counted[r.pidfds] = &count
			}
			sum := s.cover(sc, &r, counted[r.pidfds], *n)
			sum.print(sc.name, r.name)
			total.add(sum)
		}
	}
	total.print("total", "")
	if s.failed || total.swaps == 0 {
		os.Exit(1)
	}
}

// free returns a PID that is not in use and was not the one of a victim lately: from above, for the kernel allocates from below.
func (s *swapper) free() int {
	for {
		s.next--
		if s.next < 1000 {
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

// makePrey puts a copy of sleep under the name of prey into PATH.
func makePrey() {
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
}

// tally is what has been seen of a scenario on a route.
type tally struct{ stops, swaps, tick, hits, inherent int }

func (t *tally) add(o tally) {
	t.stops += o.stops
	t.swaps += o.swaps
	t.tick += o.tick
	t.hits += o.hits
	t.inherent += o.inherent
}

func (t *tally) print(name, route string) {
	fmt.Printf("%-36s %-9s %5d %5d %5d %5d %5d\n", name, route, t.stops, t.swaps, t.tick, t.hits, t.inherent)
}

// cover swaps at n of the stops that were counted, evenly spread; at all of them if they are fewer, and again.
func (s *swapper) cover(sc *scenario, r *route, count *outcome, n int) (sum tally) {
	stops := count.stops - count.first
	sum.stops = stops
	if stops <= 0 {
		s.fail(sc, r, count, "the tool does not look for the victim")
		return sum
	}
	hash := fnv.New32()
	_, _ = io.WriteString(hash, sc.name+r.name)
	offset := int(hash.Sum32() % 1000)
	for k := range n {
		at := count.first + (k*stops/min(n, stops)+offset)%stops
		if n >= stops {
			at = count.first + k/2%stops
		}
		young := k%2 == 1 && !sc.old && !sc.leader
		got := s.round(sc, r, at, young)
		for try := 1; try < tries && young && got.swapped && !got.same && got.hit == ""; try++ {
			got = s.round(sc, r, at, young)
		}
		s.judge(sc, r, &got, &sum)
	}
	return sum
}

func (s *swapper) judge(sc *scenario, r *route, got *outcome, sum *tally) {
	if got.ended.Signaled() && !sc.killed || got.ended.ExitStatus() == 2 {
		s.fail(sc, r, got, "the tool has failed: "+string(bytes.TrimSpace(got.output)))
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
	case got.last.sends(got.pid) == got.hit && !r.pidfds:
		sum.inherent++
	default:
		sum.hits++
		s.fail(sc, r, got, "hit by "+got.hit)
	}
}

func (s *swapper) fail(sc *scenario, r *route, got *outcome, why string) {
	s.failed = true
	tick := ""
	if got.same {
		tick = ", same tick"
	}
	fmt.Printf("FAIL %s, %s: stop %d of %s, before %v%s: %s\n", sc.name, r.name, got.at, strings.Join(got.argv, " "), &got.last, tick, why)
}

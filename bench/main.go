// Bench measures killbox against the usual tools, and against C programs that make only the necessary system calls.
// All are measured in turns, in a PID namespace of its own. Bench installs nothing; a peer that is not installed is
// listed as absent. `make bench` builds what it needs and calls it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
)

// outsideVar is the environment variable that tells the inner call the PID namespace of the outer call. The inner call
// refuses to run in that namespace.
const outsideVar = "BENCH_OUTSIDE"

// limitVar is the environment variable that tells the inner call the PID limit of the outer call. A new namespace can
// show a larger limit of its own (Linux 6.14), but the limit outside still applies.
const limitVar = "BENCH_PID_LIMIT"

type config struct {
	rounds   int
	calls    int
	max      int
	grow     int
	reaped   int
	bin, out string
	rows     *regexp.Regexp
}

func main() {
	var c config
	flag.IntVar(&c.rounds, "rounds", 10, "measure each row `N` times")
	flag.IntVar(&c.calls, "calls", 50, "call tkill `N` times in each row doubts-*")
	flag.IntVar(&c.max, "max", 8000, "with at most `N` processes")
	flag.IntVar(&c.grow, "grow", 0, "let growth go up to `N` processes; the PID limit, less a little, by default")
	flag.IntVar(&c.reaped, "reaped", 20000, "measure memory after `N` orphans")
	flag.StringVar(&c.bin, "bin", "bin", "`directory` of killbox and its links")
	flag.StringVar(&c.out, "out", "bench/out", "`directory` of the C programs, and of the JSON and the plot")
	rows := flag.String("rows", "", "only rows whose name matches `REGEXP`")
	flag.Parse()
	if err := run(&c, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(c *config, rows string) error {
	if flag.NArg() != 0 || c.rounds < 1 || c.calls < 1 || c.max < 1000 {
		return errors.New("no operands, at least one round and one call, and at least 1000 processes")
	}
	var err error
	if c.rows, err = regexp.Compile(rows); err != nil {
		return err
	}
	for _, dir := range []*string{&c.bin, &c.out} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return err
		}
	}
	outside, inner := os.LookupEnv(outsideVar)
	if !inner {
		return enter()
	}
	// Bench ends processes by kill(-1), so make sure that this is the new namespace.
	if here, err := os.Readlink("/proc/self/ns/pid"); err != nil || here == outside || os.Getpid() != 1 {
		return fmt.Errorf("not in a PID namespace of its own (%v)", err)
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make / private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	os.Unsetenv(outsideVar)
	return newBench(c).measureRows()
}

// enter runs this program again, as PID 1 of a namespace that ends with the inner call.
func enter() error {
	// PR_SET_PDEATHSIG takes effect when the thread that forked exits, not the process.
	runtime.LockOSThread()
	outside, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return err
	}
	attr := &os.ProcAttr{
		Env:   append(os.Environ(), outsideVar+"="+outside, limitVar+"="+oneLine("/proc/sys/kernel/pid_max")),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
			Pdeathsig:  syscall.SIGKILL,
		},
	}
	if os.Geteuid() != 0 {
		attr.Sys.Cloneflags |= syscall.CLONE_NEWUSER
		attr.Sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.Sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	// Inside, before /proc is mounted, /proc/self/exe does not name this program; its path does.
	self, err := os.Executable()
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	p, err := os.StartProcess(self, os.Args, attr)
	if err != nil {
		return fmt.Errorf("a PID namespace: %w", err)
	}
	go func() {
		<-stop
		_ = p.Kill()
	}()
	state, err := p.Wait()
	if err != nil {
		return err
	}
	removeCgroups()
	if !state.Success() {
		return fmt.Errorf("inside the namespace: %v", state)
	}
	return nil
}

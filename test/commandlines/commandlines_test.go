package commandlines

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"killbox/test/harness"

	"golang.org/x/sys/unix"
)

var (
	count   = flag.Int("n", 50, "command lines for each applet")
	seed    = flag.Uint64("seed", 1, "the seed of the command lines")
	from    = flag.Int("from", 0, "the number of the first command line")
	only    = flag.String("applets", "", "names of applets, separated by commas; else all")
	verbose = flag.Bool("show", false, "print each command line")
	peers   = flag.Bool("peers", false, "print the command lines that a drop-in accepts and the installed original refuses, or the reverse")
	workers = flag.Int("workers", 4, "namespaces at the same time")
)

// portion is the number of command lines in a namespace.
const portion = 500

// initName is argument 0 of PID 1 of a namespace.
const initName = "commandlines-init"

func TestMain(m *testing.M) {
	if os.Args[0] == initName {
		runInit()
	}
	harness.Main(m)
}

// TestCommandLines runs random command lines of each applet in PID namespaces, judges each one, and prints how many
// there were. With the same flags after -args it makes the same command lines, except for PIDs and start times.
func TestCommandLines(t *testing.T) {
	harness.NeedNamespace(t)
	if os.Geteuid() != 0 {
		harness.Skip(t, "not root: processes of several users are needed")
	}
	bin := harness.Install(t)
	tools := make(map[string]string)
	for _, tool := range []string{"sh", "sleep"} {
		path, err := exec.LookPath(tool)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		tools[tool] = path
	}
	table, err := readTable(filepath.Join(bin, "killbox"))
	if err != nil {
		t.Fatal(err)
	}
	if c := table["waitpid"]; !slices.Equal(c.operands, []string{"process"}) || c.shorthand {
		t.Fatalf("the table of waitpid, the last applet: %+v", c)
	}
	var names []string
	for name := range table {
		names = append(names, name)
	}
	slices.Sort(names)
	run := names
	if *only != "" {
		run = strings.Split(*only, ",")
	}
	jobs := make(chan task)
	results := make(map[string]*tally)
	var lock sync.Mutex
	var all sync.WaitGroup
	for range *workers {
		all.Go(func() {
			for job := range jobs {
				report, err := job.inNamespace()
				lock.Lock()
				if err != nil {
					t.Errorf("%s, lines %d to %d: %v", job.Applet, job.From, job.To, err)
				} else {
					results[job.Applet].add(report)
					for _, line := range report.Differ {
						fmt.Println("DIFFERS", line)
					}
					for _, promise := range report.Broken {
						t.Error(promise)
					}
				}
				lock.Unlock()
			}
		})
	}
	for _, applet := range run {
		lock.Lock()
		results[applet] = new(tally)
		lock.Unlock()
		for at := *from; at < *from+*count; at += portion {
			jobs <- task{
				Applet: applet, Seed: *seed, From: at, To: min(at+portion, *from+*count), Bin: bin,
				Shell: tools["sh"], Sleep: tools["sleep"], Applets: names, Verbose: *verbose, Peers: originals(),
			}
		}
	}
	close(jobs)
	all.Wait()
	fmt.Printf("seed %d\n%-12s %8s %8s %8s %8s %8s %8s %8s %8s\n", *seed,
		"applet", "lines", "usage", "done", "failed", "TERM", "narrow", "dry", "broken")
	for _, applet := range run {
		r := results[applet]
		fmt.Printf("%-12s %8d %8d %8d %8d %8d %8d %8d %8d\n", applet,
			r.Lines, r.Usage, r.Done, r.Failed, r.Terminated, r.Narrow, r.Dry, len(r.Broken))
	}
}

// originals returns the paths of the originals that say by their exit status or message that they refuse a command
// line.
func originals() map[string]string {
	paths := make(map[string]string)
	for _, name := range []string{"pgrep", "pkill", "pidwait", "timeout", "tini", "killall"} {
		if path, err := exec.LookPath(name); err == nil && *peers {
			paths[name] = path
		}
	}
	return paths
}

func (report *tally) add(other *tally) {
	report.Lines += other.Lines
	report.Usage += other.Usage
	report.Done += other.Done
	report.Failed += other.Failed
	report.Terminated += other.Terminated
	report.Narrow += other.Narrow
	report.Dry += other.Dry
	report.Broken = append(report.Broken, other.Broken...)
}

// inNamespace carries out the job in a PID, mount and network namespace of its own.
func (job *task) inNamespace() (*tally, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Not t.TempDir: its parent is not accessible to other users.
	if job.Dir, err = os.MkdirTemp("", "commandlines"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(job.Dir)
	if err := os.Chmod(job.Dir, 0o755); err != nil {
		return nil, err
	}
	text, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := &exec.Cmd{
		Path: self, Args: []string{initName, string(text)}, Env: append(os.Environ(), "TMPDIR="+job.Dir),
		Stdout: &stdout, Stderr: &stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
			Pdeathsig:  syscall.SIGKILL,
			Setsid:     true,
		},
	}
	timer := time.AfterFunc(20*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := errors.Join(startBlocked(cmd), cmd.Wait()); err != nil {
		return nil, fmt.Errorf("%w: %.3000s", err, &stderr)
	}
	os.Stderr.Write(stderr.Bytes())
	report := new(tally)
	return report, json.Unmarshal(stdout.Bytes(), report)
}

// startBlocked starts the command with all signals blocked: see received.
func startBlocked(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	set, old := allSignals(), unix.Sigset_t{}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &set, &old); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
}

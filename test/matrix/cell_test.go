package matrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience limits how long a call may take, and how long a cell waits for a change in the scene. A call that takes
// longer hangs.
const patience = 60 * time.Second

// outcome is what a call has done. The times at which the tree is in these states are after the end of the call.
type outcome struct {
	Status int
	Hangs  bool
	Fates  map[string]string // of root, deaf and leaf: alive, gone, stopped, or none if the applet has not started it
	Other  string            // the fate of the bystander
	Left   []string          // the names of other processes that the call has left behind
	Out    string            // standard output, with the words of the tree in place of their PIDs, sorted
	Err    string            // standard error
	PIDs   map[string]int    // of the tree
}

// cells is `cells BIN ENVIRONMENT FAULTS ROW`, in a PID namespace of its own: it runs a call in the mode EMFILE, if
// that is FAULTS, or else in all other modes, and prints the outcomes by mode, as JSON.
func cells() {
	if comm, err := os.ReadFile("/proc/1/comm"); must(err) && string(comm) != "ns\n" {
		must(errors.New("not under ns"))
	}
	row, err := strconv.Atoi(os.Args[4])
	must(err)
	outcomes := map[string][]outcome{}
	for _, mode := range modes {
		limits, few := []uint64{0}, mode.name == "EMFILE"
		if few != (os.Args[3] == "EMFILE") {
			continue
		}
		if few {
			limits = fewDescriptors
		}
		for _, limit := range limits {
			c := cell{bin: os.Args[1], environment: os.Args[2], call: calls[row], mode: mode.name, limit: limit}
			outcomes[mode.name] = append(outcomes[mode.name], c.run())
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(outcomes))
}

// cell is a call in an environment and a mode.
type cell struct {
	bin, environment, mode string
	call                   call
	limit                  uint64

	pids      map[string]int
	bystander int
	applet    *exec.Cmd
	exited    chan struct{}
}

// run makes the scene, calls the applet, and removes the scene.
func (c *cell) run() outcome {
	bystander := c.member("bystander", "leaf", nil)
	c.bystander, c.pids = bystander["leaf"], map[string]int{}
	commanded := slices.Contains(c.call.args, "command")
	if !commanded {
		c.pids = c.member("member", "root", &syscall.SysProcAttr{Setsid: true})
	}
	var out, errs bytes.Buffer
	args := []string{c.environment, c.mode, strconv.FormatUint(c.limit, 10), c.bin, c.call.name}
	c.applet = exec.Command("enter", append(args, c.arguments()...)...)
	c.applet.SysProcAttr = attributes(c.environment)
	c.applet.Stdout, c.applet.Stderr = &out, &errs
	c.applet.WaitDelay = time.Second // a member that the applet has started may hold standard output
	input, err := c.applet.StdinPipe()
	must(err)
	ready, err := c.start(c.applet)
	must(err)
	c.exited = make(chan struct{})
	go func() {
		_ = c.applet.Wait()
		close(c.exited)
	}()
	if commanded {
		c.pids = readPIDs(ready)
	}
	input.Close()
	if c.call.alarm && len(c.pids) > 0 {
		_ = c.applet.Process.Signal(syscall.SIGALRM)
	}
	if c.call.ends {
		c.endTree()
	}
	o := outcome{PIDs: c.pids}
	select {
	case <-c.exited:
	case <-time.After(patience):
		o.Hangs = true
		must(c.applet.Process.Kill())
		<-c.exited
	}
	o.Status = status(c.applet.ProcessState.Sys().(syscall.WaitStatus))
	o.Fates = map[string]string{}
	for _, name := range []string{"root", "deaf", "leaf"} {
		o.Fates[name] = fate(c.pids[name])
	}
	o.Other, o.Left = fate(c.bystander), c.left()
	o.Out, o.Err = c.words(out.String()), errs.String()
	c.cleanUp()
	return o
}

// start starts a command that has the writing end of a pipe as descriptor 3, and returns the other end.
func (c *cell) start(cmd *exec.Cmd) (io.Reader, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	cmd.ExtraFiles = []*os.File{w}
	return r, cmd.Start()
}

// member starts a member of the scene under that name, and returns the PIDs by word.
func (c *cell) member(name, role string, attr *syscall.SysProcAttr) map[string]int {
	cmd := exec.Command(filepath.Join(c.bin, name), role)
	cmd.Stderr, cmd.SysProcAttr = os.Stderr, attr
	if attr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	if ordinary(c.environment) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	ready, err := c.start(cmd)
	must(err)
	go func() { _ = cmd.Wait() }()
	pids := readPIDs(ready)
	if pids[role] != cmd.Process.Pid {
		must(errors.New(role + " has not started"))
	}
	return pids
}

// readPIDs reads the lines of the members until the last one has closed the pipe, or has said that it is ready.
func readPIDs(ready io.Reader) map[string]int {
	pids, text := map[string]int{}, ""
	buffer := make([]byte, 256)
	for {
		n, err := ready.Read(buffer)
		text += string(buffer[:n])
		for line := range strings.Lines(text) {
			role, pid, _ := strings.Cut(strings.TrimSpace(line), " ")
			if number, err := strconv.Atoi(pid); err == nil && strings.HasSuffix(line, "\n") {
				pids[role] = number
			}
		}
		if pids["leaf"] != 0 || err != nil {
			return pids
		}
	}
}

func (c *cell) arguments() []string {
	var args []string
	for _, arg := range c.call.args {
		switch arg {
		case "root", "deaf", "leaf":
			args = append(args, strconv.Itoa(c.pids[arg]))
		case "group":
			args = append(args, strconv.Itoa(c.pids["root"])) // it leads a session, and so a group
		case "command":
			args = append(args, filepath.Join(folder(c.environment, c.bin), "member"), "root")
		default:
			args = append(args, arg)
		}
	}
	return args
}

// words replaces the PIDs of the tree in the output of a call by their words, and sorts them.
func (c *cell) words(out string) string {
	fields := strings.Fields(out)
	for i, field := range fields {
		for word, pid := range c.pids {
			if field == strconv.Itoa(pid) {
				fields[i] = word
			}
		}
	}
	slices.Sort(fields)
	return strings.Join(fields, " ")
}

// endTree sends KILL to the tree as soon as the applet waits for it, unless the applet exits before.
func (c *cell) endTree() {
	// An applet that polls has pinned nothing. It waits if it is found asleep so many times.
	const interval, enough = 5 * time.Millisecond, 100
	for asleep := 0; asleep < enough; {
		select {
		case <-c.exited:
			return
		case <-time.After(interval):
		}
		if pid := c.applet.Process.Pid; sleeps(pid) {
			if asleep++; pins(pid, c.pids) {
				asleep = enough
			}
		}
	}
	for _, pid := range c.pids {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// left returns the names of the processes besides the scene that are there when the call has returned: a guardian, or
// a half of reapwait. They may take up to patience to exit.
func (c *cell) left() []string {
	known := []int{1, os.Getpid(), c.bystander}
	for _, pid := range c.pids {
		known = append(known, pid)
	}
	var names []string
	until(func() bool {
		names = nil
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			if !slices.Contains(known, pid) && fate(pid) != "gone" {
				comm, _ := os.ReadFile(dir + "/comm")
				names = append(names, strings.TrimSpace(string(comm)))
			}
		}
		return len(names) == 0
	}, patience)
	return names
}

// cleanUp ends all processes of the namespace but PID 1 and this one, and waits until they are reaped: pgrep lists
// zombies, too.
func (c *cell) cleanUp() {
	gone := until(func() bool {
		_ = unix.Kill(-1, unix.SIGKILL)
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		return !slices.ContainsFunc(dirs, func(dir string) bool {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			return pid != 1 && pid != os.Getpid()
		})
	}, patience)
	if !gone {
		must(errors.New("processes remain after KILL"))
	}
}

// until calls done until it returns true or the time is over.
func until(done func() bool, limit time.Duration) bool {
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		if done() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// status returns the exit status as a shell has it.
func status(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

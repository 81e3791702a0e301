package commandlines

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// patience is how long an applet may run before it is sent TERM. Many command lines wait for a process that no
	// signal ends.
	patience = 60 * time.Millisecond
	// afterTerm is how long an applet may run after TERM.
	afterTerm = 2 * time.Second
	maxOutput = 1 << 20
	// shellScript runs the applet below a shell.
	shellScript = `"$0" "$@"; exit $?`
)

// task is what runInit does: command lines From to To of an applet, in Dir.
type task struct {
	Applet   string
	Seed     uint64
	From, To int
	Dir, Bin string // the working folder, and that of the applets
	Shell    string // paths of a shell and sleep(1)
	Sleep    string
	Applets  []string
	Verbose  bool              // print each command line
	Peers    map[string]string // the paths of the originals of drop-ins that are compared, by name
}

// tally is what runInit prints.
type tally struct {
	Lines, Usage, Done, Failed int // Usage: refused; Done: exit status 0; Failed: another one
	Terminated                 int // sent TERM after patience
	Narrow                     int // lines that cannot name a canary
	Dry                        int // lines with an option with which nothing is signalled
	Broken                     []string
	Differ                     []string // command lines that only one of two tools accepts
}

// runInit is PID 1 of a namespace. It carries out the job in os.Args[1] and prints the report.
func runInit() {
	runtime.LockOSThread() // forkExec changes the signals that this thread blocks
	var job task
	if err := json.Unmarshal([]byte(os.Args[1]), &job); err != nil {
		fail(err)
	}
	report, err := job.run()
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		fail(err)
	}
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "commandlines:", err)
	os.Exit(1)
}

func (job *task) run() (*tally, error) {
	table, err := readTable(filepath.Join(job.Bin, "killbox"))
	if err != nil {
		return nil, err
	}
	if err := bringUp(job.Dir, job.Shell, job.Sleep); err != nil {
		return nil, err
	}
	s, err := newScene(job.Dir, job.Applets)
	if err != nil {
		return nil, err
	}
	name := fnv.New64a()
	_, _ = name.Write([]byte(job.Applet))
	var report tally
	for i := job.From; i < job.To; i++ {
		r := rand.New(rand.NewPCG(job.Seed, name.Sum64()+uint64(i)))
		if err := s.writeFiles(); err != nil {
			return nil, err
		}
		l := s.randomLine(r, table[job.Applet])
		res, err := s.runLine(l, filepath.Join(job.Bin, l.applet))
		if err != nil {
			return nil, fmt.Errorf("line %d, %s: %w", i, l, err)
		}
		if job.Verbose {
			fmt.Fprintf(os.Stderr, "%d: %s\n%s\n", i, l, res)
		}
		for _, promise := range s.judge(l, res) {
			report.Broken = append(report.Broken, fmt.Sprintf("line %d: %s: %s\n%s", i, l, promise, res))
		}
		report.count(s, l, res)
		if peer := job.Peers[job.Applet]; peer != "" {
			if err := s.compare(l, res, peer, &report); err != nil {
				return nil, err
			}
		}
		if err := s.restore(); err != nil {
			return nil, fmt.Errorf("line %d, %s: %w", i, l, err)
		}
	}
	return &report, nil
}

// count adds the command line to the report.
func (report *tally) count(s *scene, l *line, res *result) {
	report.Lines++
	switch {
	case res.termSent:
		report.Terminated++
	case isUsageError(l, res):
		report.Usage++
	case res.status.Exited() && res.status.ExitStatus() == 0:
		report.Done++
	default:
		report.Failed++
	}
	if l.dry {
		report.Dry++
	}
	if !s.mayNameOthers(l) {
		report.Narrow++
	}
}

// compare runs the original of a drop-in with the same command line. The report gets the line if only one of both
// refuses it.
func (s *scene) compare(l *line, res *result, peer string, report *tally) error {
	if err := s.restore(); err != nil {
		return err
	}
	theirs, err := s.runLine(l, peer)
	if err != nil {
		return err
	}
	if isUsageError(l, theirs) != isUsageError(l, res) && !theirs.termSent && !res.termSent {
		report.Differ = append(report.Differ, fmt.Sprintf("%s\n original:\n%s\n killbox:\n%s", l, theirs, res))
	}
	return nil
}

// runLine runs the command line with the applet at path, and waits until it has ended.
func (s *scene) runLine(l *line, path string) (*result, error) {
	files := make([]*os.File, 3)
	for i, name := range []string{"input", "output", "errors"} {
		f, err := os.OpenFile(filepath.Join(os.TempDir(), name), os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o644)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		files[i] = f
	}
	if _, err := files[0].WriteString(l.input); err != nil {
		return nil, err
	}
	if _, err := files[0].Seek(0, 0); err != nil {
		return nil, err
	}
	args := append([]string{l.applet}, l.args...)
	if l.below {
		path, args = "/bin/sh", append([]string{"sh", "-c", shellScript, path}, l.args...)
	}
	pidfd := -1
	attr := &syscall.ProcAttr{
		Dir: s.dir, Env: append([]string{"PATH=/usr/bin:/bin", "KILLBOX_V=0"}, l.env...),
		Files: []uintptr{files[0].Fd(), files[1].Fd(), files[2].Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd},
	}
	if l.user {
		id, _ := strconv.Atoi(victimUser)
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}
	}
	pid, err := forkExec(false, path, args, attr)
	if err != nil {
		return nil, err
	}
	defer unix.Close(pidfd)
	res := new(result)
	limit := patience
	if l.bounded {
		limit = longest
	}
	if !waitWhileBusy(pid, pidfd, limit) {
		res.termSent = true
		s.sendTerm(l, pid)
		if !waitWhileBusy(pid, pidfd, afterTerm) {
			res.killed = true
			_ = unix.Kill(pid, unix.SIGKILL)
			_ = waitFor(pidfd, longest)
		}
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return nil, err
	}
	res.status = syscall.WaitStatus(status)
	reap()
	if res.stdout, err = readAll(files[1]); err == nil {
		res.stderr, err = readAll(files[2])
	}
	return res, err
}

// waitWhileBusy reports whether the process ends within the limit; a busy process has longest more.
func waitWhileBusy(pid, pidfd int, limit time.Duration) bool {
	ended := waitFor(pidfd, limit)
	for end := time.Now().Add(longest); !ended && isBusy(pid) && time.Now().Before(end); {
		ended = waitFor(pidfd, patience)
	}
	return ended
}

// isBusy reports whether a thread of the process or of a child wants a processor: on a busy machine an applet may need
// more than patience.
func isBusy(pid int) bool {
	pids := append(childrenOf(pid), strconv.Itoa(pid))
	for _, pid := range pids {
		stats, _ := filepath.Glob("/proc/" + pid + "/task/*/stat")
		for _, name := range stats {
			text, _ := os.ReadFile(name)
			if _, after, _ := bytes.Cut(text, []byte(") ")); len(after) > 0 && (after[0] == 'R' || after[0] == 'D') {
				return true
			}
		}
	}
	return false
}

// sendTerm sends TERM to the applet, which may be a child of a shell.
func (s *scene) sendTerm(l *line, pid int) {
	if l.below {
		for _, child := range childrenOf(pid) {
			if n, err := strconv.Atoi(child); err == nil {
				pid = n
			}
		}
	}
	_ = unix.Kill(pid, unix.SIGTERM)
}

// waitFor reports whether the process ends within the limit.
func waitFor(pidfd int, limit time.Duration) bool {
	for end := time.Now().Add(limit); ; {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(max(0, time.Until(end).Milliseconds())))
		if n > 0 {
			return true
		}
		if !time.Now().Before(end) {
			return false
		}
	}
}

func readAll(f *os.File) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", err
	}
	text := make([]byte, min(st.Size, maxOutput))
	n, err := f.ReadAt(text, 0)
	if n == len(text) {
		err = nil
	}
	return string(text[:n]), err
}

// String returns the exit status and the output, for a message.
func (res *result) String() string {
	return fmt.Sprintf("  status %#x\n  stdout %.300q\n  stderr %.300q", res.status, res.stdout, res.stderr)
}

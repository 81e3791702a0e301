package applets

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

// Descriptors of the functions of shell-init. jobsFD is a here-document from which the jobs are read (-f), reportFD a
// pipe to which the numbers of the jobs that are operands are written (-t).
const (
	reportFD = 3
	jobsFD   = 9
)

// shellCall is one call of an applet by a function of killbox shell-init. The function does not know which words are
// operands. So it passes what the shell knows about each word that may be a job.
type shellCall struct {
	env    *cli.Env
	applet *cli.Applet
	jobs   map[string]string // what jobs -l, or jobstates of zsh, tells about each word that begins with %
	table  []shellJob        // all jobs of the shell
	given  []string          // the options of the call
	pids   []int             // the PID of the shell ($$), then that of the subshell in bash ($BASHPID)

	operands int           // how many operands the call has
	ended    []string      // operands of pgkill: jobs that have ended
	named    []int         // the numbers of the jobs that are operands
	shells   []procfs.Stat // the processes that may have started a job: the parent of this process, and shells above it
}

// shellJob is a job of the shell.
type shellJob struct {
	number int
	pids   []int // of the processes that the shell has started, in the order of the pipeline
}

// runShellCall replaces the jobs among the operands of an applet and runs it:
//
//	killbox shell-call APPLET [-s PID]... [-t TABLE] [-f] [-j WORD TEXT]... -- ARG...
func runShellCall(env *cli.Env, args []string) int {
	c := &shellCall{env: env, jobs: make(map[string]string)}
	report := false
	misuse := errors.New("shell-call: only the functions of shell-init use it")
	if len(args) == 0 {
		return cli.UsageError(env, "killbox", misuse)
	}
	if c.applet = Lookup(args[0]); c.applet == nil {
		return cli.UsageError(env, "killbox", misuse)
	}
	for args = args[1:]; ; {
		switch {
		case len(args) > 0 && args[0] == "--":
			return c.run(args[1:], report)
		case len(args) > 1 && args[0] == "-s":
			if pid, ok := cli.ParseDecimal(args[1]); ok {
				c.pids = append(c.pids, pid)
			}
			args = args[2:]
		case len(args) > 1 && args[0] == "-t":
			c.table, report = parseJobs(args[1]), true
			args = args[2:]
		case len(args) > 2 && args[0] == "-j":
			c.jobs[args[1]] = args[2]
			args = args[3:]
		case len(args) > 0 && args[0] == "-f":
			if err := c.readJobs(); err != nil {
				return cli.Failure(env, c.applet.Name, fmt.Errorf("cannot read the jobs of the shell: %w", err))
			}
			args = args[1:]
		default:
			return cli.UsageError(env, "killbox", misuse)
		}
	}
}

// readJobs reads the jobs from a descriptor: after the first line, each word and its text are followed by NUL.
func (c *shellCall) readJobs() error {
	file := os.NewFile(jobsFD, "jobs")
	defer file.Close() // children of the applet must not inherit it
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	_, jobs, _ := strings.Cut(string(text), "\n")
	for fields := strings.Split(jobs, "\x00"); len(fields) > 1; fields = fields[2:] {
		c.jobs[fields[0]] = fields[1]
	}
	return nil
}

func (c *shellCall) run(args []string, report bool) int {
	words, err := c.replaceJobs(args)
	if report {
		// Closed before the applet runs: the shell reads the pipe to its end, and a hook or guardian would inherit it.
		file := os.NewFile(reportFD, "report")
		for _, number := range c.named {
			fmt.Fprintln(file, number)
		}
		file.Close()
	}
	switch usage := (&noJob{}); {
	case errors.As(err, &usage):
		fmt.Fprintf(c.env.Stderr, "%s: %v\ntry 'jobs'\n", c.applet.Name, err)
		if c.applet.Raw != nil {
			return 1 // the status of a usage error of waitpid and kill
		}
		return cli.ExitUsage
	case err != nil:
		return cli.Failure(c.env, c.applet.Name, err)
	}
	missing := 0
	if !slices.Contains(c.given, "exited") {
		for _, word := range c.ended {
			fmt.Fprintf(c.env.Stderr, "%s: %s: the job has ended\n", c.applet.Name, show.Word(word))
			missing = cli.ExitMissing
		}
	}
	if len(c.ended) > 0 && c.operands == len(c.ended) {
		return missing
	}
	return cmp.Or(c.applet.Main(c.env, words), missing)
}

// noJob is the error of a word that names no job, or none that the applet can end.
type noJob struct{ word, reason string }

func (e *noJob) Error() string { return show.Word(e.word) + ": " + e.reason }

// replaceJobs returns the arguments of the applet with the operands that are jobs replaced.
func (c *shellCall) replaceJobs(args []string) ([]string, error) {
	if c.applet.Raw != nil {
		// A drop-in with its own command line. No value of its options can begin with %.
		return c.replaceOperands(nil, args)
	}
	flags, _ := c.applet.New(c.applet)
	flags.BoolP("help", "h", false, "")
	flags.BoolP("version", "V", false, "")
	expanded, err := cli.ExpandSignalShorthand(flags, args, c.applet.Command)
	if err != nil {
		return args, nil // the applet reports it
	}
	var set []string
	getopt := &cli.Getopt{Flags: flags, Equals: true, Set: func(f *pflag.Flag, _ string) error {
		set = append(set, f.Name)
		return nil
	}}
	// The first pass finds the options, on which the meaning of a job depends.
	if _, err := getopt.Parse(expanded); err != nil {
		return args, nil
	}
	c.given = set
	var out []string
	for rest := expanded; len(rest) > 0; {
		word, after := rest[0], rest[1:]
		switch {
		case word == "--":
			return c.replaceOperands(append(out, word), after)
		case len(word) > 1 && word[0] == '-':
			set = nil
			if strings.HasPrefix(word, "--") {
				after, err = getopt.Long(word[2:], after)
			} else {
				after, err = getopt.Letters(word[1:], after)
			}
			if err != nil {
				return args, nil
			}
			values := slices.Clone(rest[1 : len(rest)-len(after)])
			if len(values) == 1 && slices.Contains(set, "omit") && strings.HasPrefix(values[0], "%") {
				omitted, err := c.replaceOperand(values[0])
				if err != nil {
					return nil, err
				}
				values[0] = strings.Join(omitted, ",")
			}
			out = append(append(out, word), values...)
		default:
			words, err := c.replaceOperand(word)
			if err != nil {
				return nil, err
			}
			out = append(out, words...)
		}
		rest = after
	}
	return out, nil
}

func (c *shellCall) replaceOperands(out, words []string) ([]string, error) {
	for _, word := range words {
		list, err := c.replaceOperand(word)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// replaceOperand returns the operands that a job stands for, and any other operand as it is.
func (c *shellCall) replaceOperand(word string) ([]string, error) {
	c.operands++
	if !strings.HasPrefix(word, "%") {
		digits, _, _ := strings.Cut(word, "@")
		digits, _, _ = strings.Cut(digits, ":")
		if pid, err := strconv.Atoi(digits); err == nil {
			for _, j := range c.table {
				if slices.Contains(j.pids, pid) {
					c.named = append(c.named, j.number)
				}
			}
		}
		return []string{word}, nil
	}
	text := c.jobs[word]
	jobs := parseJobs(text)
	switch {
	case len(jobs) == 0 && strings.Contains(text, "ambiguous"):
		return nil, &noJob{word, "ambiguous job spec"}
	case len(jobs) == 0 || len(jobs[0].pids) == 0:
		return nil, &noJob{word, "no such job"}
	}
	c.named = append(c.named, jobs[0].number)
	return c.targets(word, jobs[0])
}

// targets returns the operands that stand for a job.
func (c *shellCall) targets(word string, j shellJob) ([]string, error) {
	if c.env.Proc == nil {
		return nil, c.env.ProcErr
	}
	if err := c.findShells(); err != nil {
		return nil, err
	}
	own, err := c.openProcesses(j.pids)
	if err != nil {
		return nil, err
	}
	if c.applet.Name == "pgkill" && !slices.Contains(c.given, "of") {
		return c.groups(word, j, own)
	}
	if len(own) == 0 {
		// The job has ended. No process has this start time, so the applet takes the handle for that of a process
		// which is gone.
		return []string{fmt.Sprintf("%d@0", j.pids[len(j.pids)-1])}, nil
	}
	var handles []string
	if waits := c.applet.Name == "waitpid" || c.applet.Name == "reapwait" || slices.Contains(c.given, "wait-only"); !waits {
		if handles, err = c.otherMembers(own); err != nil {
			return nil, err
		}
	}
	for i := range own {
		handles = append(handles, own[i].Handle())
	}
	return handles, nil
}

// findShells finds the processes that may have started a job: the parent of this process and, if the parent is a
// subshell, the ancestors up to the shell. The walk ends there: an ancestor of the shell, such as init, may have a child
// that has the PID of an ended job, and hidepid may hide the ancestor. If a subshell has outlived its shell, the walk ends
// at the parent or at the subshell that -s gives.
func (c *shellCall) findShells() error {
	if len(c.shells) > 0 {
		return nil
	}
	own, err := c.env.Proc.Stat(c.env.PID)
	if err != nil {
		return fmt.Errorf("cannot examine this process: %w", err)
	}
	last := 1
	for pid := own.PPID; pid != 0; {
		st, err := c.env.Proc.Stat(pid)
		if err != nil && len(c.shells) > 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("cannot examine the shell: %w", err)
		}
		c.shells = append(c.shells, st)
		if slices.Contains(c.pids, pid) {
			last = len(c.shells)
		}
		if len(c.pids) == 0 || pid == c.pids[0] {
			break
		}
		pid = st.PPID
	}
	c.shells = c.shells[:min(last, len(c.shells))]
	return nil
}

// shell returns the one of c.shells with the PID, or nil.
func (c *shellCall) shell(pid int) *procfs.Stat {
	for i := range c.shells {
		if c.shells[i].PID == pid {
			return &c.shells[i]
		}
	}
	return nil
}

// openProcesses returns the processes of a job that are alive. A process that is a child of the shell cannot be another
// one which has the PID of an ended job: the shell starts none while it waits for this call.
func (c *shellCall) openProcesses(pids []int) (list []procfs.Stat, err error) {
	for _, pid := range pids {
		st, err := c.env.Kernel.Open(pid)
		if errors.Is(err, procfs.ErrNoProcess) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%d: %w", pid, err)
		}
		if c.shell(st.PPID) != nil && !st.Gone() && st.Handle() != "" {
			list = append(list, st)
		}
		c.env.Kernel.Close(st.ID)
	}
	return list, nil
}

// hasGroup reports whether the process is in a process group that belongs to the job: the shell has job control, or the
// process has made the group.
func (c *shellCall) hasGroup(st *procfs.Stat) bool {
	return st.PGID > 1 && st.PGID != c.shell(st.PPID).PGID
}

// groups returns the process groups of a job, for pgkill.
func (c *shellCall) groups(word string, j shellJob, own []procfs.Stat) (list []string, err error) {
	if slices.Contains(c.given, "session") {
		return nil, &noJob{word, "a job is a process group and no session"}
	}
	for i := range own {
		if !c.hasGroup(&own[i]) {
			return nil, &noJob{word, "the shell has no job control: the process group of the job is that of the shell"}
		}
		if group := strconv.Itoa(own[i].PGID); !slices.Contains(list, group) {
			list = append(list, group)
		}
	}
	if len(own) == 0 {
		// A group has no handle. Another group may have the number of that of an ended job.
		c.ended = append(c.ended, word)
	}
	return list, nil
}

// otherMembers returns the handles of the processes that are in the group of the job, but that the shell has not
// started.
func (c *shellCall) otherMembers(own []procfs.Stat) (handles []string, err error) {
	var table procfs.Snapshot
	var pids, groups []int
	for i := range own {
		pids = append(pids, own[i].PID)
	}
	for i := range own {
		st := &own[i]
		if !c.hasGroup(st) || st.SID != c.shell(st.PPID).SID || slices.Contains(groups, st.PGID) {
			continue
		}
		groups = append(groups, st.PGID)
		if table.Procs == nil {
			if err := c.env.Proc.Snapshot(&table); err != nil {
				return nil, err
			}
		}
		for _, member := range table.Group(st.PGID) {
			if slices.Contains(pids, member.PID) || member.PID == c.env.PID || c.shell(member.PID) != nil {
				continue
			}
			now, err := c.env.Kernel.Open(member.PID)
			if err != nil {
				continue // gone since
			}
			if handle := now.Handle(); now.PGID == st.PGID && !now.Gone() && handle != "" {
				handles = append(handles, handle)
			}
			c.env.Kernel.Close(now.ID)
		}
	}
	return handles, nil
}

// parseJobs parses what jobs -l prints. The first line of a job is like "[1]+  4242 Running   sleep 100"; a line for each
// further process of a pipeline begins with blanks and the PID. A command of several lines could look like that:
// openProcesses takes children of the shell only. A DEBUG trap may print lines above the first job. For zsh the text is a
// value of the parameter jobstates instead, such as "running:+:4242=running:4243=running".
func parseJobs(text string) (list []shellJob) {
	if !strings.Contains("\n"+text, "\n[") {
		j := shellJob{}
		for _, field := range strings.Split(text, ":") {
			if pid, _, ok := strings.Cut(field, "="); ok {
				j.add(pid)
			}
		}
		if len(j.pids) > 0 {
			list = append(list, j)
		}
		return list
	}
	for _, line := range strings.Split(text, "\n") {
		if head, rest, ok := strings.Cut(line, "]"); ok && head != "" && head[0] == '[' {
			number, err := strconv.Atoi(head[1:])
			if err != nil {
				continue
			}
			list = append(list, shellJob{number: number})
			line = " " + strings.TrimLeft(rest, " +-")
		}
		if fields := strings.Fields(line); len(fields) > 0 && line[0] == ' ' && len(list) > 0 {
			list[len(list)-1].add(fields[0])
		}
	}
	return list
}

// add adds a process, if the word is a PID.
func (j *shellJob) add(word string) {
	if pid, ok := cli.ParseDecimal(word); ok && pid > 1 {
		j.pids = append(j.pids, pid)
	}
}

package applets

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/procfs"
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
	jobs   map[string]string // what jobs -l, or jobstates of zsh, tells about each word that may be a job
	table  []shellJob        // all jobs of the shell
	given  []string          // the options of the call
	pids   []int             // the PID of the shell ($$), then that of the subshell in bash ($BASHPID)

	operands int           // how many operands the call has
	ended    []string      // operands of pgkill: jobs that have ended
	named    []int         // the numbers of the jobs that are operands
	shells   []procfs.Stat // the processes that may have started a job: the parent of this process, and shells above it
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

// readJobs reads the jobs from a descriptor: after the first line, each word and what jobs -l and jobs print about it
// are followed by NUL.
func (c *shellCall) readJobs() error {
	file := os.NewFile(jobsFD, "jobs")
	defer file.Close() // children of the applet must not inherit it
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	_, jobs, _ := strings.Cut(string(text), "\n")
	for fields := strings.Split(jobs, "\x00"); len(fields) > 2; fields = fields[3:] {
		c.jobs[fields[0]] = processLines(fields[1], fields[2])
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

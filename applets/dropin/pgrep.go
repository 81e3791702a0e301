package dropin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func pgrep() *cli.Applet {
	return pgrepApplet("pgrep", "list processes by name and other attributes", pgrepList)
}

// pgrepApplet returns pgrep, pkill or pidwait.
func pgrepApplet(name, summary string, mode pgrepMode) *cli.Applet {
	return &cli.Applet{
		Name: name, Summary: summary, Usage: "[OPTION]... PATTERN", WriteExit: pgrepNone, FailExit: cli.ExitFailed, // as in procps
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			o := &pgrepOptions{mode: mode}
			return o.flags(a.Name), nil
		},
		Raw: func(env *cli.Env, a *cli.Applet, args []string) int {
			p := &pgrepCall{env: env, name: a.Name}
			p.o = &pgrepOptions{mode: mode, env: env}
			return p.run(args)
		},
	}
}

// The exit statuses of procps.
const (
	pgrepFound = 0
	pgrepNone  = 1
)

// pgrepCall is one call of pgrep, pkill or pidwait.
type pgrepCall struct {
	env  *cli.Env
	name string
	o    *pgrepOptions
	m    *pgrepMatcher
}

// pgrepProcess is a process that matches, or a thread with --lightweight.
type pgrepProcess struct {
	procfs.Stat
	text string // printed after the PID
	err  error  // why it could not be opened
}

func (p *pgrepCall) run(args []string) int {
	pattern, err := p.o.parse(p.name, args)
	switch {
	case err != nil:
		return p.failCall(err)
	case p.o.help:
		p.printUsage(p.env.Stdout)
		return pgrepFound
	case p.o.version:
		fmt.Fprintf(p.env.Stdout, "%s (killbox) %s\n", p.name, cli.Version)
		return pgrepFound
	}
	if p.env.Proc == nil {
		return cli.Failure(p.env, p.name, p.env.ProcErr)
	}
	if err := p.env.CheckNamespace(); err != nil && p.o.mode != pgrepList {
		return cli.Failure(p.env, p.name, err) // a PID of another PID namespace may be that of an unrelated process
	}
	if p.m, err = newPgrepMatcher(p.o, pattern); err != nil {
		return p.failCall(err)
	}
	list, err := p.findProcesses()
	if err != nil {
		return cli.Failure(p.env, p.name, err)
	}
	// comm has at most 15 bytes (TASK_COMM_LEN without the NUL). Warn about a longer pattern, unless it has
	// alternatives or brackets: then it can match comm.
	if len(list) == 0 && pattern != nil && !p.o.full && len(*pattern) > 15 && !strings.ContainsAny(*pattern, "|[") {
		fmt.Fprintf(p.env.Stderr, "%s: pattern that searches for process name longer than 15 characters will result in zero matches\n"+
			"Try `%s -f' option to match against the complete command line.\n", p.name, p.name)
	}
	switch p.o.mode {
	case pgrepSignal:
		return p.signalAll(list)
	case pgrepWait:
		return p.waitAll(list)
	}
	return p.printList(list)
}

// failCall reports an error that ends the call before it acts, and returns the exit status.
func (p *pgrepCall) failCall(err error) int {
	own := new(usageError)
	switch {
	case errors.As(err, new(*getoptError)):
		fmt.Fprintf(p.env.Stderr, "%s: %v\n", p.name, err)
		p.printUsage(p.env.Stderr)
		return cli.ExitUsage
	case !errors.As(err, &own):
		own = &usageError{text: err.Error(), try: true}
	case own.text == "":
		p.printUsage(p.env.Stderr)
		return cli.ExitUsage
	}
	fmt.Fprintf(p.env.Stderr, "%s: %s\n", p.name, own.text)
	if own.usage {
		p.printUsage(p.env.Stderr)
	}
	if own.try {
		fmt.Fprintf(p.env.Stderr, "Try `%s --help' for more information.\n", p.name)
	}
	if own.code != 0 {
		return own.code
	}
	return cli.ExitUsage
}

// findProcesses returns the processes that match. pkill and pidwait open each process and match it again, so that a
// signal or a wait cannot reach a process that reuses the PID.
func (p *pgrepCall) findProcesses() ([]pgrepProcess, error) {
	var table procfs.Snapshot
	if err := p.env.Kernel.Snapshot(&table); err != nil {
		return nil, err
	}
	var exclusions *target.Exclusions
	if p.o.notAncestors {
		exclusions = target.NewExclusions(p.env.Proc, p.env.PID, true)
	}
	var list []pgrepProcess
	for i := range table.Procs {
		st := &table.Procs[i]
		if st.PID == p.env.PID || st.Hidden() || exclusions != nil && exclusions.IsAncestor(st.PID) {
			continue
		}
		if p.o.threads && p.o.mode == pgrepList {
			list = p.addThreads(list, st.PID)
			continue
		}
		if !p.m.Match(st) {
			continue
		}
		ok, err := p.openProcess(st)
		if !ok && err == nil {
			continue
		}
		if list = p.add(list, st); err != nil {
			list[len(list)-1].err = err
		}
	}
	return p.newestOrOldest(list), nil
}

// openProcess is openMatching for pkill and pidwait. For pgrep it opens nothing and returns true.
func (p *pgrepCall) openProcess(st *procfs.Stat) (bool, error) {
	if p.o.mode == pgrepList {
		return true, nil
	}
	return openMatching(p.env, st, p.m.Match)
}

// addThreads adds the threads of the process that match.
func (p *pgrepCall) addThreads(list []pgrepProcess, pid int) []pgrepProcess {
	tids, err := p.env.Proc.Threads(pid)
	if err != nil {
		return list
	}
	slices.Sort(tids)
	for _, tid := range tids {
		if st, err := p.env.Proc.Stat(tid); err == nil && p.m.matchThread(&st, pid) {
			list = p.add(list, &st)
		}
	}
	return list
}

// add adds a process or thread, unless it has vanished before its command line was read.
func (p *pgrepCall) add(list []pgrepProcess, st *procfs.Stat) []pgrepProcess {
	text, err := p.displayText(st)
	if err != nil {
		return list
	}
	return append(list, pgrepProcess{Stat: *st, text: text})
}

// displayText returns the name of a process, or its command line, in the form in which it is printed.
func (p *pgrepCall) displayText(st *procfs.Stat) (string, error) {
	switch {
	case p.o.quote && p.o.listFull:
		if text, err := p.m.quotedLine(st); text != "" || err != nil {
			return text, err
		}
	case p.o.quote:
		return shellQuote(st.Comm), nil
	case !p.o.listFull:
		return terminalSafe(st.Comm), nil
	}
	text, err := p.m.commandLine(st)
	return terminalSafe(text), err
}

// newestOrOldest returns the newest or the oldest process of list, if an option asks for it, and otherwise list.
func (p *pgrepCall) newestOrOldest(list []pgrepProcess) []pgrepProcess {
	if len(list) == 0 || !p.o.newest && !p.o.oldest {
		return list
	}
	best := 0
	for i := range list {
		// Of processes started in the same clock tick, the one with the higher PID counts as newer, as in procps.
		newer := list[i].Start > list[best].Start || list[i].Start == list[best].Start && list[i].PID > list[best].PID
		if i != best && newer == p.o.newest {
			best = i
		}
	}
	return list[best : best+1]
}

func pgrepStatus(found int) int {
	if found == 0 {
		return pgrepNone
	}
	return pgrepFound
}

func (p *pgrepCall) printList(list []pgrepProcess) int {
	if p.o.count {
		fmt.Fprintln(p.env.Stdout, len(list))
		return pgrepStatus(len(list))
	}
	if p.o.quiet {
		return pgrepStatus(len(list))
	}
	var b strings.Builder
	for i, found := range list {
		if i > 0 {
			b.WriteString(p.o.delimiter)
		}
		fmt.Fprint(&b, found.PID)
		if p.o.listName || p.o.listFull {
			b.WriteString(" " + found.text)
		}
	}
	if len(list) > 0 {
		fmt.Fprintln(p.env.Stdout, b.String())
	}
	return pgrepStatus(len(list))
}

package dropin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/posixre"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func killall() *cli.Applet {
	return &cli.Applet{
		Name: "killall", Summary: "signal processes by name", Usage: "[OPTION]... [--] NAME...", WriteExit: killallFailed, FailExit: killallFailed,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			return new(killallOptions).flags(a.Name), nil
		},
		Raw: func(env *cli.Env, a *cli.Applet, args []string) int {
			c := &killallCall{
				env: env, name: a.Name, o: killallOptions{env: env},
				groups: make(map[int]*killallGroup), waiting: make(map[procfs.ID]bool),
			}
			return c.run(args)
		},
	}
}

// killallFailed is the exit status of every failure.
const killallFailed = 1

// killallCall is one call of killall.
type killallCall struct {
	env  *cli.Env
	name string
	o    killallOptions

	names  []killallName
	uptime time.Duration
	ns     string // the PID namespace of --ns; empty without --ns
	own    int    // the process group of this process; 0 once this process has left it
	done   int    // processes or groups that were signalled

	groups  map[int]*killallGroup // with --process-group, the groups found so far, by PGID
	waiting map[procfs.ID]bool    // processes that --wait waits for
}

// killallName is an operand.
type killallName struct {
	text    string
	re      *posixre.Regexp // with --regexp
	file    os.FileInfo     // the program, if text has a slash and the file exists
	paths   []string        // what /proc/PID/exe may show for a program with a slash; nil without a slash
	missing error           // the error of stat(2) if the program with a slash does not exist
	found   bool            // a process that matches was signalled
}

func (c *killallCall) say(format string, args ...any) {
	fmt.Fprintf(c.env.Stderr, format+"\n", args...)
}

func (c *killallCall) run(args []string) int {
	operands, err := c.o.parse(c.name, posixlyCorrect(c.env), args)
	switch {
	case err != nil:
		return c.failCall(err)
	case c.o.help:
		cli.PrintHelp(c.env, c.env.Stdout, killallUsage)
		return 0
	case c.o.version:
		fmt.Fprintf(c.env.Stdout, "%s (killbox) %s\n", c.name, cli.Version)
		return 0
	case c.o.list:
		killallList(c.env.Stdout)
		return 0
	case len(operands) == 0 && !c.o.hasUID && c.o.context == nil:
		return c.failCall(&getoptError{})
	}
	if err := c.prepare(operands); err != nil {
		c.say("%v", err)
		return killallFailed
	}
	var table procfs.Snapshot
	if c.o.wait {
		err = c.env.Kernel.PrepareWait()
	}
	if err == nil {
		err = c.env.Kernel.Snapshot(&table)
	}
	if err != nil {
		c.say("%s: %v", c.name, err)
		return killallFailed
	}
	// Find all processes before signalling any: the death of one may end others, whose names would be reported as not
	// found.
	var found []killallFound
	for i := range table.Procs {
		if f, ok := c.matchProcess(&table.Procs[i]); ok {
			found = append(found, f)
		}
	}
	if err := c.missingNames(found); err != nil {
		c.say("%v", err)
		return killallFailed
	}
	if c.o.dryRun {
		c.printDryRun(found, &table)
		return c.reportNotFound()
	}
	for i := range found {
		c.signalProcess(&found[i])
	}
	code := c.reportNotFound()
	if c.o.wait {
		if failed := c.waitSignalled(); failed != 0 {
			return failed
		}
	}
	return code
}

// reportNotFound reports the names for which no process was signalled, and returns the exit status.
func (c *killallCall) reportNotFound() int {
	code := 0
	if len(c.names) == 0 && c.done == 0 {
		code = killallFailed
	}
	for _, n := range c.names {
		if n.found {
			continue
		}
		code = killallFailed
		if !c.o.quiet {
			c.say("%s: no process found", show.Word(n.text))
		}
	}
	return code
}

// failCall reports an error of the command line, and returns the exit status. No process has been signalled.
func (c *killallCall) failCall(err error) int {
	own := new(usageError)
	switch {
	case errors.As(err, new(*getoptError)):
		cli.PrintHelp(c.env, c.env.Stderr, killallUsage)
	case errors.As(err, &own) && own.try:
		c.say("%s", own.text)
		cli.PrintHelp(c.env, c.env.Stderr, killallUsage)
	default:
		c.say("%v", err)
	}
	return killallFailed
}

// prepare compiles the operands, and reads what processes will be compared with: files, uptime and namespace.
func (c *killallCall) prepare(operands []string) error {
	if c.env.Proc == nil {
		return fmt.Errorf("%s: /proc lacks process entries (not mounted ?)", c.name)
	}
	if err := (&cli.Call{Env: c.env}).CheckNamespace(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	for _, word := range operands {
		n := killallName{text: word}
		var err error
		switch {
		case c.o.regexp:
			if n.re, err = posixre.Compile(word, c.o.ignoreCase); err != nil {
				return fmt.Errorf("%s: Bad regular expression: %s", c.name, show.Word(word))
			}
		case strings.Contains(word, "/"):
			n.paths = []string{programPath(word)}
			if target, err := filepath.EvalSymlinks(word); err == nil {
				n.paths = append(n.paths, programPath(target))
			}
			if n.file, err = os.Stat(word); removed(err) {
				n.missing = err
			} else if err != nil {
				return fmt.Errorf("%s: %s", show.Word(word), strerror(err))
			}
		}
		c.names = append(c.names, n)
	}
	if c.o.younger > 0 || c.o.older > 0 {
		var err error
		if c.uptime, err = c.env.Proc.Uptime(); err != nil {
			return fmt.Errorf("%s: cannot tell ages: %w", c.name, err)
		}
	}
	if c.o.nsPID != 0 {
		var err error
		if c.ns, err = c.env.Proc.Namespace(c.o.nsPID, "pid"); err != nil {
			why := strerror(err)
			if errors.Is(err, procfs.ErrNoProcess) {
				why = cli.StrError(err)
			}
			return fmt.Errorf("%s: cannot tell the namespace of PID %d: %s", c.name, c.o.nsPID, why)
		}
	}
	st, err := c.env.Proc.Stat(c.env.PID)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	c.own = st.PGID
	return nil
}

// removed reports whether err means that a file or its directory does not exist.
func removed(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR)
}

// missingNames returns an error if an operand is the path of a missing file and no process in found runs it.
func (c *killallCall) missingNames(found []killallFound) error {
	for i, n := range c.names {
		if n.missing != nil && !slices.ContainsFunc(found, func(f killallFound) bool { return slices.Contains(f.hits, i) }) {
			return fmt.Errorf("%s: %s", show.Word(n.text), strerror(n.missing))
		}
	}
	return nil
}

// killallFound is a process that matches.
type killallFound struct {
	procfs.Stat
	shown string // the name for messages
	hits  []int  // indexes of the operands that match
}

// matchProcess opens a process of the snapshot if it matches. It never returns this process.
func (c *killallCall) matchProcess(st *procfs.Stat) (f killallFound, ok bool) {
	if st.PID == c.env.PID {
		return f, false
	}
	if ok, _, _ := c.match(st, c.o.verbose); !ok {
		return f, false
	}
	f.Stat = *st
	ok, err := openMatching(c.env, st, func(now *procfs.Stat) (ok bool) {
		f.Stat = *now
		ok, f.shown, f.hits = c.match(now, false)
		return ok
	})
	if err != nil {
		c.say("%s(%d): %s", terminalSafe(st.Comm), st.PID, cli.StrError(err))
	}
	return f, ok
}

// signalProcess signals the process st, or with --process-group its group unless that was signalled before.
func (c *killallCall) signalProcess(st *killallFound) {
	if !c.o.wait || c.o.group {
		defer c.env.Kernel.Close(st.ID)
	}
	id, what, agreed := st.PID, "", false
	if c.o.group {
		id, what = st.PGID, "pgid "
		if now, err := c.env.Kernel.Stat(st.ID); err == nil {
			id = now.PGID
		}
		if g := c.groups[id]; g == nil {
			c.groups[id] = new(killallGroup) // so that the user is asked only once for each group
		} else if agreed = g.retry; !agreed {
			c.markFound(st.hits, g.signalled)
			return
		}
	}
	if c.o.interactive && !agreed && !c.askUser(fmt.Sprintf("%s(%s%d)", terminalSafe(st.Comm), what, id)) {
		return
	}
	var err error
	if c.o.group {
		err = c.signalGroup(id, st.ID)
	} else {
		err = c.env.Kernel.Signal(st.ID, c.o.signal)
	}
	switch gone := errors.Is(err, procfs.ErrNoProcess); {
	case gone && !c.o.interactive:
	case err != nil:
		c.say("%s(%d): %s", show.Word(terminalSafe(st.shown)), id, cli.StrError(err))
	default:
		if c.o.verbose {
			c.say("Killed %s(%s%d) with signal %d", show.Word(terminalSafe(st.shown)), what, id, int(c.o.signal))
		}
		c.markFound(st.hits, true)
		c.done++
		if c.o.wait && !c.o.group {
			c.waiting[st.ID] = true
		}
	}
}

// printDryRun prints what would be signalled: the processes found, or with --process-group the members of their groups
// but this process.
func (c *killallCall) printDryRun(found []killallFound, table *procfs.Snapshot) {
	var list []*procfs.Stat
	for i := range found {
		c.markFound(found[i].hits, true)
		c.done++
		if !c.o.group {
			list = append(list, &found[i].Stat)
			continue
		}
		for j := range table.Procs {
			if st := &table.Procs[j]; st.PGID == found[i].PGID && st.PID != c.env.PID {
				list = append(list, st)
			}
		}
	}
	printDryRun(c.env, c.name, list, escalate.Ladder{{Signal: c.o.signal}})
}

// markFound marks the operands with the indexes in hits as found if signalled is true.
func (c *killallCall) markFound(hits []int, signalled bool) {
	for _, i := range hits {
		c.names[i].found = c.names[i].found || signalled
	}
}

// askUser asks the user whether to signal a process or group, and reports whether the answer is yes. The end of the
// input means no.
func (c *killallCall) askUser(what string) bool {
	verb := "Signal"
	if c.o.signal == signals.TERM {
		verb = "Kill"
	}
	for {
		fmt.Fprintf(c.env.Stdout, "%s %s ? (y/N) ", verb, what)
		line, ok := readLine(c.env.Stdin)
		if !ok || line == "" {
			return false
		}
		switch line[0] {
		case 'y', 'Y':
			return true
		case 'n', 'N':
			return false
		}
	}
}

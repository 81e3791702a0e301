package dropin

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

func pidof() *cli.Applet {
	return &cli.Applet{
		Name: "pidof", Summary: "find processes by program", Usage: "[OPTION]... PROGRAM...", WriteExit: 1, FailExit: 1,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			return new(pidofCall).flags(a.Name), nil
		},
		Raw: func(env *cli.Env, a *cli.Applet, args []string) int {
			c := &pidofCall{env: env, name: a.Name}
			return c.run(args)
		},
	}
}

// The exit statuses of pidof.
const (
	pidofFound = 0
	pidofNone  = 1 // no process, or an error
)

// pidofCall is one call of pidof.
type pidofCall struct {
	env  *cli.Env
	name string

	single, quiet, root, workers, threads, scripts, zombies, help, version bool

	separator string
	omit      []int
}

func (c *pidofCall) flags(name string) *pflag.FlagSet {
	f := cli.NewFlagSet()
	f.BoolVarP(&c.root, "check-root", "c", false, "")
	f.BoolVarP(&c.single, "single-shot", "s", false, "")
	f.VarP(optionFunc{c.setOmit, "PID"}, "omit-pid", "o", "")
	f.StringVarP(&c.separator, "separator", "S", " ", "")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "")
	f.BoolVarP(&c.workers, "with-workers", "w", false, "")
	f.BoolVarP(&c.threads, "lightweight", "t", false, "")
	f.BoolVarP(&c.scripts, "also-scripts", "x", false, "")
	f.BoolVarP(&c.zombies, "zombies", "z", false, "")
	f.BoolVarP(&c.help, "help", "h", false, "")
	f.BoolVarP(&c.version, "version", "V", false, "")
	// Options of sysvinit: -d is --separator. -n avoided stat(2), and -m extended -o to further processes of the same
	// program; both are ignored.
	f.StringVarP(&c.separator, "d", "d", " ", "")
	f.BoolP("n", "n", false, "")
	f.BoolP("m", "m", false, "")
	for _, name := range []string{"d", "n", "m"} {
		f.Lookup(name).Hidden = true
	}
	return f
}

// setOmit adds a list of PIDs. It reports an invalid word, and uses the others.
func (c *pidofCall) setOmit(s string) error {
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",;:", r) }) {
		pid, ok := cli.ParseDecimal(trimNumber(word))
		if word == "%PPID" {
			pid, ok = os.Getppid(), true
		}
		if !ok {
			fmt.Fprintf(c.env.Stderr, "%s: illegal omit pid value (%s)!\n", c.name, show.Word(word))
			continue
		}
		c.omit = append(c.omit, pid)
	}
	return nil
}

func (c *pidofCall) run(args []string) int {
	programs, err := getopt(c.flags(c.name), "", posixlyCorrect(c.env), args)
	switch {
	case err != nil:
		fmt.Fprintf(c.env.Stderr, "%s: %v\n", c.name, err)
		cli.PrintHelp(c.env, c.env.Stderr, pidofUsage)
		return pidofNone
	case c.help:
		cli.PrintHelp(c.env, c.env.Stdout, pidofUsage)
		return pidofFound
	case c.version:
		fmt.Fprintf(c.env.Stdout, "%s (killbox) %s\n", c.name, cli.Version)
		return pidofFound
	}
	if c.env.Proc == nil {
		fmt.Fprintf(c.env.Stderr, "%s: %v\n", c.name, c.env.ProcErr)
		return pidofNone
	}
	list, err := c.find(programs)
	if err != nil {
		fmt.Fprintf(c.env.Stderr, "%s: %v\n", c.name, err)
		return pidofNone
	}
	if len(list) == 0 {
		return pidofNone
	}
	if !c.quiet {
		fmt.Fprintln(c.env.Stdout, strings.Join(list, c.separator))
	}
	return pidofFound
}

// find returns the PIDs to print, or the TIDs: for one program after the other, the highest PID first.
func (c *pidofCall) find(programs []string) ([]string, error) {
	var table procfs.Snapshot
	if err := c.env.Kernel.Snapshot(&table); err != nil {
		return nil, err
	}
	var root os.FileInfo
	if c.root && os.Geteuid() == 0 { // other users cannot read the root directories of all processes
		var err error
		if root, err = c.env.Proc.RootInfo(c.env.PID); err != nil {
			return nil, err
		}
	}
	slices.Reverse(table.Procs)
	var list []string
	for _, program := range programs {
		if program == "" {
			continue
		}
		var file os.FileInfo
		path := ""
		if strings.Contains(program, "/") {
			file, _ = os.Stat(program) // nil if the file was removed
			path = programPath(program)
		}
		for i := range table.Procs {
			st := &table.Procs[i]
			if root != nil {
				if own, err := c.env.Proc.RootInfo(st.PID); err != nil || !os.SameFile(own, root) {
					continue
				}
			}
			found := c.matching(st, program, path, file)
			list = append(list, found...)
			if len(found) > 0 && (c.single || c.quiet) {
				list = list[:len(list)-len(found)+1]
				break
			}
		}
	}
	return list, nil
}

// matching returns the PID of the process if it runs the program, or with --lightweight the TIDs of its threads that
// match.
func (c *pidofCall) matching(st *procfs.Stat, program, path string, file os.FileInfo) (list []string) {
	var tids []int
	if c.threads {
		tids, _ = c.env.Proc.Threads(st.PID)
	}
	if len(tids) == 0 {
		tids = []int{st.PID}
	}
	slices.Sort(tids)
	slices.Reverse(tids)
	for _, tid := range tids {
		thread, err := *st, error(nil)
		if tid != st.PID {
			thread, err = c.env.Proc.Stat(tid)
		}
		if err == nil && !slices.Contains(c.omit, tid) && c.matchesProgram(&thread, program, path, file) {
			list = append(list, strconv.Itoa(tid))
		}
	}
	return list
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// matchesProgram reports whether the process runs the program, judged by argv[0], comm, the script that it runs, or the
// executable.
func (c *pidofCall) matchesProgram(st *procfs.Stat, program, path string, file os.FileInfo) bool {
	args, err := c.env.Proc.Cmdline(st.PID)
	byName := c.workers || c.zombies && st.State == 'Z'
	if err != nil || len(args) == 0 && !byName {
		return false
	}
	if byName && st.Comm == program {
		return true
	}
	arg0 := ""
	if len(args) > 0 {
		arg0 = strings.TrimPrefix(args[0], "-") // of a login shell
	}
	exe, _ := c.env.Proc.Exe(st.PID) // empty if it cannot be read, as for a process of another user
	switch base := baseName(program); {
	case program == arg0, program == baseName(arg0), base == arg0, program == exe, path != "" && path == exe, program == baseName(exe):
		return true
	case strings.Contains(arg0, " ") && st.Comm == program: // argv has been overwritten by a title
		return true
	case c.scripts && runsScript(st, args, program):
		return true
	}
	if base := baseName(program); file == nil || base != baseName(arg0) && base != baseName(exe) {
		return false // under another name, a multi-call binary such as busybox is another program
	}
	info, err := c.env.Proc.ExeInfo(st.PID)
	return err == nil && os.SameFile(info, file)
}

// runsScript reports whether the process runs the program as a script: the first argument of the interpreter that is no
// option is the path of the script, and the base name of the script begins with comm.
func runsScript(st *procfs.Stat, args []string, program string) bool {
	for i, script := range args {
		if i > 0 && !strings.HasPrefix(script, "-") {
			return strings.HasPrefix(baseName(script), st.Comm) && (program == script || program == baseName(script) || baseName(program) == script)
		}
	}
	return false
}

// pidofUsage is the text of --help, in the form of cli.PrintHelp.
const pidofUsage = `
Usage:
 pidof [options] [program [...]]

Options:
 -s, --single-shot	print one PID for each program
 -c, --check-root	only processes with the same root folder; for root
 -q, --quiet	print nothing
 -w, --with-workers	compare also the kernel's name of the process, which finds kernel threads and zombies
 -x, --also-scripts	compare also the script that the process runs
 -z, --zombies	find zombies, by the kernel's name
 -t, --lightweight	print the IDs of the threads
 -o, --omit-pid <PID,...>	exclude these PIDs; %PPID is the caller
 -S, --separator <sep>	print <sep> between PIDs; also -d
 -h, --help	print this help
 -V, --version	print the version

The manual is pidof(1): man pidof
`

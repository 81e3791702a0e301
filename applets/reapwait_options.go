package applets

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

type reapwaitOptions struct {
	ladder cli.LadderOptions
	output cli.OutputOptions

	group, session, linger, keep      bool
	untilEOF, detach                  bool
	parent                            parentValue
	report                            bool
	reportFD                          int
	pidfile                           string
	rewrite, remap, tag               []string
	zombies, nudge, killParent, force bool
	rewrites                          map[signals.Signal]signals.Signal
	remaps                            map[int]int
	flags                             *pflag.FlagSet
	steps                             escalate.Ladder
}

func (o *reapwaitOptions) add(flags *pflag.FlagSet) {
	o.flags = flags
	l := &o.ladder
	l.Flags = flags
	l.HookTimeout.Value = 10 * time.Second
	flags.VarP(&l.Timeout, "timeout", "t", "end everything and exit 124 if COMMAND still runs after DUR")
	flags.BoolVarP(&o.group, "group", "g", false, "put COMMAND in a process group of its own, and forward signals to all of it")
	flags.BoolVarP(&o.session, "new-session", "S", false, "put COMMAND in a session of its own")
	flags.BoolVar(&o.linger, "linger", false, "when COMMAND has exited, wait for what is left")
	flags.BoolVar(&o.keep, "keep", false, "when COMMAND has exited, leave alone what is left")
	flags.BoolVar(&o.untilEOF, "until-eof", false, "end everything when standard input is closed")
	flags.Var(&o.parent, "die-with-parent", "end everything when the parent of reapwait is gone, which must be `PID`")
	flags.Lookup("die-with-parent").NoOptDefVal = "0"
	flags.BoolVar(&o.detach, "detach", false, "go into the background, and print the handle of what runs there")
	flags.StringVar(&o.pidfile, "pidfile", "", "keep the PID of reapwait in `FILE`")
	flags.StringArrayVar(&o.tag, "tag", nil, "put `NAME=VALUE` into the environment")
	flags.StringArrayVar(&o.rewrite, "rewrite", nil, "forward signal A as B, or not at all: `A=[B]`")
	flags.StringArrayVar(&o.remap, "remap", nil, "exit with M where COMMAND exits with N: `N=M`")
	flags.BoolVar(&o.report, "report", false, "print a line per reaped process on standard error")
	flags.IntVar(&o.reportFD, "report-fd", -1, "the same on descriptor `N`")
	flags.BoolVarP(&o.zombies, "zombies", "z", false, "list zombies, all or the children of the operands")
	flags.BoolVar(&o.nudge, "nudge", false, "with -z: send CHLD to the parents, and wait")
	flags.BoolVar(&o.killParent, "kill-parent", false, "with -z: end the parents that still do not reap")
	flags.BoolVar(&o.force, "force", false, "with --kill-parent: also parents that are ancestors of reapwait")
	flags.VarP(&l.Signal, "signal", "s", "begin the ladder with SIG; also -SIG (default TERM)")
	flags.VarP(&l.KillAfter, "kill-after", "k", "send KILL after DUR (default 5s)")
	flags.BoolVar(&l.NoKill, "no-kill", false, "never send KILL")
	flags.StringVarP(&l.Retry, "retry", "R", "", "climb this ladder, `SIG/DUR/SIG/DUR...`, or SIG/DUR/KILL/DUR for a DUR alone")
	flags.StringVar(&l.Hook, "hook", "", "run `COMMAND` by sh -c for each survivor before each further rung")
	flags.Var(&l.HookTimeout, "hook-timeout", "give a hook that long")
	o.output.AddTo(flags)
}

// parentValue is --die-with-parent[=PID]. PID 0, the default, is the parent at the start.
type parentValue struct {
	pid   int
	given bool
}

func (v *parentValue) String() string { return "" }
func (v *parentValue) Type() string   { return "PID" }

func (v *parentValue) Set(s string) error {
	pid, err := strconv.Atoi(s)
	if err != nil || pid < 0 {
		return fmt.Errorf("%s is not a PID", show.Quoted(s))
	}
	*v = parentValue{pid, true}
	return nil
}

// only are the options that have no meaning in the other mode.
var (
	onlyRun = []string{"group", "new-session", "linger", "keep", "until-eof", "die-with-parent", "detach", "pidfile", "tag",
		"rewrite", "remap", "report", "report-fd"}
	onlyZombies = []string{"nudge", "kill-parent", "force"}
)

func (o *reapwaitOptions) check(operands []string) (err error) {
	if o.steps, err = o.ladder.Ladder(); err != nil {
		return err
	}
	if o.steps[0].Signal == 0 {
		return errors.New("signal 0 ends nothing")
	}
	wrong, mode := onlyZombies, "goes with --zombies"
	if o.zombies {
		wrong, mode = onlyRun, "goes with a command, not with --zombies"
	}
	for _, name := range wrong {
		if o.flags.Changed(name) {
			return fmt.Errorf("--%s %s", name, mode)
		}
	}
	if o.zombies {
		if o.force && !o.killParent {
			return errors.New("--force goes with --kill-parent")
		}
		return nil
	}
	return o.checkCommand(operands)
}

// checkCommand checks the options of a call that runs a command.
func (o *reapwaitOptions) checkCommand(operands []string) error {
	for _, pair := range [][3]string{
		{"linger", "keep", "one waits for what is left, the other leaves it alone"},
		{"detach", "die-with-parent", "what is detached has lost its parent"},
		{"detach", "until-eof", "standard input of what is detached is /dev/null"},
	} {
		if o.flags.Changed(pair[0]) && o.flags.Changed(pair[1]) {
			return fmt.Errorf("--%s and --%s exclude each other: %s", pair[0], pair[1], pair[2])
		}
	}
	if len(operands) == 0 {
		return errors.New("no command")
	}
	if o.flags.Changed("pidfile") && o.pidfile == "" {
		return errors.New("--pidfile: empty value")
	}
	if o.flags.Changed("report-fd") && o.reportFD < 0 {
		return fmt.Errorf("--report-fd: %d is no descriptor", o.reportFD)
	}
	for _, word := range o.tag {
		if name, _, ok := strings.Cut(word, "="); !ok || name == "" || strings.ContainsRune(word, 0) {
			return fmt.Errorf("--tag: %s is not NAME=VALUE", show.Quoted(word))
		}
	}
	if err := o.parseRewrites(); err != nil {
		return err
	}
	return o.parseRemaps()
}

func (o *reapwaitOptions) parseRewrites() error {
	o.rewrites = make(map[signals.Signal]signals.Signal)
	for _, word := range o.rewrite {
		from, to, ok := strings.Cut(word, "=")
		if !ok {
			return fmt.Errorf("--rewrite: %s is not A=B", show.Quoted(word))
		}
		a, err := signals.Parse(from)
		if err != nil {
			return fmt.Errorf("--rewrite: %w", err)
		}
		b := signals.Null
		if to != "" {
			if b, err = signals.Parse(to); err != nil {
				return fmt.Errorf("--rewrite: %w", err)
			}
		}
		if !forwardable(a) {
			return fmt.Errorf("--rewrite: %v cannot be forwarded", a)
		}
		if old, twice := o.rewrites[a]; twice && old != b {
			return fmt.Errorf("--rewrite: %v twice", a)
		}
		o.rewrites[a] = b
	}
	return nil
}

// forwardable tells whether a signal can be told from one that this process got
// for reasons of its own, and reaches it as any other.
func forwardable(sig signals.Signal) bool {
	switch syscall.Signal(sig) {
	case 0, syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGPROF, syscall.SIGTTIN, syscall.SIGTTOU,
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS:
		return false
	}
	return true
}

func (o *reapwaitOptions) parseRemaps() error {
	o.remaps = make(map[int]int)
	for _, word := range o.remap {
		from, to, ok := strings.Cut(word, "=")
		n, errN := strconv.ParseUint(from, 10, 8)
		m, errM := strconv.ParseUint(to, 10, 8)
		if !ok || errN != nil || errM != nil {
			return fmt.Errorf("--remap: %s is not N=M, two numbers up to 255", show.Quoted(word))
		}
		o.remaps[int(n)] = int(m)
	}
	return nil
}

// environ returns the command's environment.
func (o *reapwaitOptions) environ(env *cli.Env) []string {
	all := slices.Concat(env.Environ, o.tag)
	list := make([]string, 0, len(all))
	for i, entry := range all {
		name, _, _ := strings.Cut(entry, "=")
		// A later tag replaces it.
		if !slices.ContainsFunc(all[max(i+1, len(env.Environ)):], func(tag string) bool { return strings.HasPrefix(tag, name+"=") }) {
			list = append(list, entry)
		}
	}
	return list
}

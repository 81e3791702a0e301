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
	"killbox/internal/target"

	"github.com/spf13/pflag"
)

type reapwaitOptions struct {
	ladder cli.LadderOptions
	output cli.OutputOptions
	leakOptions

	group, session, linger, keep      bool
	untilEOF, detach, noNewPrivs      bool
	noPair, pidns                     bool
	inner                             bool // this process is the inner half of a pair
	log                               string
	parent                            parentValue
	report                            bool
	reportFD                          int
	pidfile                           string
	rewrite, remap, tag               []string
	mark                              bool
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
	flags.BoolVarP(&o.group, "group", "g", false, "run COMMAND in a process group of its own, and forward signals to the group")
	flags.BoolVarP(&o.session, "new-session", "S", false, "run COMMAND in a session of its own")
	flags.StringArrayVar(&o.tag, "tag", nil, "add `NAME=VALUE` to the environment of COMMAND")
	flags.BoolVar(&o.mark, "mark", false, "name reapwait as the owner in the environment of COMMAND, for --owner-gone")
	flags.BoolVar(&o.pidns, "pidns", false, "run COMMAND in a PID namespace of its own")
	flags.BoolVar(&o.noNewPrivs, "no-new-privs", false, "let no set-uid program of COMMAND gain privileges")
	flags.BoolVar(&o.detach, "detach", false, "run in the background, and print the handle of reapwait")
	flags.StringVar(&o.log, "log", "", "with --detach: append output and errors to `FILE`")
	flags.StringVar(&o.pidfile, "pidfile", "", "write the PID of reapwait to `FILE`")
	flags.BoolVar(&o.noPair, "no-pair", false, "run as one process; if it is sent KILL, the others remain")
	cli.Group(flags, "Command")
	flags.VarP(&l.Timeout, "timeout", "t", "end all processes and exit 124 if COMMAND still runs after DUR; with --linger, if any does")
	flags.BoolVar(&o.linger, "linger", false, "when COMMAND has exited, wait for the remaining processes")
	flags.BoolVar(&o.keep, "keep", false, "when COMMAND has exited, do not signal the remaining processes")
	o.leakOptions.addTo(flags)
	flags.BoolVar(&o.untilEOF, "until-eof", false, "end all processes when the other end of standard input is closed")
	flags.Var(&o.parent, "die-with-parent", "end all processes when the parent, which must be `PID`, is gone")
	flags.Lookup("die-with-parent").NoOptDefVal = "0"
	flags.StringArrayVar(&o.remap, "remap", nil, "exit with M if COMMAND exits with N: `N=M`")
	cli.Group(flags, "End of the command")
	flags.VarP(&l.Signal, "signal", "s", "begin the ladder with SIG; also -SIG (default TERM)")
	flags.VarP(&l.KillAfter, "kill-after", "k", "send KILL after DUR (default 5s)")
	flags.BoolVar(&l.NoKill, "no-kill", false, "never send KILL")
	flags.StringVarP(&l.Retry, "retry", "R", "", "use this ladder: `SIG/DUR/...`; DUR alone means SIG/DUR/KILL/DUR")
	flags.StringVar(&l.Hook, "hook", "", "before each step but the first, run `COMMAND` by sh -c for each remaining process")
	flags.Var(&l.HookTimeout, "hook-timeout", "kill a hook that takes longer")
	flags.StringArrayVar(&o.rewrite, "rewrite", nil, "forward signal A as B, or not at all: `A=[B]`")
	cli.Group(flags, cli.GroupLadder)
	flags.BoolVarP(&o.zombies, "zombies", "z", false, "list zombies, all or the children of the operands")
	flags.BoolVar(&o.nudge, "nudge", false, "with -z: send CHLD to the parents, and wait")
	flags.BoolVar(&o.killParent, "kill-parent", false, "with -z: end the parents that still do not reap")
	flags.BoolVar(&o.force, "force", false, "with --kill-parent: end ancestors of reapwait, too")
	cli.Group(flags, "Zombies")
	flags.BoolVar(&o.report, "report", false, "print a line to standard error for each reaped process")
	flags.IntVar(&o.reportFD, "report-fd", -1, "print the same to descriptor `N`")
	o.output.AddTo(flags)
}

// parentValue is the value of --die-with-parent[=PID]. PID 0, the default, means the parent at the start of this
// process.
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

// onlyRun are options that need a command, onlyZombies options that need --zombies.
var (
	onlyRun = []string{"group", "new-session", "linger", "keep", "leaks", "settle", "until-eof", "die-with-parent", "detach",
		"log", "no-pair", "pidns", "no-new-privs", "pidfile", "tag", "mark", "rewrite", "remap", "report", "report-fd"}
	onlyZombies = []string{"nudge", "kill-parent", "force", "handles"}
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
		{"linger", "keep", "one waits for the remaining processes, the other does not"},
		{"keep", "leaks", "one ends the remaining processes, the other does not"},
		{"keep", "settle", "the remaining processes are not ended"},
		{"linger", "settle", "the remaining processes have as long as they need"},
		{"detach", "die-with-parent", "a detached reapwait is not a child of the caller"},
		{"no-pair", "pidns", "the second process is the init of the PID namespace"},
		{"keep", "pidns", "at the end of a PID namespace the kernel ends its processes"},
		{"mark", "keep", "processes that may remain must not be those of an owner that is gone"},
		{"detach", "until-eof", "standard input of a detached reapwait is /dev/null"},
	} {
		if o.flags.Changed(pair[0]) && o.flags.Changed(pair[1]) {
			return fmt.Errorf("--%s and --%s exclude each other: %s", pair[0], pair[1], pair[2])
		}
	}
	if len(operands) == 0 {
		return errors.New("no command")
	}
	if o.log != "" && !o.detach {
		return errors.New("--log goes with --detach")
	}
	for _, name := range []string{"pidfile", "log"} {
		if f := o.flags.Lookup(name); f.Changed && f.Value.String() == "" {
			return fmt.Errorf("--%s: empty value", name)
		}
	}
	if o.flags.Changed("report-fd") && o.reportFD < 0 {
		return fmt.Errorf("--report-fd: %d is no descriptor", o.reportFD)
	}
	for _, word := range o.tag {
		if name, _, ok := strings.Cut(word, "="); !ok || name == "" || strings.ContainsRune(word, 0) {
			return fmt.Errorf("--tag: %s is not NAME=VALUE", show.Quoted(word))
		} else if o.mark && !o.inner && name == target.OwnerVariable {
			return fmt.Errorf("--mark and --tag %s exclude each other: both set the owner mark", name)
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
		if !mayRewrite(a) {
			return fmt.Errorf("--rewrite: %v cannot be forwarded", a)
		}
		if old, twice := o.rewrites[a]; twice && old != b {
			return fmt.Errorf("--rewrite: %v twice", a)
		}
		o.rewrites[a] = b
	}
	return nil
}

// mayRewrite reports whether --rewrite takes a signal. It does not take a signal that this process cannot catch, one
// that the kernel also sends because of what this process or a child does (PIPE, SEGV, CHLD), or URG, which the Go
// runtime uses.
func mayRewrite(sig signals.Signal) bool {
	switch syscall.Signal(sig) {
	case 0, syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGTTIN, syscall.SIGTTOU,
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS:
		return false
	}
	return sig.Catchable()
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

// environ returns the environment of the command: that of this process and the variables of --tag.
func (o *reapwaitOptions) environ(env *cli.Env) []string {
	all := slices.Concat(env.Environ, o.tag)
	list := make([]string, 0, len(all))
	for i, entry := range all {
		name, _, _ := strings.Cut(entry, "=")
		// Leave out an entry that a later --tag replaces.
		if !slices.ContainsFunc(all[max(i+1, len(env.Environ)):], func(tag string) bool { return strings.HasPrefix(tag, name+"=") }) {
			list = append(list, entry)
		}
	}
	return list
}

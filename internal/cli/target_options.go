package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"killbox/internal/posixre"
	"killbox/internal/show"
	"killbox/internal/target"

	"github.com/spf13/pflag"
)

// TargetOptions are the options that select or exclude targets.
type TargetOptions struct {
	Omit    []string
	Force   bool
	Exited  bool
	name    string
	full    string
	user    string
	tty     string
	group   pidOption
	session pidOption
	parent  pidOption
	cgroup  string
	env     string
	state   string
	older   Duration
	newer   Duration
	pidfile string
	owners  bool
	holders holderOptions
	files   fileOptions
	Zombies bool // selectors match zombies, too; set by killwait --reaped
	All     bool // every process outside of this session; set by freezekill --all
	flags   *pflag.FlagSet
}

// AddTo adds the options to the flag set of an applet.
func (o *TargetOptions) AddTo(flags *pflag.FlagSet) {
	o.AddWithoutCgroup(flags)
	flags.StringVar(&o.cgroup, "cgroup", "", "select by cgroup `PATH`, or below it")
	Once(flags.Lookup("cgroup"))
	Group(flags, GroupSelectors)
}

// AddWithoutCgroup adds all options but --cgroup, which has another meaning in freezekill.
func (o *TargetOptions) AddWithoutCgroup(flags *pflag.FlagSet) {
	o.flags = flags
	flags.StringArrayVarP(&o.Omit, "omit", "o", nil, "exclude these: `TARGET,...`")
	flags.BoolVar(&o.Force, "force", false, "allow PID 1 and kernel threads as targets")
	flags.BoolVarP(&o.Exited, "exited", "e", false, "exit 0 if a target does not exist or nothing matches")
	Group(flags, GroupTargets)
	flags.StringVar(&o.name, "name", "", "select by `NAME`: the executable's or argv[0]'s base name, comm, or a script's name, exactly")
	flags.StringVar(&o.full, "full", "", "select by `REGEX` on the command line")
	flags.StringVar(&o.user, "user", "", "select by effective `USER`, a name or number")
	flags.StringVar(&o.tty, "tty", "", "select by controlling `TTY`")
	flags.Var(&o.group, "group", "select by process group `PGID`")
	flags.Var(&o.session, "session", "select by session `SID`")
	flags.Var(&o.parent, "parent", "select by parent")
	flags.StringVar(&o.env, "env", "", "select by environment: `NAME[=VALUE]`")
	flags.BoolVar(&o.owners, "owner-gone", false, "select by environment: an owner mark whose owner is gone")
	flags.StringVar(&o.state, "state", "", "select by state: any of `LETTERS`")
	flags.Var(&o.older, "older", "select processes started DUR ago or earlier")
	flags.Var(&o.newer, "newer", "select processes started less than DUR ago")
	o.files.addTo(flags)
	flags.StringVar(&o.pidfile, "pidfile", "", "select the process whose PID or handle is in `FILE`")
	o.holders.addTo(flags)
	Group(flags, GroupSelectors)
	flags.VisitAll(func(f *pflag.Flag) {
		if isSelector(f) {
			Once(f)
		}
	})
}

// pidOption is the value of an option that takes a PID, PGID or SID; 0 if the option was not given.
type pidOption int

// String implements pflag.Value.
func (v *pidOption) String() string {
	if *v == 0 {
		return ""
	}
	return strconv.Itoa(int(*v))
}

// Type implements pflag.Value.
func (v *pidOption) Type() string { return "PID" }

// Set implements pflag.Value.
func (v *pidOption) Set(s string) error {
	if s == "0" || s == "-1" {
		return fmt.Errorf("%s is not the ID of a process, group or session", s)
	}
	op, err := target.ParseOperand(s)
	if errors.As(err, new(*target.OperandError)) || err == nil && op.Form != target.PID {
		err = fmt.Errorf("%s is not a number", show.Quoted(s))
	}
	*v = pidOption(op.PID)
	return err
}

// given reports whether an option is on the command line, even with an empty value.
func (o *TargetOptions) given(name string) bool { return o.flags.Changed(name) }

// request returns the request for target.Resolve that operands and options define. It returns two kinds of errors:
// usage for a wrong command line, failure for what cannot be read (the file of --pidfile, or the user database).
func (o *TargetOptions) request(env *Env, operands []string) (req target.Request, usage, failure error) {
	ops, stdin, err := target.ParseOperands(operands, env.Stdin)
	if err != nil {
		return req, ExplainOperand(o.flags, err), nil
	}
	req.Operands = ops
	if req.Omit, err = o.Omitted(); err != nil {
		return req, err, nil
	}
	if err := o.selector(env, &req.Selector); err != nil {
		lookup, path := new(target.LookupError), new(target.PathError)
		if errors.As(err, &lookup) || errors.As(err, &path) {
			return req, nil, err
		}
		return req, err, nil
	}
	if usage, failure = o.holders.setHolders(env, o.flags, &req.Selector); usage != nil || failure != nil {
		return req, usage, failure
	}
	if o.owners {
		if env.Proc == nil {
			return req, nil, env.ProcErr
		}
		owners, err := target.NewOwners(env.Proc, env.Kernel)
		if err != nil {
			return req, nil, fmt.Errorf("owner marks cannot be compared: %w", err)
		}
		req.Selector.Owners = owners
	}
	if o.given("pidfile") {
		file, err := target.ReadPidfile(o.pidfile, req.Selector.Empty())
		if err != nil {
			return req, nil, err
		}
		req.Selector.Pidfile = file
	}
	if len(ops) == 0 && !stdin && req.Selector.Empty() {
		return req, errors.New("no target: give a PID, a handle, - for standard input, or a selector"), nil
	}
	return req, nil, nil
}

// Omitted returns the operands of --omit.
func (o *TargetOptions) Omitted() (ops []target.Operand, err error) {
	var words []string
	for _, list := range o.Omit {
		// Not a StringSlice of pflag: it parses CSV, and ignores all lines but the first.
		words = append(words, strings.Split(list, ",")...)
	}
	for _, word := range words {
		op, err := target.ParseOperand(word)
		if err == nil && op.Form == target.Stdin {
			err = errors.New("standard input cannot be omitted")
		}
		if err != nil {
			return nil, fmt.Errorf("--omit: %w", err)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// selector sets the fields of s that the selector options define.
func (o *TargetOptions) selector(env *Env, s *target.Selector) error {
	for _, name := range []string{"name", "full", "user", "tty", "cgroup", "env", "state", "pidfile", "exe", "cwd"} {
		if o.given(name) && o.flags.Lookup(name).Value.String() == "" {
			return fmt.Errorf("--%s: empty value", name)
		}
	}
	s.Name, s.State, s.Zombies, s.All = o.name, o.state, o.Zombies, o.All
	s.Scripts, s.Unexamined = true, new(target.Unexamined)
	if err := o.files.set(s); err != nil {
		return err
	}
	s.Group, s.Session, s.Parent = int(o.group), int(o.session), int(o.parent)
	s.Older, s.HasOlder = o.older.Value, o.older.Given
	s.Newer, s.HasNewer = o.newer.Value, o.newer.Given
	for _, c := range o.state {
		if !strings.ContainsRune("RSDTtZXIKWP", c) {
			return fmt.Errorf("--state: %q is not the letter of a state", c)
		}
	}
	if o.full != "" {
		re, err := posixre.Compile(o.full, false)
		if err != nil {
			return fmt.Errorf("--full: %w", err)
		}
		s.Full = re
	}
	if o.env != "" {
		var hasValue bool
		s.EnvName, s.EnvValue, hasValue = strings.Cut(o.env, "=")
		s.EnvAny = !hasValue
		if s.EnvName == "" {
			return fmt.Errorf("--env: %s has no name", show.Quoted(o.env))
		}
	}
	if o.user != "" {
		uid, err := UserID(env, o.user)
		if err != nil {
			return fmt.Errorf("--user: %w", err)
		}
		s.UID, s.HasUID = uid, true
	}
	if o.tty != "" {
		if env.Proc == nil {
			return env.ProcErr
		}
		nr, err := target.TTY(env.Proc, o.tty)
		if err := s.CheckFile("tty", err); err != nil {
			return err
		}
		s.TTY, s.HasTTY = nr, true
	}
	if o.cgroup != "" {
		if !strings.HasPrefix(o.cgroup, "/") {
			return fmt.Errorf("--cgroup: %s does not begin with a slash%s", show.Quoted(o.cgroup), CgroupHint(env, o.cgroup))
		}
		s.Cgroup = env.Proc.CgroupPath(o.cgroup)
	}
	return nil
}

// UserID returns the UID of a user given by name or number. The name is looked up first, because a name may consist of
// digits.
func UserID(env *Env, name string) (int, error) {
	id, err := target.UserID(env.NameService, name)
	if err == nil {
		return id, nil
	}
	if number, numberErr := strconv.ParseUint(name, 10, 32); numberErr == nil {
		return int(number), nil
	}
	return 0, err
}

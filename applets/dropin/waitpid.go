package dropin

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

// The exit statuses of util-linux's waitpid. The original exits with 2 on a kernel without pidfds, on which this applet
// works.
const (
	waitpidFailed  = 1
	waitpidExpired = 3
)

func waitpid() *cli.Applet {
	return &cli.Applet{
		Name:      "waitpid",
		Summary:   "wait for processes that need not be children",
		Usage:     "[OPTION]... PID[:INODE]...",
		WriteExit: waitpidFailed, FailExit: waitpidFailed,
		New: func(a *cli.Applet) (*pflag.FlagSet, cli.Run) {
			return new(waitpidOptions).flags(a), nil
		},
		Raw: func(env *cli.Env, a *cli.Applet, args []string) int {
			return new(waitpidOptions).main(env, a, args)
		},
	}
}

type waitpidOptions struct {
	verbose, exited, help, version bool
	exitedFirst                    bool // --exited was given before --count
	timeout                        cli.Duration
	count                          *string // the argument of --count, parsed by run
}

func (o *waitpidOptions) flags(a *cli.Applet) *pflag.FlagSet {
	flags := cli.NewFlagSet()
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "report each process that has ended")
	flags.VarP(optionFunc{func(s string) error {
		if o.timeout.Set(s) == nil {
			return nil
		}
		// A number that strtod(3) reads and killbox does not, such as 5e-2.
		var plain gnuDuration
		if plain.Set(s) != nil {
			return fmt.Errorf("invalid timeout: '%s'", show.Word(s))
		}
		o.timeout = cli.Duration{Value: plain.d, Given: true}
		return nil
	}, "DUR"}, "timeout", "t", "wait at most DUR")
	flags.BoolVarP(&o.exited, "exited", "e", false, "ignore processes that are already gone")
	flags.VarP(optionFunc{func(s string) error { o.count, o.exitedFirst = &s, o.exited; return nil }, "N"}, "count", "c", "return when N processes are gone")
	flags.BoolVarP(&o.help, "help", "h", false, "print this help and exit")
	flags.BoolVarP(&o.version, "version", "V", false, "print the version and exit")
	return flags
}

func (o *waitpidOptions) main(env *cli.Env, a *cli.Applet, args []string) int {
	flags := o.flags(a)
	operands, err := getopt(flags, "", posixlyCorrect(env), args)
	switch {
	case errors.As(err, new(*getoptError)):
		fmt.Fprintf(env.Stderr, "%s: %v\nTry '%s --help' for more information.\n", a.Name, err, a.Name)
		return waitpidFailed
	case err != nil:
		fmt.Fprintf(env.Stderr, "%s: %v\n", a.Name, err)
		return waitpidFailed
	case o.help:
		cli.PrintHelp(env, env.Stdout, usageText(a, flags))
		return 0
	case o.version:
		fmt.Fprintf(env.Stdout, "%s (killbox) %s\n", a.Name, cli.Version)
		return 0
	}
	return o.run(env, a, operands)
}

// run opens the operands, waits for them, and returns the exit status.
func (o *waitpidOptions) run(env *cli.Env, a *cli.Applet, operands []string) int {
	fail := func(format string, args ...any) int {
		fmt.Fprintf(env.Stderr, a.Name+": "+format+"\n", args...)
		return waitpidFailed
	}
	count := len(operands)
	if o.count != nil {
		n, err := parseUtilNumber("invalid count", *o.count, 1, 64)
		switch {
		case o.exitedFirst:
			return fail("options --exited and --count cannot be combined")
		case o.exited:
			return fail("options --count and --exited cannot be combined")
		case err != nil:
			return fail("%v", err)
		case len(operands) > 0 && n > int64(len(operands)):
			return fail("can't wait for %d of %d PIDs", n, len(operands))
		}
		count = int(n)
	}
	if len(operands) == 0 {
		return fail("no PIDs specified")
	}
	ops := make([]target.Operand, len(operands))
	for i, word := range operands {
		op, err := target.ParsePID(trimNumber(word))
		if err != nil || op.Form == target.Group || op.Form == target.Stdin {
			return fail("failed to parse PID argument '%s': %s", show.Word(word), cli.StrError(parseReason(word)))
		}
		ops[i] = op
	}
	// A process that is given twice counts twice, as for util-linux.
	waiting := make(map[procfs.ID]int)
	remaining := 0
	for _, op := range ops {
		st, err := op.Open(env.Kernel)
		switch {
		case err == nil:
			waiting[st.ID]++
			remaining++
		case o.exited && errors.Is(err, procfs.ErrNoProcess):
			if o.verbose {
				fail("PID %d has exited, skipping", op.PID)
			}
		default:
			return fail("could not open PID %d: %s", op.PID, cli.StrError(err))
		}
	}
	return o.wait(env, a, waiting, min(remaining, count))
}

// parseReason returns the errno for which util-linux refuses word as PID or PID:INODE: ERANGE if a number is below 1 or
// too large for its type, and EINVAL otherwise.
func parseReason(word string) error {
	pid, inode, given := strings.Cut(trimNumber(word), ":")
	n, err := strconv.ParseInt(pid, 10, 32)
	if errors.Is(err, strconv.ErrRange) || err == nil && n < 1 {
		return syscall.ERANGE
	}
	if err == nil && given {
		if n, err := strconv.ParseUint(inode, 10, 64); errors.Is(err, strconv.ErrRange) || err == nil && n == 0 {
			return syscall.ERANGE
		}
	}
	return syscall.EINVAL
}

// wait waits for processes in waiting until as many are gone as remaining says, and returns the exit status. The value
// in waiting is how often the process was given; a process that is gone counts as often as that.
func (o *waitpidOptions) wait(env *cli.Env, a *cli.Applet, waiting map[procfs.ID]int, remaining int) int {
	began := time.Now()
	for remaining > 0 {
		limit := time.Duration(math.MaxInt64)
		if o.timeout.Value > 0 { // 0 means no limit, as in util-linux
			limit = max(o.timeout.Value-time.Since(began), 0)
		}
		gone, _, err := env.Kernel.Wait(limit)
		if err != nil {
			fmt.Fprintf(env.Stderr, "%s: %v\n", a.Name, err)
			return waitpidFailed
		}
		for _, id := range gone {
			for ; waiting[id] > 0 && remaining > 0; waiting[id]-- {
				remaining--
				if o.verbose {
					fmt.Fprintf(env.Stdout, "PID %d finished\n", id.PID)
				}
			}
		}
		if len(gone) == 0 && o.timeout.Value > 0 && time.Since(began) >= o.timeout.Value {
			if o.verbose {
				fmt.Fprintln(env.Stdout, "Timeout expired")
			}
			return waitpidExpired
		}
	}
	return 0
}

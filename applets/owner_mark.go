package applets

import (
	"errors"
	"fmt"

	"killbox/internal/cli"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

// addMark adds the owner mark of the process with this PID to the environment of the command. It replaces an inherited
// one.
func (r *reapwaitCall) addMark(pid int) error {
	_, mark, err := cli.OwnerMark(r.env, target.Operand{Form: target.PID, PID: pid})
	if err != nil {
		return fmt.Errorf("--mark: no owner mark can be made: %w", err)
	}
	r.owner = target.OwnerVariable + "=" + mark
	r.tag = append(r.tag, r.owner)
	return nil
}

// printOwnerMark is killwait --owner-mark: it prints the owner mark of a process, and signals nothing.
func printOwnerMark(env *cli.Env, a *cli.Applet, flags *pflag.FlagSet, operands []string) int {
	op, err := ownerOperand(flags, operands)
	if err != nil {
		return cli.UsageError(env, a.Name, err)
	}
	quiet := flags.Changed("quiet")
	c := &cli.Call{Env: env, Applet: a, Outputs: &cli.OutputOptions{Quiet: quiet}}
	c.StartReport()
	st, mark, err := cli.OwnerMark(env, op)
	if err == nil && st.Gone() {
		err = procfs.ErrNoProcess
	}
	switch {
	case err == nil:
		fmt.Fprintln(env.Stdout, mark)
	case errors.Is(err, procfs.ErrNoProcess):
		why := err.Error()
		if st.Gone() {
			why = report.ExplainUnreaped(env.Proc, &st)
		}
		c.Fail(nil, fmt.Errorf("%s: %s", show.Word(op.Text), why), cli.ExitMissing)
	default:
		c.Fail(nil, fmt.Errorf("%s: no owner mark can be made: %w", show.Word(op.Text), err), cli.ExitFailed)
	}
	return c.ExitStatus()
}

// ownerOperand parses the command line of --owner-mark.
func ownerOperand(flags *pflag.FlagSet, operands []string) (op target.Operand, err error) {
	flags.Visit(func(f *pflag.Flag) {
		if f.Name != "owner-mark" && f.Name != "quiet" && err == nil {
			err = fmt.Errorf("--owner-mark only prints, so --%s has no meaning", f.Name)
		}
	})
	if err == nil && len(operands) != 1 {
		err = fmt.Errorf("--owner-mark takes one PID or handle, not %d operands", len(operands))
	}
	if err == nil {
		op, err = target.ParseOperand(operands[0])
	}
	if err == nil && (op.Form == target.Group || op.Form == target.Stdin) {
		err = fmt.Errorf("%s is not a PID or handle", show.Quoted(op.Text))
	}
	return op, err
}

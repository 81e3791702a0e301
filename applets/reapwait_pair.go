package applets

import (
	"errors"
	"fmt"

	"killbox/internal/child"
	"killbox/internal/signals"
)

// runPair starts the inner half of a pair, which runs the command, and returns the exit status. done is false if this
// process must run the command itself: as PID 1, which the kernel protects from KILL, with --no-pair, or if the second
// process cannot be started.
func (r *reapwaitCall) runPair(launched func()) (code int, done bool) {
	if r.noPair || r.env.PID == 1 && !r.pidns {
		return 0, false
	}
	k := r.env.Kernel
	terminal, inForeground := k.Terminal()
	argv := []string{"reapwait"}
	if r.mark {
		argv = append(argv, "--tag", r.owner) // it names this process, so the inner half cannot make it
	}
	argv = append(argv, ownWords(r.env.Args)[1:]...)
	inner, err := k.StartInner(argv, r.env.Environ, child.InnerOptions{PIDNamespace: r.pidns, LockFD: r.pidfileFD})
	killed := false
	if err == nil {
		killed, err = k.AwaitInner()
	}
	switch {
	case killed:
		return r.endRemainingAndDie(signals.KILL, func() {}), true
	case err != nil && r.pidns:
		return r.fail(fmt.Errorf("--pidns: cannot start a process in a PID namespace: %w", err)), true
	case err != nil:
		r.alone = err
		return 0, false
	}
	_ = k.SendToHalf(child.Message{Kind: child.Start})
	outer := child.Outer{Kernel: k, Inner: inner, OnLaunched: func() {
		r.giveUpErrors()
		launched()
	}}
	code, lost, err := outer.Run()
	if err != nil {
		code = r.fail(err)
	}
	if lost != 0 {
		return r.endRemainingAndDie(lost, func() {
			if inForeground {
				_ = k.SetForeground(terminal, 0) // the command, which is gone, had the foreground
			}
		}), true
	}
	return code, true
}

// reportAlone says why there is no second process. It is called when the command has been started: if the command
// cannot be started either, that reason is enough.
func (r *reapwaitCall) reportAlone() {
	if r.alone != nil && !r.output.Quiet {
		fmt.Fprintf(r.env.Stderr, "reapwait: going on without a second process: %v (after KILL to reapwait, its processes would remain)\n", r.alone)
	}
}

// endRemainingAndDie is called when the signal has ended the inner half. It ends the remaining processes by KILL,
// unless --keep is given, calls takeForeground, and ends this process by the same signal. If the signal does not end
// this process, it returns the exit status.
func (r *reapwaitCall) endRemainingAndDie(lost signals.Signal, takeForeground func()) int {
	r.Ladder = child.KillLadder()
	r.env.Kernel.IgnoreLostHalf()
	if !r.keep {
		if err := r.EndRemaining(); err != nil {
			r.fail(err)
		}
	}
	r.removePidfile()
	takeForeground()
	r.env.Die(lost)
	return child.SignalOffset + int(lost)
}

// runInner is the inner half of a pair: it runs the command and sends the exit status to the outer half. If the outer
// half is killed, the inner half ends itself by KILL as well.
func (r *reapwaitCall) runInner(operands []string) int {
	code := r.runForOuter(operands)
	if r.Supervisor != nil && r.HalfLost {
		r.removePidfile()
		r.env.Die(signals.KILL)
	}
	_ = r.env.Kernel.SendToHalf(child.Message{Kind: child.Finished, Value: int32(code)})
	return code
}

// failStart is fail for an error before the command has been started. It prints nothing if the outer half was killed.
func (r *reapwaitCall) failStart(err error) int {
	if errors.Is(err, child.ErrHalfLost) {
		r.HalfLost = true
		return child.Failed
	}
	return r.fail(err)
}

// runForOuter starts the command when the outer half says so, and returns the exit status of the call.
func (r *reapwaitCall) runForOuter(operands []string) int {
	k := r.env.Kernel
	finish, err := r.startReport()
	if err != nil {
		return r.fail(err)
	}
	if r.pidfile != "" {
		if r.removePidfile, err = k.InheritPidfile(r.pidfile); err != nil {
			return finish(r.fail(err))
		}
	}
	if err := k.StartInnerReaper(r.report); err != nil {
		return finish(r.failStart(err))
	}
	return finish(r.runCommand(operands, func() {
		// The command may have inherited the group of the outer half, which it could not have joined by number. An
		// error means that the inner half already leads a group of its own.
		_ = k.LeaveGroup()
		_ = k.SendToHalf(child.Message{Kind: child.Launched})
	}))
}

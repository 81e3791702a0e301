package signals

import "fmt"

// Status is a wait status: how a process ended, or which signal stopped it. The zero value is an exit with code 0.
type Status struct{ raw uint32 }

// FromWait returns the status that wait4(2), waitid's siginfo rebuilt, field 52
// of /proc/PID/stat or PIDFD_GET_INFO gave: the kernel's encoding, the same on
// every architecture (include/uapi/linux/wait.h, kernel/exit.c).
func FromWait(raw uint32) Status { return Status{raw} }

// stopped is the low byte of the status of a stopped process; continued is the whole status after a SIGCONT.
const (
	stopped   = 0x7f
	continued = 0xffff
)

// Exited returns the exit code, 0 to 255, of a process that called exit(2).
func (s Status) Exited() (code int, ok bool) {
	if s.raw&0x7f != 0 {
		return 0, false
	}
	return int(s.raw >> 8 & 0xff), true
}

// Signaled returns the signal that ended the process, and whether the kernel
// wrote a core dump.
func (s Status) Signaled() (sig Signal, coredump, ok bool) {
	n := s.raw & 0x7f
	if n == 0 || n == stopped {
		return 0, false, false
	}
	return Signal(n), s.raw&0x80 != 0, true
}

// Stopped returns the signal that stopped the process, or a ptrace event's.
func (s Status) Stopped() (sig Signal, ok bool) {
	if s.raw&0xff != stopped || s.raw == continued {
		return 0, false
	}
	return Signal(s.raw >> 8 & 0xff), true
}

// Shell returns what the shell's $? would be: the exit code, or 128 plus the
// number of the signal that ended or stopped the process; 0 for one that was
// continued.
func (s Status) Shell() int {
	if code, ok := s.Exited(); ok {
		return code
	}
	if sig, _, ok := s.Signaled(); ok {
		return 128 + int(sig)
	}
	if sig, ok := s.Stopped(); ok {
		return 128 + int(sig)
	}
	return 0
}

// String describes the status: "exit 3", "signal TERM", "signal SEGV (core
// dumped)", "stopped by TSTP", "continued".
func (s Status) String() string {
	if code, ok := s.Exited(); ok {
		return fmt.Sprintf("exit %d", code)
	}
	if sig, core, ok := s.Signaled(); ok {
		if core {
			return fmt.Sprintf("signal %v (core dumped)", sig)
		}
		return fmt.Sprintf("signal %v", sig)
	}
	if sig, ok := s.Stopped(); ok {
		return fmt.Sprintf("stopped by %v", sig)
	}
	if s.raw == continued {
		return "continued"
	}
	return fmt.Sprintf("status %#x", s.raw)
}

// FromShell returns the signal that n stands for as an argument of kill -l: the number
// itself, or the status of a process that the signal ended. Most shells add 128 to the
// number, ksh 256, and wait(2) 128 for a core dump. It masks n as coreutils does
// (src/operand2sig.c). Null is one of the signals.
func FromShell(n int) (Signal, bool) {
	mask := 0x7f
	if n >= 0xff {
		mask = 0xff
	}
	sig := Signal(n & mask)
	if n < 0 || sig > RTMax {
		return 0, false
	}
	return sig, true
}

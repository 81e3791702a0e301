package signals

import "fmt"

// Status is a wait status (wait(2)): how a process ended, or which signal stopped it. The zero value is an exit with
// code 0.
type Status struct{ raw uint32 }

// FromWait returns the Status for a number in the kernel's encoding, which is the same on every architecture
// (kernel/exit.c). wait4(2), field 52 of /proc/PID/stat and PIDFD_GET_INFO return this number. A caller of waitid(2)
// has to compute it from si_code and si_status.
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

// Signaled returns the signal that ended the process, and whether the kernel wrote a core dump.
func (s Status) Signaled() (sig Signal, coredump, ok bool) {
	n := s.raw & 0x7f
	if n == 0 || n == stopped {
		return 0, false, false
	}
	return Signal(n), s.raw&0x80 != 0, true
}

// Stopped returns the signal that stopped the process, or the signal of a ptrace(2) event.
func (s Status) Stopped() (sig Signal, ok bool) {
	if s.raw&0xff != stopped || s.raw == continued {
		return 0, false
	}
	return Signal(s.raw >> 8 & 0xff), true
}

// Shell returns the value that $? has in a shell: the exit code, or 128 plus the number of the signal that ended or
// stopped the process, or 0 for a process that was continued.
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

// String describes the status: "exit 3", "signal TERM", "signal SEGV (core dumped)", "stopped by TSTP", "continued".
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

// FromShell returns the signal for n, a number after kill -l. n is the number of the signal, or the exit status of a
// process that the signal has ended: most shells add 128 to the number, ksh adds 256, and a wait status has 128 added
// for a core dump. FromShell masks n as coreutils does (src/operand2sig.c). The result may be Null.
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

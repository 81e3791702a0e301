// Package signals knows the names and numbers of Linux signals, their default actions, and wait statuses (signal(7),
// wait(2)).
package signals

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"killbox/internal/show"
	"killbox/internal/suggest"
)

// Signal is a signal number of the architecture that the program was built for. Zero is the null signal of kill(2),
// which only asks whether the process exists.
type Signal int

// The signals that killbox treats specially.
const (
	Null = Signal(0)
	HUP  = Signal(syscall.SIGHUP)
	INT  = Signal(syscall.SIGINT)
	QUIT = Signal(syscall.SIGQUIT)
	KILL = Signal(syscall.SIGKILL)
	USR1 = Signal(syscall.SIGUSR1)
	USR2 = Signal(syscall.SIGUSR2)
	PIPE = Signal(syscall.SIGPIPE)
	ALRM = Signal(syscall.SIGALRM)
	TERM = Signal(syscall.SIGTERM)
	CHLD = Signal(syscall.SIGCHLD)
	CONT = Signal(syscall.SIGCONT)
	STOP = Signal(syscall.SIGSTOP)
	TSTP = Signal(syscall.SIGTSTP)
	TTIN = Signal(syscall.SIGTTIN)
	TTOU = Signal(syscall.SIGTTOU)
	URG  = Signal(syscall.SIGURG)
)

// RTMin and RTMax are SIGRTMIN and SIGRTMAX as in glibc and in all tools. The kernel's range begins at 32. glibc
// reserves 32 and 33, for thread cancellation and for setuid(2) in all threads. musl reserves 34 as well, so in a
// program with musl RTMIN is a signal of the library. RTMax is 64, and 127 on MIPS. The kernel has signal 128 on MIPS,
// too, but a wait status cannot express it: the bit of 128 is the flag of a core dump.
const (
	RTMin = Signal(34)
	RTMax = Signal(rtMax)
)

// firstRT is the kernel's SIGRTMIN. Each signal below it has a name of its own.
const firstRT = 32

// String returns the name without SIG: "TERM", "RTMIN+3", "RTMAX-2". It counts the lower half of the real-time signals
// from RTMIN and the upper half from RTMAX, as kill -l of bash does. A number without a name is returned in decimal;
// the null signal and the two signals that glibc reserves have no name.
func (s Signal) String() string {
	switch middle := RTMin + (RTMax-RTMin)/2; {
	case s > 0 && s < firstRT && names[s] != "":
		return names[s]
	case s == RTMin:
		return "RTMIN"
	case s == RTMax:
		return "RTMAX"
	case s > RTMin && s <= middle:
		return "RTMIN+" + strconv.Itoa(int(s-RTMin))
	case s > middle && s < RTMax:
		return "RTMAX-" + strconv.Itoa(int(RTMax-s))
	}
	return strconv.Itoa(int(s))
}

// Parse returns the signal that s names. s is a name in any case, with or without SIG; a synonym (IOT, CLD, POLL, and
// except on MIPS also UNUSED); RTMIN, RTMIN+N, RTMAX or RTMAX-N; or a decimal number from 0 to RTMax. The error quotes
// s.
func Parse(s string) (Signal, error) {
	if n, ok := parseDecimal(s); ok {
		if n <= int(RTMax) {
			return Signal(n), nil
		}
		return 0, unknownSignal(s)
	}
	name := strings.TrimPrefix(upperASCII(s), "SIG")
	if name == "" {
		return 0, unknownSignal(s)
	}
	for n, known := range names {
		if name == known {
			return Signal(n), nil
		}
	}
	for _, syn := range synonyms {
		if name == syn.name {
			return syn.signal, nil
		}
	}
	if sig, ok := parseRealTime(name); ok {
		return sig, nil
	}
	return 0, unknownSignal(s)
}

// unknownSignal returns the error of Parse, with the name that the user probably meant.
func unknownSignal(s string) error {
	name := strings.TrimLeft(s, "-")
	hint := suggest.Closest(strings.TrimPrefix(upperASCII(name), "SIG"), Names())
	if name != s {
		if sig, err := Parse(name); err == nil {
			hint = sig.String()
		}
	}
	if hint != "" {
		hint = " (did you mean " + hint + "?)"
	}
	return fmt.Errorf("unknown signal %s%s", show.Quoted(s), hint)
}

// parseRealTime parses RTMIN, RTMIN+N, RTMAX and RTMAX-N.
func parseRealTime(name string) (Signal, bool) {
	var sig Signal
	if rest, ok := strings.CutPrefix(name, "RTMIN"); ok {
		if rest == "" {
			return RTMin, true
		}
		n, ok := parseDecimal(strings.TrimPrefix(rest, "+"))
		if !ok || rest[0] != '+' {
			return 0, false
		}
		sig = RTMin + Signal(n)
	} else if rest, ok := strings.CutPrefix(name, "RTMAX"); ok {
		if rest == "" {
			return RTMax, true
		}
		n, ok := parseDecimal(strings.TrimPrefix(rest, "-"))
		if !ok || rest[0] != '-' {
			return 0, false
		}
		sig = RTMax - Signal(n)
	}
	return sig, RTMin <= sig && sig <= RTMax
}

// parseDecimal parses a number that consists of digits only. strconv.Atoi would also accept "+15", which no kill(1)
// accepts, and "-9", which is an option. n is at most 1<<16, which is larger than any signal: so n+RTMin cannot
// overflow.
func parseDecimal(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int(s[i]-'0'), 1<<16)
	}
	return n, s != ""
}

// upperASCII maps ASCII letters to upper case. strings.ToUpper would also map the Turkish dotless i to I and the long s
// to S, and so accept other letters in the names of signals.
func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// Ends reports whether the default action is to end the process, with or without a core dump. It is false for the null
// signal, for CHLD, CONT, URG and WINCH, for signals that stop a process (Stops), and for numbers that are no signals.
func (s Signal) Ends() bool {
	switch s {
	case CHLD, CONT, URG, Signal(syscall.SIGWINCH):
		return false
	}
	return s > 0 && s <= RTMax && !s.Stops()
}

// Stops reports whether the default action is to stop the process. Of these signals only STOP cannot be caught, and
// only STOP also stops a process in an orphaned process group.
func (s Signal) Stops() bool {
	switch s {
	case STOP, TSTP, TTIN, TTOU:
		return true
	}
	return false
}

// DumpsCore reports whether the default action is to end the process with a core dump.
func (s Signal) DumpsCore() bool {
	switch syscall.Signal(s) {
	case syscall.SIGQUIT, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGSEGV,
		syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGSYS:
		return true
	}
	return false
}

// Catchable reports whether package os/signal can catch the signal. It cannot catch KILL, STOP and PROF, neither 32, 33
// and 34 (RTMIN), which C libraries use internally, nor on MIPS those from 65 on.
func (s Signal) Catchable() bool {
	switch s {
	case KILL, STOP, Signal(syscall.SIGPROF), firstRT, firstRT + 1, RTMin:
		return false
	}
	return s <= 64
}

// All returns every signal that has a name, in ascending order: 1 to 31, and RTMIN to RTMAX. It omits 32 and 33, which
// glibc reserves.
func All() []Signal {
	all := make([]Signal, 0, int(RTMax))
	for s := Signal(1); s <= RTMax; s++ {
		if s < firstRT || s >= RTMin {
			all = append(all, s)
		}
	}
	return all
}

// Names returns the names of All, in the same order.
func Names() []string {
	all := All()
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s.String()
	}
	return out
}

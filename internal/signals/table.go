package signals

import "syscall"

// names holds the canonical name of each signal below the real-time range. Its indices are the numbers of the
// architecture. MIPS has the numbers of IRIX, and SIGEMT (archSignal) instead of SIGSTKFLT.
var names = [firstRT]string{
	syscall.SIGHUP:    "HUP",
	syscall.SIGINT:    "INT",
	syscall.SIGQUIT:   "QUIT",
	syscall.SIGILL:    "ILL",
	syscall.SIGTRAP:   "TRAP",
	syscall.SIGABRT:   "ABRT",
	syscall.SIGBUS:    "BUS",
	syscall.SIGFPE:    "FPE",
	syscall.SIGKILL:   "KILL",
	syscall.SIGUSR1:   "USR1",
	syscall.SIGSEGV:   "SEGV",
	syscall.SIGUSR2:   "USR2",
	syscall.SIGPIPE:   "PIPE",
	syscall.SIGALRM:   "ALRM",
	syscall.SIGTERM:   "TERM",
	archSignal:        archName,
	syscall.SIGCHLD:   "CHLD",
	syscall.SIGCONT:   "CONT",
	syscall.SIGSTOP:   "STOP",
	syscall.SIGTSTP:   "TSTP",
	syscall.SIGTTIN:   "TTIN",
	syscall.SIGTTOU:   "TTOU",
	syscall.SIGURG:    "URG",
	syscall.SIGXCPU:   "XCPU",
	syscall.SIGXFSZ:   "XFSZ",
	syscall.SIGVTALRM: "VTALRM",
	syscall.SIGPROF:   "PROF",
	syscall.SIGWINCH:  "WINCH",
	syscall.SIGIO:     "IO",
	syscall.SIGPWR:    "PWR",
	syscall.SIGSYS:    "SYS",
}

type synonym struct {
	name   string
	signal Signal
}

// synonyms are further names that Parse accepts. String never returns one.
var synonyms = append([]synonym{
	{"IOT", Signal(syscall.SIGABRT)},
	{"CLD", Signal(syscall.SIGCHLD)},
	{"POLL", Signal(syscall.SIGIO)},
}, archSynonyms...)

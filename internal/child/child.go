// Package child describes programs to start (Spec) and what happens to child processes (Event); package kernel and the
// applets share these types. Its Supervisor runs a command for reapwait, timeout and tini.
package child

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/procfs"
)

// Spec describes a program to start. The program gets the signal mask, dispositions, descriptors and limits that this
// process inherited.
type Spec struct {
	Argv, Env []string
	// Path, if set, is the executable; otherwise PATH is searched for Argv[0].
	Path string
	// Group and Session make the program the leader of a process group or session of its own.
	Group, Session bool
	// TerminalFD is a terminal: the process group of the program becomes its foreground group. NullFD replaces standard
	// input and output, then OutputFD standard output, and ErrorFD standard error. -1 means none.
	TerminalFD, NullFD, OutputFD, ErrorFD int
	// InheritFDs are inherited by the program although they are marked close-on-exec.
	InheritFDs []int
	// PIDNamespace makes the program PID 1 of a new PID namespace, with a /proc of its own.
	PIDNamespace bool
	// ResetIgnored are signals that the program does not inherit as ignored. Unblock are signals that it does not
	// inherit as blocked.
	ResetIgnored, Unblock []signals.Signal
	// DeathSignal, if not 0, is sent to the program when this process exits (PR_SET_PDEATHSIG in prctl(2)).
	DeathSignal signals.Signal
}

// NewSpec returns a Spec without descriptors.
func NewSpec(argv, env []string) *Spec {
	return &Spec{Argv: argv, Env: env, TerminalFD: -1, NullFD: -1, OutputFD: -1, ErrorFD: -1}
}

// The exit statuses of a program that runs a command, as for env(1) and timeout(1).
const (
	Failed       = 125
	CannotExec   = 126
	NotFound     = 127
	TimeLimit    = 124
	SignalOffset = 128
)

// LaunchError says why a program could not be started. Code is the exit status that reports this.
type LaunchError struct {
	Code int
	Name string
	Err  error
	// Joined: Name does not exist, and is several words of which the first can be executed.
	Joined bool
}

// JoinedHint returns the end of the message for a command of several words in one argument, "" for any other error.
// args is the command line of the applet, with argv[0]; the hint keeps the options.
func JoinedHint(err error, applet string, args []string) string {
	e := new(LaunchError)
	if !errors.As(err, &e) || !e.Joined {
		return ""
	}
	if i := slices.Index(args, applet); i > 0 && path.Base(args[0]) != applet {
		args = args[i:] // killbox APPLET
	}
	i := slices.Index(args, e.Name)
	if i == len(args)-1 {
		return quotedHint(e.Name) // a script would be the next argument
	}
	if i < 1 || slices.Contains(args[i+1:], e.Name) {
		return splitHint("", "") // which of them is the command is not known
	}
	call := applet
	for _, word := range args[1:i] {
		if show.Word(word) != word {
			return splitHint("", "") // the line would not be that of the call
		}
		call += " " + envWord(word)
	}
	return splitHint(call, e.Name)
}

// quotedHint tells how to pass words that a quoted argument contains.
func quotedHint(words string) string {
	if show.Word(words) != words || strings.Contains(words, "'") {
		return " (this is one argument)"
	}
	return " (this is one argument: drop the quotes, or write sh -c '" + words + "')"
}

// JoinedOptionsHint returns the end of the message for a wrong command line of the applet, "" unless the first argument
// is several words and the second one a file: the command line of a script whose first line has options.
func JoinedOptionsHint(applet string, args []string) string {
	if len(args) < 2 || len(strings.Fields(args[0])) < 2 {
		return ""
	}
	if info, err := os.Stat(args[1]); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return splitHint(applet, args[0])
}

// splitHint tells how to pass words as arguments of their own: the kernel passes all that follows the interpreter in
// the first line of a script as one argument. It tells the whole line only if that can be copied.
func splitHint(call, words string) string {
	words = strings.TrimSpace(words)
	if words != "" && show.Word(words) == words {
		words = " " + call + " " + words
	} else {
		words = ""
	}
	return " (this is one argument; to pass words, a script begins with #!/usr/bin/env -S" + words + ")"
}

// envWord quotes a word for env -S, if a character in it has a meaning there.
func envWord(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+=_./:,@%"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(strings.ReplaceAll(word, `\`, `\\`), "'", `\'`) + "'"
}

func (e *LaunchError) Error() string { return show.Word(e.Name) + ": " + e.Err.Error() }

func (e *LaunchError) Unwrap() error { return e.Err }

// SubreaperError says why this process cannot be made the adopter of its orphaned descendants
// (PR_SET_CHILD_SUBREAPER, Linux 3.4), as in a sandbox that refuses the call.
type SubreaperError struct{ Err error }

func (e *SubreaperError) Error() string {
	return "cannot become the reaper of orphans: prctl: " + e.Err.Error()
}

func (e *SubreaperError) Unwrap() error { return e.Err }

// Kind is the kind of an Event.
type Kind int

// The kinds of events.
const (
	Ended    Kind = iota // a child was reaped
	Stopped              // Signal stopped a child
	Signal               // this process received Signal
	Hangup               // the other end of standard input was closed
	Orphaned             // the parent of this process is gone
	FromHalf             // the other half of a pair has sent Message
	HalfLost             // the other half of a pair is gone
)

// Event is one event that WaitAndReap returns.
type Event struct {
	Kind    Kind
	Signal  signals.Signal
	Child   Child
	Message Message
}

// IsSignal reports whether the event is a signal sig that this process has received.
func (e *Event) IsSignal(sig signals.Signal) bool { return e.Kind == Signal && e.Signal == sig }

// Child is a child that was reaped or stopped.
type Child struct {
	// Stat holds only the PID if details were not requested or could not be read.
	procfs.Stat
	Status signals.Status
	// Run is the time since the child was started; 0 if the start time is not known. CPU is the processor time, and
	// Peak the largest resident size in bytes, of the child and of the children that it has reaped.
	Run, CPU time.Duration
	Peak     uint64
}

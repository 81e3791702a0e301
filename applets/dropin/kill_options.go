package dropin

import (
	"fmt"
	"math"
	"strings"
	"time"

	"killbox/internal/cli"
	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// killHelp is the list of options in the form of cli.PrintHelp.
const killHelp = `
  -s, --signal SIG	send SIG instead of TERM; also -SIG
  -n NUM	send the signal with the number NUM
  -q, --queue VALUE	send VALUE with the signal (sigqueue(3))
      --timeout MS SIG	send SIG to the processes that remain MS milliseconds later, and wait (repeatable)
  -a, --all	with NAME, signal processes of other users, too
  -p, --pid	print the PIDs and signal nothing
  -r, --require-handler	signal only processes that have a handler for the signal
  -l, --list	list signals, or translate names, numbers, exit statuses and 0x masks
  -L, --table	list signals with their numbers; also -t
  -d, --show-process-state PID	print the signals that PID has pending, blocks, ignores and catches
      --dry-run	signal nothing; print what would be signalled
      --verbose	print the PID of each process that is signalled
  -h, --help	print this help and exit
  -V, --version	print the version and exit; also -v

The manual is kill(1): man kill
`

// killWords are the words of the command line that have not been read; the first is an option.
type killWords struct {
	rest     []string // begins with the option
	name     string   // the option, without its attached argument
	value    string   // the attached argument
	attached bool
}

// next returns the next argument of the option: the attached one, or else the next word, which it removes from rest.
func (w *killWords) next() (string, bool) {
	if w.attached {
		w.attached = false
		return w.value, true
	}
	if len(w.rest) < 2 {
		return "", false
	}
	w.rest = w.rest[1:]
	return w.rest[0], true
}

// killOption carries out an option. If over is true, the call ends, and code is its exit status.
type killOption func(c *killCall, w *killWords) (code int, over bool)

// killOptions maps the names of the options, with their dashes.
var killOptions = map[string]killOption{
	"-h": (*killCall).printHelp, "--help": (*killCall).printHelp,
	"-v": (*killCall).printVersion, "-V": (*killCall).printVersion, "--version": (*killCall).printVersion,
	"-a": flag(func(c *killCall) { c.all = true }), "--all": flag(func(c *killCall) { c.all = true }),
	"-r": flag(func(c *killCall) { c.handler = true }), "--require-handler": flag(func(c *killCall) { c.handler = true }),
	"-p": flag(func(c *killCall) { c.pidOnly = true }), "--pid": flag(func(c *killCall) { c.pidOnly = true }),
	"--dry-run": flag(func(c *killCall) { c.dryRun = true }),
	"--verbose": flag(func(c *killCall) { c.verbose = true }),
	"-l":        (*killCall).printTranslations, "--list": (*killCall).printTranslations,
	"-L": (*killCall).printTable, "-t": (*killCall).printTable, "--table": (*killCall).printTable,
	"-d": (*killCall).printState, "--show-process-state": (*killCall).printState,
	"-s": (*killCall).setSignal, "-n": (*killCall).setSignal, "--signal": (*killCall).setSignal,
	"-q": (*killCall).setQueue, "--queue": (*killCall).setQueue,
	"--timeout": (*killCall).addTimeout,
}

// flag returns an option without an argument.
func flag(set func(*killCall)) killOption {
	return func(c *killCall, _ *killWords) (int, bool) {
		set(c)
		return 0, false
	}
}

// parse reads the command line. Options come before operands. The first word with a dash that is no option is a signal.
// After a signal such a word is a process group, and begins the operands: POSIX resolves the ambiguity of -N in this
// way.
func (c *killCall) parse(args []string) (operands []string, code int, over bool) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "--" {
			return args[1:], 0, false
		}
		w := newKillWords(args)
		option := killOptions[w.name]
		if option == nil {
			if c.chosen {
				return args, 0, false
			}
			option = (*killCall).setShorthand
		}
		if code, over := option(c, w); over {
			return nil, code, true
		}
		switch {
		case c.pidOnly && c.chosen:
			return nil, c.fail("--pid and --signal are mutually exclusive"), true
		case c.pidOnly && c.queue:
			return nil, c.fail("--pid and --queue are mutually exclusive"), true
		}
		args = w.rest[1:]
	}
	return args, 0, false
}

// newKillWords splits the first word into option and argument: --NAME=VALUE, -l=VALUE, -d=VALUE, and -xVALUE for the
// letters that take an argument. A word that is a signal, such as -SEGV, is not split.
func newKillWords(args []string) *killWords {
	word := args[0]
	w := &killWords{rest: args, name: word}
	if strings.HasPrefix(word, "--") {
		w.name, w.value, w.attached = strings.Cut(word, "=")
		return w
	}
	if len(word) < 3 {
		return w
	}
	if _, err := killSignal(word[1:]); err == nil {
		return w
	}
	switch name := word[:2]; name {
	case "-l", "-d":
		w.name, w.value, w.attached = name, strings.TrimPrefix(word[2:], "="), true
	case "-s", "-n", "-q":
		w.name, w.value, w.attached = name, word[2:], true
	}
	return w
}

func (c *killCall) printHelp(*killWords) (int, bool) {
	cli.PrintHelp(c.env, c.env.Stdout, "usage: kill "+c.applet.Usage+"\n"+c.applet.Summary+"\n"+killHelp)
	return 0, true
}

func (c *killCall) printVersion(*killWords) (int, bool) {
	fmt.Fprintf(c.env.Stdout, "%s (killbox) %s\n", c.applet.Name, cli.Version)
	return 0, true
}

// printTranslations carries out --list, whose arguments are all words that follow.
func (c *killCall) printTranslations(w *killWords) (int, bool) {
	words := w.rest[1:]
	if w.attached {
		words = append([]string{w.value}, words...)
	}
	return c.translateWords(words), true
}

func (c *killCall) printTable(*killWords) (int, bool) {
	c.table(c.env.Stdout)
	return 0, true
}

// printState carries out --show-process-state, which takes exactly one PID.
func (c *killCall) printState(w *killWords) (int, bool) {
	if len(w.rest) > 2 && !w.attached {
		return c.fail("too many arguments"), true
	}
	pid, ok := w.next()
	if !ok {
		return c.fail("too few arguments"), true
	}
	return c.showState(pid), true
}

// setSignal carries out --signal, and -n, which accepts numbers only.
func (c *killCall) setSignal(w *killWords) (int, bool) {
	word, ok := w.next()
	if !ok {
		return c.fail("not enough arguments"), true
	}
	sig, err := killSignal(word)
	if err != nil || w.name == "-n" && strings.Trim(word, "0123456789") != "" {
		return c.failUnknownSignal(word), true
	}
	c.signal, c.chosen = sig, true
	return 0, false
}

// setShorthand carries out -SIG.
func (c *killCall) setShorthand(w *killWords) (int, bool) {
	word := w.rest[0][1:]
	sig, err := killSignal(word)
	if err != nil {
		return c.fail("invalid signal name or number: %s", show.Word(word)), true
	}
	c.signal, c.chosen = sig, true
	return 0, false
}

// setQueue carries out --queue.
func (c *killCall) setQueue(w *killWords) (int, bool) {
	option := w.rest[0]
	word, ok := w.next()
	if !ok {
		return c.noArgument(option), true
	}
	n, err := parseUtilNumber("argument error", word, math.MinInt32, 32)
	if err != nil {
		return c.fail("%v", err), true
	}
	c.value, c.queue = int32(n), true
	return 0, false
}

// addTimeout carries out --timeout, which takes two arguments: milliseconds and a signal.
func (c *killCall) addTimeout(w *killWords) (int, bool) {
	option := w.rest[0]
	word, ok := w.next()
	if !ok {
		return c.noArgument(option), true
	}
	ms, err := parseUtilNumber("argument error", word, 0, 32)
	if err != nil {
		return c.fail("%v", err), true
	}
	if word, ok = w.next(); !ok {
		return c.noArgument(option), true
	}
	sig, err := killSignal(word)
	if err != nil {
		return c.failUnknownSignal(word), true
	}
	c.followUp = append(c.followUp, escalate.Step{Signal: sig, Grace: time.Duration(ms) * time.Millisecond})
	return 0, false
}

func (c *killCall) noArgument(option string) int {
	return c.fail("option '%s' requires an argument", show.Word(option))
}

// killSignal reads a signal. It accepts RT3 for RTMIN+3, as util-linux does.
func killSignal(word string) (signals.Signal, error) {
	sig, err := signals.Parse(word)
	if err == nil {
		return sig, nil
	}
	name := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	if n, ok := cli.ParseDecimal(strings.TrimPrefix(name, "RT")); ok && strings.HasPrefix(name, "RT") {
		if sig := signals.RTMin + signals.Signal(n); n <= int(signals.RTMax) && sig <= signals.RTMax {
			return sig, nil
		}
	}
	return 0, err
}

func (c *killCall) failUnknownSignal(name string) int {
	c.say("unknown signal %s; valid signals:", show.Word(name))
	c.table(c.env.Stderr)
	return killFailed
}

func (c *killCall) showState(word string) int {
	pid, err := parseUtilNumber("invalid PID argument", word, 1, 32)
	if err != nil {
		return c.fail("%v", err)
	}
	if c.env.Proc == nil {
		return c.fail("%v", c.env.ProcErr)
	}
	status, err := c.env.Proc.Status(int(pid))
	if err != nil {
		return c.fail("failed to initialize procfs handler: No such file or directory")
	}
	for _, set := range []struct {
		label string
		mask  uint64
	}{
		{"Pending (thread)", uint64(status.ThreadPending)},
		{"Pending (process)", uint64(status.Pending)},
		{"Blocked", uint64(status.Blocked)},
		{"Ignored", uint64(status.Ignored)},
		{"Caught", uint64(status.Caught)},
	} {
		if set.mask != 0 {
			// util-linux, too, prints a blank at the end.
			fmt.Fprintf(c.env.Stdout, "%s: %s \n", set.label, strings.Join(maskNames(set.mask), " "))
		}
	}
	return 0
}

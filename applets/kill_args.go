//go:build !nodropins

package applets

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"killbox/internal/escalate"
	"killbox/internal/show"
	"killbox/internal/signals"
)

const killHelp = `usage: kill %s
%s

  -s, --signal SIG              send SIG instead of TERM; also -SIG
  -n NUM                        the same, by number
  -q, --queue VALUE             send VALUE with it (sigqueue(3))
      --timeout MS              (then a SIG) send SIG too after MS milliseconds, and wait for the end; may be repeated
  -a, --all                     names also mean the processes of other users
  -p, --pid                     print the PIDs, signal nobody
  -r, --require-handler         leave out who has no handler for the signal
  -l, --list                    list signals, or translate names, numbers, exit statuses and 0x masks
  -L, --table                   list signals with their numbers; also -t
  -d, --show-process-state PID  print the signals that PID has pending, blocks, ignores and catches
      --verbose                 print who is signalled
  -h, --help                    print this help and exit
  -V, --version                 print the version and exit; also -v
`

// parse reads the command line. Of options and operands it is the options that
// come first, and what looks like neither is a signal, but only once: behind
// that it is a process group.
func (c *killCall) parse(args []string) (operands []string, code int, over bool) {
	end := func(code int) ([]string, int, bool) { return nil, code, true }
	for ; len(args) > 0; args = args[1:] {
		word := args[0]
		if !strings.HasPrefix(word, "-") {
			break
		}
		if word == "--" {
			args = args[1:]
			break
		}
		name, value, attached := cutOption(word)
		// next returns the option's argument, and takes it off.
		next := func() (string, bool) {
			if attached {
				return value, true
			}
			if len(args) < 2 {
				return "", false
			}
			args = args[1:]
			return args[0], true
		}
		switch name {
		case "-h", "--help":
			fmt.Fprintf(c.env.Stdout, killHelp, c.applet.Usage, c.applet.Summary)
			return end(0)
		case "-v", "-V", "--version":
			fmt.Fprintf(c.env.Stdout, "%s (killbox) %s\n", c.applet.Name, Version)
			return end(0)
		case "--verbose":
			c.verbose = true
		case "-a", "--all":
			c.all = true
		case "-r", "--require-handler":
			c.handler = true
		case "-p", "--pid":
			c.pidOnly = true
		case "-l", "--list":
			words := args[1:]
			if attached {
				words = append([]string{value}, words...)
			}
			return end(c.list(words))
		case "-L", "--table", "-t":
			c.table(c.env.Stdout)
			return end(0)
		case "-d", "--show-process-state":
			if len(args) > 2 && !attached {
				return end(c.wrong("too many arguments"))
			}
			pid, ok := next()
			if !ok {
				return end(c.wrong("too few arguments"))
			}
			return end(c.showState(pid))
		case "-s", "--signal", "-n":
			sig, ok := next()
			if !ok {
				return end(c.wrong("not enough arguments"))
			}
			c.signal, ok = killSignal(sig)
			if name == "-n" && strings.Trim(sig, "0123456789") != "" {
				ok = false
			}
			if !ok {
				return end(c.unknown(sig))
			}
			c.chosen = true
		case "-q", "--queue":
			text, ok := next()
			if !ok {
				return end(c.wrong("option '%s' requires an argument", show.Word(word)))
			}
			n, err := utilNumber("argument error", text, math.MinInt32, 32)
			if err != nil {
				return end(c.wrong("%v", err))
			}
			c.value, c.queue = int32(n), true
		case "--timeout":
			text, ok := next()
			if !ok {
				return end(c.wrong("option '%s' requires an argument", show.Word(word)))
			}
			ms, err := utilNumber("argument error", text, 0, 32)
			if err != nil {
				return end(c.wrong("%v", err))
			}
			if len(args) < 2 {
				return end(c.wrong("option '%s' requires an argument", show.Word(word)))
			}
			args = args[1:]
			sig, ok := killSignal(args[0])
			if !ok {
				return end(c.unknown(args[0]))
			}
			c.followUp = append(c.followUp, escalate.Step{Signal: sig, Grace: time.Duration(ms) * time.Millisecond})
		default:
			// POSIX has -N a signal in case of doubt. If there has been one, it
			// is a group, and an operand.
			if c.chosen {
				return args, 0, false
			}
			sig, ok := killSignal(word[1:])
			if !ok {
				return end(c.wrong("invalid signal name or number: %s", show.Word(word[1:])))
			}
			c.signal, c.chosen = sig, true
		}
		switch {
		case c.pidOnly && c.chosen:
			return end(c.wrong("--pid and --signal are mutually exclusive"))
		case c.pidOnly && c.queue:
			return end(c.wrong("--pid and --queue are mutually exclusive"))
		}
	}
	return args, 0, false
}

// cutOption splits --NAME=VALUE, -x=VALUE of -l and -d, and -xVALUE of those
// that take one, unless the word is a signal as a whole.
func cutOption(word string) (name, value string, attached bool) {
	if strings.HasPrefix(word, "--") {
		return strings.Cut(word, "=")
	}
	if len(word) < 3 {
		return word, "", false
	}
	if _, signal := killSignal(word[1:]); signal {
		return word, "", false
	}
	name, value = word[:2], word[2:]
	switch name {
	case "-l", "-d":
		return name, strings.TrimPrefix(value, "="), true
	case "-s", "-n", "-q":
		return name, value, true
	}
	return word, "", false
}

// killSignal reads a signal as util-linux does: RT3 is RTMIN+3.
func killSignal(word string) (signals.Signal, bool) {
	sig, err := signals.Parse(word)
	if err == nil {
		return sig, true
	}
	name := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	if n, ok := decimal(strings.TrimPrefix(name, "RT")); ok && strings.HasPrefix(name, "RT") {
		if sig := signals.RTMin + signals.Signal(n); n <= int(signals.RTMax) && sig <= signals.RTMax {
			return sig, true
		}
	}
	return 0, false
}

func (c *killCall) unknown(name string) int {
	c.say("unknown signal %s; valid signals:", show.Word(name))
	c.table(c.env.Stderr)
	return killFailed
}

// utilNumber reads a number from low on, of so many bits, as the tools of util-linux do: blanks and a sign may stand
// before it. The error begins with what, and gives a reason only if the number is out of range.
func utilNumber(what, word string, low int64, bits int) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimLeft(word, blanks), 10, bits)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n < low:
		return 0, fmt.Errorf("%s: '%s': %s", what, show.Word(word), cError(syscall.ERANGE))
	case err != nil:
		return 0, fmt.Errorf("%s: '%s'", what, show.Word(word))
	}
	return n, nil
}

func (c *killCall) showState(word string) int {
	pid, err := utilNumber("invalid PID argument", word, 1, 32)
	if err != nil {
		return c.wrong("%v", err)
	}
	if c.env.Proc == nil {
		return c.wrong("%v", c.env.ProcErr)
	}
	status, err := c.env.Proc.Status(int(pid))
	if err != nil {
		return c.wrong("failed to initialize procfs handler: No such file or directory")
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
			// The blank at the end is the original's.
			fmt.Fprintf(c.env.Stdout, "%s: %s \n", set.label, strings.Join(maskNames(set.mask), " "))
		}
	}
	return 0
}

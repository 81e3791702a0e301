package dropin

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"killbox/internal/cli"
	"killbox/internal/posixre"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"

	"github.com/spf13/pflag"
)

type killallOptions struct {
	env *cli.Env // nil if only the names of the options are needed

	exact, ignoreCase, group, interactive, quiet bool
	regexp, verbose, wait, list, help, version   bool
	dryRun                                       bool

	signal         signals.Signal
	uid            int
	hasUID         bool
	younger, older time.Duration
	nsPID          int
	context        *posixre.Regexp
}

func (o *killallOptions) flags(name string) *pflag.FlagSet {
	f := cli.NewFlagSet()
	o.signal = signals.TERM
	value := func(name, letter, typ string, set func(string) error) {
		f.VarP(optionFunc{set, typ}, name, letter, "")
	}
	age := func(into *time.Duration) func(string) error {
		return func(s string) (err error) {
			*into, err = killallAge(s)
			return err
		}
	}
	f.BoolVarP(&o.exact, "exact", "e", false, "")
	f.BoolVarP(&o.ignoreCase, "ignore-case", "I", false, "")
	f.BoolVarP(&o.group, "process-group", "g", false, "")
	value("younger-than", "y", "TIME", age(&o.younger))
	value("older-than", "o", "TIME", age(&o.older))
	f.BoolVarP(&o.interactive, "interactive", "i", false, "")
	f.BoolVarP(&o.list, "list-signals", "l", false, "")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "")
	f.BoolVarP(&o.regexp, "regexp", "r", false, "")
	value("signal", "s", "SIGNAL", o.setSignal)
	value("user", "u", "USER", func(s string) (err error) {
		switch o.uid, err = cli.UserID(o.env, s); {
		case errors.As(err, new(*target.LookupError)):
			return fmt.Errorf("%s: %w", name, err)
		case err != nil:
			return &usageError{text: "Cannot find user " + show.Word(s)}
		}
		o.hasUID = true
		return nil
	})
	f.BoolVarP(&o.verbose, "verbose", "v", false, "")
	f.BoolVarP(&o.wait, "wait", "w", false, "")
	f.BoolVar(&o.dryRun, "dry-run", false, "")
	value("ns", "n", "PID", func(s string) (err error) {
		if o.nsPID, err = strconv.Atoi(s); err != nil || o.nsPID < 0 {
			return &usageError{text: "Invalid namespace PID", try: true}
		}
		return nil
	})
	value("context", "Z", "REGEXP", func(s string) (err error) {
		if o.context, err = posixre.Compile(s, false); err != nil {
			return &usageError{text: "Bad regular expression: " + show.Word(s)}
		}
		return nil
	})
	f.BoolVarP(&o.version, "version", "V", false, "")
	f.BoolVarP(&o.help, "help", "h", false, "")
	return f
}

// setSignal sets the signal by name or number.
func (o *killallOptions) setSignal(s string) (err error) {
	if o.signal, err = signals.Parse(s); err != nil {
		return &usageError{text: show.Word(strings.TrimPrefix(s, "SIG")) + ": unknown signal; killall -l lists signals."}
	}
	return nil
}

// killallAge reads a positive number with a unit; the unit is required. As in psmisc, a month has 4 weeks and a year 12
// such months.
func killallAge(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	units := map[string]time.Duration{
		"s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "M": 28 * day, "y": 336 * day,
	}
	number := strings.TrimRight(s, "smhdwMy")
	n, err := strconv.ParseFloat(number, 64)
	d := n * float64(units[s[len(number):]])
	if err != nil || !(d > 0) || strings.Trim(number, "0123456789.") != "" {
		return 0, &usageError{text: "Invalid time format", try: true}
	}
	return time.Duration(min(d, math.MaxInt64/2)), nil
}

// parse reads the command line as getopt_long_only(3) does: a long option may have one dash. A word that is no option,
// and begins with a dash and a digit or a capital letter other than Z, is a signal. With inOrder the first operand ends
// the options.
func (o *killallOptions) parse(name string, inOrder bool, args []string) (operands []string, err error) {
	flags := o.flags(name)
	if len(args) == 0 {
		return nil, &getoptError{}
	}
	for len(args) > 0 && err == nil && !o.help && !o.version && !o.list {
		word := args[0]
		args = args[1:]
		body, dash := strings.CutPrefix(word, "-")
		operand := !dash || body == ""
		switch {
		case word == "--":
			return append(operands, args...), nil
		case operand && inOrder:
			return append(append(operands, word), args...), nil
		case operand:
			operands = append(operands, word)
		default:
			args, err = o.parseOption(flags, body, args)
		}
	}
	if err == errEnough {
		err = nil
	}
	return operands, err
}

// parseOption reads the option body, which lacks its first dash, and returns args without its argument.
func (o *killallOptions) parseOption(flags *pflag.FlagSet, body string, args []string) ([]string, error) {
	switch {
	case body[0] == '-':
		return (&cli.Getopt{Flags: flags, Set: setOption}).Long(body[1:], args)
	case len(body) == 1 && flags.ShorthandLookup(body) != nil:
		return (&cli.Getopt{Flags: flags, Set: setOption}).Letters(body, args)
	case body == "ve" || body == "ver":
		o.verbose, o.exact = true, true // psmisc, too, takes these words for -v -e, not for --version
		return args, nil
	case o.isLong(flags, body):
		return (&cli.Getopt{Flags: flags, Set: setOption}).Long(body, args)
	case body[0] >= '0' && body[0] <= '9' || body[0] >= 'A' && body[0] <= 'Y':
		return args, o.setSignal(body)
	}
	// -h must be a word of its own. -hup, which is a signal for other tools, is an error.
	return (&cli.Getopt{Flags: flags, Off: "h", Set: setOption}).Letters(body, args)
}

// isLong reports whether word, without its argument, is a prefix of a long option.
func (o *killallOptions) isLong(flags *pflag.FlagSet, word string) (ok bool) {
	name, _, _ := strings.Cut(word, "=")
	flags.VisitAll(func(f *pflag.Flag) { ok = ok || strings.HasPrefix(f.Name, name) })
	return ok
}

// readLine reads a line byte by byte, so that the following lines stay in the input. The last line may lack a newline.
// ok is false at the end of the input.
func readLine(r io.Reader) (line string, ok bool) {
	var b [1]byte
	for {
		n, err := r.Read(b[:])
		if n == 0 && err != nil {
			return line, line != ""
		}
		if n == 1 && b[0] == '\n' {
			return line, true
		}
		line += string(b[:n])
	}
}

// killallList prints the names of the signals below RTMIN, in lines of 80 columns as psmisc does.
func killallList(w io.Writer) {
	column := 0
	for _, sig := range signals.All() {
		name := sig.String()
		if sig >= signals.RTMin {
			break
		}
		if name == "IO" {
			name = "POLL"
		}
		if column+len(name)+1 > 80 {
			fmt.Fprintln(w)
			column = 0
		}
		if column > 0 {
			fmt.Fprint(w, " ")
		}
		fmt.Fprint(w, name)
		column += len(name) + 1
	}
	fmt.Fprintln(w)
}

// killallUsage is the text of --help, in the form of cli.PrintHelp.
const killallUsage = `Usage: killall [OPTION]... [--] NAME...
       killall -l | -V | -h

  -e, --exact	skip processes whose names are cut off and cannot be found in full
  -I, --ignore-case	ignore case
  -g, --process-group	signal the process group of each process that matches, once
  -y, --younger-than TIME	only processes started less than TIME ago: 90s 5m 2h 1d 1w 1M 1y
  -o, --older-than TIME	only processes started more than TIME ago
  -i, --interactive	ask before each signal
  -l, --list-signals	list the signals
  -q, --quiet	do not report names that no process has
  -r, --regexp	the names are extended regular expressions
  -s, --signal SIGNAL	send SIGNAL instead of TERM; also -SIGNAL
  -u, --user USER	only processes with this real user
  -v, --verbose	report each process that was signalled
  -w, --wait	wait until all signalled processes are gone
      --dry-run	signal nothing; print what would be signalled
  -n, --ns PID	only processes in the PID namespace of PID
  -Z, --context REGEXP	only processes whose security context matches
  -V, --version	print the version
  -h, --help	print this

The manual is killall(1): man killall
`

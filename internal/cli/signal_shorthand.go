package cli

import (
	"fmt"
	"strings"

	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// ExpandSignalShorthand rewrites the shorthand of kill(1): -TERM to --signal=TERM, -SIGTERM to --signal=SIGTERM, -15 to
// --signal=15. It rewrites a word only where an option may stand, and only if the whole word is a signal. A word that
// looks like a signal and is none is an error, so that it is not parsed as a cluster of other options. With command,
// words after the first operand are unchanged.
func ExpandSignalShorthand(flags *pflag.FlagSet, args []string, command bool) ([]string, error) {
	if flags.Lookup("signal") == nil {
		return args, nil
	}
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "--" {
			return append(out, args[i:]...), nil
		}
		name, dash := strings.CutPrefix(word, "-")
		if command && (!dash || name == "") {
			return append(out, args[i:]...), nil
		}
		isSignal := false
		if dash && len(name) > 1 {
			_, err := signals.Parse(name)
			isSignal = err == nil
		}
		switch {
		case !dash || name == "" || name[0] == '-' && !takesNext(flags, word):
		case takesNext(flags, word) && !isSignal: // -int is INT, although -t takes a value
			out = append(out, word)
			if i++; i == len(args) {
				return out, nil
			}
			word = args[i]
		default:
			var err error
			if word, err = expandShorthand(flags, word); err != nil {
				return nil, err
			}
		}
		out = append(out, word)
	}
	return out, nil
}

func expandShorthand(flags *pflag.FlagSet, word string) (string, error) {
	name := word[1:]
	_, err := signals.Parse(name)
	switch {
	case err == nil:
		return "--signal=" + name, nil
	case !looksLikeSignal(flags, name):
		return word, nil
	}
	if _, ok := ParseDecimal(name); ok {
		err = fmt.Errorf("%w (a process group goes after --: -- %s)", err, word)
	}
	return "", err
}

// takesNext reports whether the next argument is the value of this option word.
func takesNext(flags *pflag.FlagSet, word string) bool {
	if name, long := strings.CutPrefix(word, "--"); long {
		fits := fitting(flags, name)
		return len(fits) == 1 && fits[0].NoOptDefVal == ""
	}
	letters := word[1:]
	for i := range len(letters) {
		f := flags.ShorthandLookup(letters[i : i+1])
		if f == nil {
			return false
		}
		if f.NoOptDefVal == "" {
			return i == len(letters)-1
		}
	}
	return false
}

// looksLikeSignal reports whether an option word, without its dash, looks like a signal: it begins with a digit, or it
// has at least two characters and begins with a capital that is not the letter of an option.
func looksLikeSignal(flags *pflag.FlagSet, name string) bool {
	if name[0] >= '0' && name[0] <= '9' {
		return true
	}
	if name[0] < 'A' || name[0] > 'Z' || flags.ShorthandLookup(name[:1]) != nil {
		return false
	}
	return len(name) > 1
}

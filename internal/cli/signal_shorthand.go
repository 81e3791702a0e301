package cli

import (
	"fmt"
	"strings"

	"killbox/internal/show"
	"killbox/internal/signals"

	"github.com/spf13/pflag"
)

// ExpandSignalShorthand rewrites kill(1)'s shorthand, -TERM, -SIGTERM and -15, into
// --signal=TERM. Only a word that stands where an option may stand is looked
// at, and only if it is a signal as a whole: a wrong one is an error rather
// than taken for something else. The words of a command are its own.
func ExpandSignalShorthand(flags *pflag.FlagSet, args []string, command bool) ([]string, error) {
	if flags.Lookup("signal") == nil {
		return args, nil
	}
	return mapOptions(flags, args, command, func(word string) (string, error) { return liftSignal(flags, word) })
}

func liftSignal(flags *pflag.FlagSet, word string) (string, error) {
	name := word[1:]
	if _, err := signals.Parse(name); err == nil {
		return "--signal=" + name, nil
	}
	if looksLikeSignal(flags, name) {
		return "", fmt.Errorf("unknown signal %s (a process group goes after --)", show.Quoted(name))
	}
	return word, nil
}

// mapOptions replaces each word that stands where options of one letter may stand. Values of options, and what follows
// "--" or with command the first operand, stay as they are.
func mapOptions(flags *pflag.FlagSet, args []string, command bool, replace func(word string) (string, error)) ([]string, error) {
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
		switch {
		case !dash || name == "" || strings.HasPrefix(name, "-") && !takesNext(flags, word):
		case takesNext(flags, word):
			out = append(out, word)
			if i++; i == len(args) {
				return out, nil
			}
			word = args[i]
		default:
			var err error
			if word, err = replace(word); err != nil {
				return nil, err
			}
		}
		out = append(out, word)
	}
	return out, nil
}

// takesNext holds when the option word has its value in the next one.
func takesNext(flags *pflag.FlagSet, word string) bool {
	if name, long := strings.CutPrefix(word, "--"); long {
		f := flags.Lookup(name)
		return f != nil && f.NoOptDefVal == ""
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

// looksLikeSignal holds for a number and for capitals that are not options.
func looksLikeSignal(flags *pflag.FlagSet, name string) bool {
	if name[0] >= '0' && name[0] <= '9' {
		return true
	}
	if name[0] < 'A' || name[0] > 'Z' || flags.ShorthandLookup(name[:1]) != nil {
		return false
	}
	return len(name) > 1
}

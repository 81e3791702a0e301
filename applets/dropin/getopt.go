package dropin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"

	"github.com/spf13/pflag"
)

// getopt reads a command line as getopt_long(3) of glibc does, and returns the operands.
//
// An unambiguous prefix of a long option is accepted. A getoptError has the text that glibc prints. An error of
// Value.Set is returned unchanged. The letters in off are rejected, although flags has them: pgrep, pkill and pidwait
// share their long options, but not all letters. With inOrder the first operand ends the options. getopt reads no word
// after --help, --version or --list-signals.
func getopt(flags *pflag.FlagSet, off string, inOrder bool, args []string) (operands []string, err error) {
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			return append(operands, args...), nil
		case strings.HasPrefix(word, "--"):
			args, err = longOption(flags, word[2:], args)
		case len(word) > 1 && word[0] == '-':
			args, err = letters(flags, off, word[1:], args)
		case inOrder:
			return append(operands, append([]string{word}, args...)...), nil
		default:
			operands = append(operands, word)
		}
		switch {
		case err == errEnough:
			return operands, nil
		case err != nil:
			return nil, err
		}
	}
	return operands, nil
}

// posixlyCorrect reports whether POSIXLY_CORRECT is set. An empty value counts. With POSIXLY_CORRECT, getopt(3) of
// glibc ends the options at the first operand.
func posixlyCorrect(e *cli.Env) bool {
	_, set := e.LookupEnv("POSIXLY_CORRECT")
	return set
}

// errEnough makes getopt stop reading without an error, after --help, --version or --list-signals.
var errEnough = errors.New("")

// setOption sets an option. It returns errEnough if the option ends the command line.
func setOption(f *pflag.Flag, value string) error {
	err := f.Value.Set(value)
	if err == nil && (f.Name == "help" || f.Name == "version" || f.Name == "list-signals") {
		err = errEnough
	}
	return err
}

// getoptError is an error that getopt_long(3) itself prints. Most tools print their usage after it.
type getoptError struct{ text string }

func (e *getoptError) Error() string { return e.text }

// misused returns a getoptError.
func misused(format string, args ...any) error { return &getoptError{fmt.Sprintf(format, args...)} }

// longOption sets the long option in word, which lacks the two dashes and may abbreviate the name. If the option takes
// the first word of rest as its argument, longOption returns rest without that word.
func longOption(flags *pflag.FlagSet, word string, rest []string) ([]string, error) {
	name, value, attached := strings.Cut(word, "=")
	f := flags.Lookup(name)
	if f == nil {
		var fits []*pflag.Flag
		flags.VisitAll(func(f *pflag.Flag) {
			if strings.HasPrefix(f.Name, name) {
				fits = append(fits, f)
			}
		})
		switch len(fits) {
		case 0:
			return nil, misused("unrecognized option '--%s'", show.Word(word))
		case 1:
			f = fits[0]
		default:
			var list strings.Builder
			for _, f := range fits {
				fmt.Fprintf(&list, " '--%s'", f.Name)
			}
			return nil, misused("option '--%s' is ambiguous; possibilities:%s", show.Word(word), list.String())
		}
	}
	switch {
	case f.NoOptDefVal != "" && attached:
		return nil, misused("option '--%s' doesn't allow an argument", f.Name)
	case f.NoOptDefVal != "":
		return rest, setOption(f, f.NoOptDefVal)
	case attached:
		return rest, f.Value.Set(value)
	case len(rest) == 0:
		return nil, misused("option '--%s' requires an argument", f.Name)
	}
	return rest[1:], f.Value.Set(rest[0])
}

// letters sets the one-letter options in word, which lacks its dash. If an option takes the first word of rest as its
// argument, letters returns rest without that word.
func letters(flags *pflag.FlagSet, off, word string, rest []string) ([]string, error) {
	for i := range len(word) {
		var f *pflag.Flag
		if !slices.Contains([]byte(off), word[i]) {
			f = flags.ShorthandLookup(word[i : i+1])
		}
		switch {
		case f == nil:
			return nil, misused("invalid option -- '%s'", show.Word(word[i:i+1]))
		case f.NoOptDefVal != "":
			if err := setOption(f, f.NoOptDefVal); err != nil {
				return nil, err
			}
			continue
		case i+1 < len(word):
			return rest, f.Value.Set(word[i+1:])
		case len(rest) == 0:
			return nil, misused("option requires an argument -- '%s'", word[i:i+1])
		}
		return rest[1:], f.Value.Set(rest[0])
	}
	return rest, nil
}

// optionFunc is an option that calls set when it is read, so that the first error of a command line is the one
// reported.
type optionFunc struct {
	set func(string) error
	typ string
}

func (o optionFunc) String() string     { return "" }
func (o optionFunc) Type() string       { return o.typ }
func (o optionFunc) Set(s string) error { return o.set(s) }

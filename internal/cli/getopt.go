package cli

import (
	"fmt"
	"strings"

	"killbox/internal/show"

	"github.com/spf13/pflag"
)

// Getopt reads a command line as getopt_long(3) of glibc does. An unambiguous prefix of a long option is accepted.
type Getopt struct {
	Flags *pflag.FlagSet
	// Off are letters that are rejected, although Flags has them: pgrep, pkill and pidwait share their long options,
	// but not all letters.
	Off string
	// InOrder says that the first operand ends the options.
	InOrder bool
	// Set sets an option. Its error ends the reading, and is returned unchanged.
	Set func(f *pflag.Flag, value string) error
	// Never is a name that is no abbreviation of an option: another tool has an option of that name.
	Never string
	// Equals says that the argument of a letter may follow an equals sign: -k=5.
	Equals bool
}

// GetoptError is an error that getopt_long(3) itself prints, with its text. Most tools print their usage after it.
type GetoptError struct {
	text    string
	word    string // the word of the command line
	unknown string // the name of the long option, or the letters from the first one that does not exist
}

func (e *GetoptError) Error() string { return e.text }

// misused returns a GetoptError.
func misused(format string, args ...any) *GetoptError {
	return &GetoptError{text: fmt.Sprintf(format, args...)}
}

// Parse reads a command line, and returns the operands that precede an error.
func (g *Getopt) Parse(args []string) (operands []string, err error) {
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			return append(operands, args...), nil
		case strings.HasPrefix(word, "--"):
			args, err = g.Long(word[2:], args)
		case len(word) > 1 && word[0] == '-':
			args, err = g.Letters(word[1:], args)
		case g.InOrder:
			return append(operands, append([]string{word}, args...)...), nil
		default:
			operands = append(operands, word)
		}
		if err != nil {
			return operands, err
		}
	}
	return operands, nil
}

// Long sets the long option in word, which lacks the two dashes and may abbreviate the name. If the option takes the
// first word of rest as its argument, Long returns rest without that word.
func (g *Getopt) Long(word string, rest []string) ([]string, error) {
	name, value, attached := strings.Cut(word, "=")
	fits := fitting(g.Flags, name)
	if name == g.Never {
		fits = nil
	}
	switch len(fits) {
	case 0:
		err := misused("unrecognized option '--%s'", show.Word(word))
		err.word, err.unknown = "--"+word, name
		return nil, err
	case 1:
	default:
		list := ""
		for _, f := range fits {
			list += " '--" + f.Name + "'"
		}
		return nil, misused("option '--%s' is ambiguous; possibilities:%s", show.Word(word), list)
	}
	f := fits[0]
	switch {
	case attached && !takesArgument(f):
		return nil, misused("option '--%s' doesn't allow an argument", f.Name)
	case attached:
		return rest, g.Set(f, value)
	case f.NoOptDefVal != "":
		return rest, g.Set(f, f.NoOptDefVal)
	case len(rest) == 0:
		return nil, misused("option '--%s' requires an argument", f.Name)
	}
	return rest[1:], g.Set(f, rest[0])
}

// fitting returns the option with this name, or else the options whose names begin with it.
func fitting(flags *pflag.FlagSet, name string) (fits []*pflag.Flag) {
	if f := flags.Lookup(name); f != nil {
		return []*pflag.Flag{f}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, name) {
			fits = append(fits, f)
		}
	})
	return fits
}

// Letters sets the one-letter options in word, which lacks its dash. If an option takes the first word of rest as its
// argument, Letters returns rest without that word.
func (g *Getopt) Letters(word string, rest []string) ([]string, error) {
	for i := range len(word) {
		var f *pflag.Flag
		if strings.IndexByte(g.Off, word[i]) < 0 {
			f = g.Flags.ShorthandLookup(word[i : i+1])
		}
		switch {
		case f == nil:
			err := misused("invalid option -- '%s'", show.Word(word[i:i+1]))
			err.word, err.unknown = "-"+word, word[i:]
			return nil, err
		case f.NoOptDefVal != "":
			if err := g.Set(f, f.NoOptDefVal); err != nil {
				return nil, err
			}
			continue
		case i+1 < len(word):
			value := word[i+1:]
			if g.Equals {
				value = strings.TrimPrefix(value, "=")
			}
			return rest, g.Set(f, value)
		case len(rest) == 0:
			return nil, misused("option requires an argument -- '%s'", word[i:i+1])
		}
		return rest[1:], g.Set(f, rest[0])
	}
	return rest, nil
}

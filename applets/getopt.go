//go:build !nodropins

package applets

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// getopt reads options as getopt_long(3) does for a program that stops at the
// first operand: long names may be cut short, and what is wrong is said in the
// C library's words.
func getopt(flags *pflag.FlagSet, args []string) (operands []string, err error) {
	for len(args) > 0 {
		word := args[0]
		if word == "--" {
			return args[1:], nil
		}
		if len(word) < 2 || word[0] != '-' {
			return args, nil
		}
		args = args[1:]
		if strings.HasPrefix(word, "--") {
			args, err = getoptLong(flags, word[2:], args)
		} else {
			args, err = getoptShort(flags, word[1:], args)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func getoptLong(flags *pflag.FlagSet, word string, args []string) ([]string, error) {
	name, value, attached := strings.Cut(word, "=")
	f := flags.Lookup(name)
	if f == nil {
		var found []*pflag.Flag
		var names strings.Builder
		flags.VisitAll(func(f *pflag.Flag) {
			if strings.HasPrefix(f.Name, name) {
				found = append(found, f)
				fmt.Fprintf(&names, " '--%s'", f.Name)
			}
		})
		switch len(found) {
		case 0:
			return nil, fmt.Errorf("unrecognized option '--%s'", word)
		case 1:
			f = found[0]
		default:
			return nil, fmt.Errorf("option '--%s' is ambiguous; possibilities:%s", word, names.String())
		}
	}
	switch {
	case f.NoOptDefVal != "" && attached:
		return nil, fmt.Errorf("option '--%s' doesn't allow an argument", f.Name)
	case f.NoOptDefVal != "":
		value = f.NoOptDefVal
	case !attached && len(args) == 0:
		return nil, fmt.Errorf("option '--%s' requires an argument", f.Name)
	case !attached:
		value, args = args[0], args[1:]
	}
	f.Changed = true
	return args, f.Value.Set(value)
}

func getoptShort(flags *pflag.FlagSet, letters string, args []string) ([]string, error) {
	for letters != "" {
		letter := letters[:1]
		letters = letters[1:]
		f := flags.ShorthandLookup(letter)
		if f == nil {
			return nil, fmt.Errorf("invalid option -- '%s'", letter)
		}
		f.Changed = true
		if f.NoOptDefVal != "" {
			if err := f.Value.Set(f.NoOptDefVal); err != nil {
				return nil, err
			}
			continue
		}
		if letters == "" {
			if len(args) == 0 {
				return nil, fmt.Errorf("option requires an argument -- '%s'", letter)
			}
			letters, args = args[0], args[1:]
		}
		return args, f.Value.Set(letters)
	}
	return args, nil
}

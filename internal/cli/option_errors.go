package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"killbox/internal/show"

	"github.com/spf13/pflag"
)

// NewFlagSet returns an empty set of options. --help lists options in the order in which they were added.
func NewFlagSet() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	return flags
}

// escapeTestFlag rewrites an option that begins with "-test.": pflag would skip it, taking it for an option of go test.
// For "-test.5" it returns "-t=est.5", which pflag parses as -t with the value "est.5".
func escapeTestFlag(flags *pflag.FlagSet, word string) string {
	for i := 1; i < len(word); i++ {
		if strings.HasPrefix(word[i:], "test.") {
			return word[:i+1] + "=" + word[i+1:]
		}
		if f := flags.ShorthandLookup(word[i : i+1]); f == nil || f.NoOptDefVal == "" {
			break // an unknown letter, or the rest of the word is the value of this letter
		}
	}
	return word
}

// optionError rewords an error of pflag as getopt_long(3) words it. Any other error is returned unchanged.
func optionError(err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		letters := unknown.GetSpecifiedShortnames()
		_, n := utf8.DecodeRuneInString(letters)
		return fmt.Errorf("invalid option -- '%s'", show.Word(letters[:n]))
	case errors.As(err, &unknown):
		return fmt.Errorf("unrecognized option '--%s'", show.Word(unknown.GetSpecifiedName()))
	case errors.As(err, &missing) && missing.GetSpecifiedShortnames() != "":
		return fmt.Errorf("option requires an argument -- '%s'", missing.GetSpecifiedName())
	case errors.As(err, &missing):
		return fmt.Errorf("option '--%s' requires an argument", missing.GetSpecifiedName())
	case errors.As(err, &invalid):
		return fmt.Errorf("invalid argument %s for '--%s': %w", show.Quoted(invalid.GetValue()), invalid.GetFlag().Name, valueError(invalid))
	case errors.As(err, &syntax):
		return fmt.Errorf("unrecognized option '%s'", show.Word(syntax.GetSpecifiedFlag()))
	}
	return err
}

// valueError returns why a value is invalid. It replaces the errors of package strconv, which name Go functions.
func valueError(invalid *pflag.InvalidValueError) error {
	cause := invalid.Unwrap()
	number := new(strconv.NumError)
	switch {
	case !errors.As(cause, &number):
		return cause
	case invalid.GetFlag().Value.Type() == "bool":
		return errors.New("it is neither true nor false")
	case errors.Is(number, strconv.ErrRange):
		return errors.New("the number is out of range")
	}
	return errors.New("it is not a number")
}

package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"killbox/internal/show"
	"killbox/internal/suggest"

	"github.com/spf13/pflag"
)

// NewFlagSet returns an empty set of options. --help lists options in the order in which they were added.
func NewFlagSet() *pflag.FlagSet {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SortFlags = false
	return flags
}

// otherTools maps options of pkill, pgrep, killall, fuser, timeout, tini, start-stop-daemon and setsid to those of
// killbox. didYouMean suggests the ones that the applet has.
const otherTools = "f=full u=user U=user x=name P=parent g=group F=pidfile p=pidfile p=die-with-parent r=full r=state y=newer O=older m=mount " +
	"b=detach d=detach e=remap exact=name regexp=full pgroup=group process-group=group euid=user uid=user terminal=tty runstates=state " +
	"younger-than=newer older-than=older exec=exe namespace=pidns parent-death=die-with-parent background=detach make-pidfile=pidfile " +
	"expect=remap silent=quiet interactive=dry-run test=dry-run list-signals=list exclude=omit"

// didYouMean returns the end of the message for an option that does not exist: the options that the user probably
// meant, or "". name is a letter or a long name, without dashes.
func didYouMean(flags *pflag.FlagSet, name string) string {
	var known, meant []string
	flags.VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	for _, pair := range strings.Fields(otherTools) {
		if theirs, ours, _ := strings.Cut(pair, "="); theirs == name && slices.Contains(known, ours) {
			meant = append(meant, ours)
		}
	}
	if closest := suggest.Closest(name, known); meant == nil && closest != "" {
		meant = []string{closest}
	}
	if meant == nil {
		return ""
	}
	return " (did you mean '--" + strings.Join(meant, "' or '--") + "'?)"
}

// optionError appends to an error of Getopt the option that the user probably meant, and says which option has an invalid
// value. Any other error is returned unchanged.
func optionError(flags *pflag.FlagSet, err error) error {
	if invalid := new(pflag.InvalidValueError); errors.As(err, &invalid) {
		value, name, cause := show.Quoted(invalid.GetValue()), invalid.GetFlag().Name, valueError(invalid)
		if strings.Contains(cause.Error(), value) {
			return fmt.Errorf("--%s: %w", name, cause)
		}
		return fmt.Errorf("invalid argument %s for '--%s': %w", value, name, cause)
	}
	misuse := new(GetoptError)
	switch {
	case !errors.As(err, &misuse) || misuse.unknown == "":
		return err
	case strings.HasPrefix(misuse.word, "--"):
		return fmt.Errorf("%w%s", err, didYouMean(flags, misuse.unknown))
	case flags.Lookup(misuse.word[1:]) != nil: // the words of getopt_long_only(3)
		return fmt.Errorf("unrecognized option '%s' (did you mean '-%s'?)", misuse.word, misuse.word)
	}
	_, n := utf8.DecodeRuneInString(misuse.unknown)
	letter := misuse.unknown[:n]
	return fmt.Errorf("invalid option -- '%s'%s", show.Word(letter), didYouMean(flags, letter))
}

// valueError returns why a value is invalid. It replaces the errors of package strconv, which name Go functions.
func valueError(invalid *pflag.InvalidValueError) error {
	cause := invalid.Unwrap()
	number := new(strconv.NumError)
	switch {
	case !errors.As(cause, &number):
		return cause
	case errors.Is(number, strconv.ErrRange):
		return errors.New("the number is out of range")
	}
	return errors.New("it is not a number")
}

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
// killbox. meantOptions returns the ones that the applet has.
const otherTools = "f=full u=user U=user x=name P=parent g=group F=pidfile p=pidfile p=die-with-parent r=full r=state y=newer O=older m=mount " +
	"b=detach d=detach e=remap exact=name regexp=full pgroup=group process-group=group euid=user uid=user terminal=tty runstates=state " +
	"younger-than=newer older-than=older exec=exe namespace=pidns parent-death=die-with-parent background=detach make-pidfile=pidfile " +
	"expect=remap silent=quiet interactive=dry-run test=dry-run list-signals=list exclude=omit"

// pidName is an option of kill of util-linux, and no abbreviation of --pidfile: with -e, a file that does not exist is
// no error, so `killwait -e --pid 123` would exit with 0.
const pidName = "pid"

// optionHint returns the end of the message for an option that does not exist: the applets of others that have it, and
// the options that the user probably meant, or "". name is a letter or a long name, without dashes.
func optionHint(flags *pflag.FlagSet, others []*Applet, name string, isLetter bool) string {
	if name == pidName {
		return " (a PID is an operand, without an option)"
	}
	var hints []string
	owners := make(map[string][]string) // by the long name of the option
	var names []string
	for _, a := range others {
		theirs, _ := a.New(a)
		theirs.VisitAll(func(f *pflag.Flag) {
			if f.Hidden || isLetter && f.Shorthand != name || !isLetter && f.Name != name {
				return
			}
			if owners[f.Name] == nil {
				names = append(names, f.Name)
			}
			owners[f.Name] = append(owners[f.Name], a.Name)
		})
	}
	meant := meantOptions(flags, name)
	for _, long := range names {
		switch of := enumerate(owners[long]); {
		case flags.Lookup(long) != nil: // another applet has a letter for an option of this one
			if !slices.Contains(meant, long) {
				meant = append(meant, long)
			}
		case isLetter:
			hints = append(hints, "-"+name+" is --"+long+" of "+of)
		default:
			hints = append(hints, "--"+long+" is an option of "+of)
		}
	}
	if meant != nil {
		hints = append(hints, "did you mean '--"+strings.Join(meant, "' or '--")+"'?")
	}
	if hints == nil {
		return ""
	}
	return " (" + strings.Join(hints, "; ") + ")"
}

// enumerate joins words: "a, b and c".
func enumerate(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// meantOptions returns the long options of the applet that the user probably meant by an option that does not exist.
func meantOptions(flags *pflag.FlagSet, name string) (meant []string) {
	var known []string
	flags.VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	for _, pair := range strings.Fields(otherTools) {
		if theirs, ours, _ := strings.Cut(pair, "="); theirs == name && slices.Contains(known, ours) {
			meant = append(meant, ours)
		}
	}
	if closest := suggest.Closest(name, known); meant == nil && closest != "" {
		meant = []string{closest}
	}
	return meant
}

// optionError appends to an error of Getopt the option that the user probably meant, and says which option has an
// invalid value. Any other error is returned unchanged. others are the applets that may have the option instead.
func optionError(flags *pflag.FlagSet, others []*Applet, err error) error {
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
		return fmt.Errorf("%w%s", err, optionHint(flags, others, misuse.unknown, false))
	case flags.Lookup(misuse.word[1:]) != nil: // the words of getopt_long_only(3)
		return fmt.Errorf("unrecognized option '%s' (did you mean '-%s'?)", misuse.word, misuse.word)
	}
	_, n := utf8.DecodeRuneInString(misuse.unknown)
	letter := misuse.unknown[:n]
	return fmt.Errorf("invalid option -- '%s'%s", show.Word(letter), optionHint(flags, others, letter, true))
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

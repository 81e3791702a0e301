package dropin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"killbox/internal/cli"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// getoptFlags returns options that append NAME=VALUE to log when they are set.
func getoptFlags(log *[]string) *pflag.FlagSet {
	flags := cli.NewFlagSet()
	add := func(name, letter string, value bool) {
		typ := "x"
		if !value {
			typ = "bool"
		}
		flags.VarP(optionFunc{func(s string) error {
			if s == "bad" {
				return errors.New("a bad value")
			}
			*log = append(*log, name+"="+s)
			return nil
		}, typ}, name, letter, "")
		if !value {
			flags.Lookup(name).NoOptDefVal = "true"
		}
	}
	add("verbose", "v", false)
	add("version", "V", false)
	add("help", "h", false)
	add("all", "a", false)
	add("signal", "s", true)
	add("session", "S", true)
	add("sig", "", true)
	add("off", "o", false)
	return flags
}

func TestGetopt(t *testing.T) {
	for _, test := range []struct {
		args    string // separated by blanks; _ is an empty word
		inOrder bool
		want    string // the options set, a bar, and the operands
		err     string
	}{
		{args: "", want: "|"},
		{args: "x y", want: "|x y"},
		{args: "x -a y --verbose z", want: "all=true verbose=true|x y z"},
		{args: "x -a y --verbose z", inOrder: true, want: "|x -a y --verbose z"},
		{args: "-a x -v", inOrder: true, want: "all=true|x -v"},
		{args: "-a -- -v --", want: "all=true|-v --"},
		{args: "-a -- -v --", inOrder: true, want: "all=true|-v --"},
		{args: "- -a -", want: "all=true|- -"},
		{args: "_ -a", want: "all=true|_"},
		{args: "-av", want: "all=true verbose=true|"},
		{args: "-avs9 x", want: "all=true verbose=true signal=9|x"},
		{args: "-as 9 x", want: "all=true signal=9|x"},
		{args: "-s=9", want: "signal==9|"},
		{args: "-s -- x", want: "signal=--|x"},
		{args: "-s -a", want: "signal=-a|"},
		{args: "-s _", want: "signal=|"},
		{args: "--signal=9 --signal= --signal _ --session -a", want: "signal=9 signal= signal= session=-a|"},
		{args: "--signal=a=b", want: "signal=a=b|"},
		{args: "--al", want: "all=true|"},
		{args: "--sig 9", want: "sig=9|"}, // an exact name is not ambiguous, although --signal begins with it
		{args: "--sign 9", want: "signal=9|"},
		{args: "--se=9", want: "session=9|"},
		{args: "--si 9", err: "option '--si' is ambiguous; possibilities: '--signal' '--sig'"},
		{args: "--s=9", err: "option '--s=9' is ambiguous; possibilities: '--signal' '--session' '--sig'"},
		{args: "--ver", err: "option '--ver' is ambiguous; possibilities: '--verbose' '--version'"},
		{args: "--nope", err: "unrecognized option '--nope'"},
		{args: "--nope=1", err: "unrecognized option '--nope=1'"},
		{args: "--allx", err: "unrecognized option '--allx'"},
		{args: "--all=1", err: "option '--all' doesn't allow an argument"},
		{args: "--al=", err: "option '--all' doesn't allow an argument"},
		{args: "--signal", err: "option '--signal' requires an argument"},
		{args: "--sess", err: "option '--session' requires an argument"},
		{args: "-s", err: "option requires an argument -- 's'"},
		{args: "-as", err: "option requires an argument -- 's'"},
		{args: "-z", err: "invalid option -- 'z'"},
		{args: "-az", err: "invalid option -- 'z'"},
		{args: "-a-", err: "invalid option -- '-'"},
		{args: "-o", err: "invalid option -- 'o'"}, // getopt is called with off = "o"
		{args: "--off", want: "off=true|"},
		{args: "-s bad -z", err: "a bad value"}, // the first error is reported
		{args: "-z -s bad", err: "invalid option -- 'z'"},
		// --help and --version end the command line; the options before them count.
		{args: "-h -z", want: "help=true|"},
		{args: "-ahz", want: "all=true help=true|"},
		{args: "--vers --nope", want: "version=true|"},
		{args: "-z -h", err: "invalid option -- 'z'"},
		{args: "-s -h", want: "signal=-h|"},
	} {
		var log []string
		operands, err := getopt(getoptFlags(&log), "o", test.inOrder, words(test.args))
		got := ""
		if err == nil {
			got = strings.Join(log, " ") + "|" + strings.Join(quoteEmpty(operands), " ")
		} else if err.Error() != test.err {
			t.Errorf("%s: %v, want %s", test.args, err, test.err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (%v) (-want +got):\n%s", test.args, err, diff)
		}
		if own := errors.As(err, new(*getoptError)); err != nil && own != (test.err != "a bad value") {
			t.Errorf("%s: %v: is a getoptError: %v", test.args, err, own)
		}
	}
}

func words(s string) []string {
	list := strings.Fields(s)
	for i, word := range list {
		if word == "_" {
			list[i] = ""
		}
	}
	return list
}

func quoteEmpty(list []string) []string {
	out := slices.Clone(list)
	for i, word := range out {
		if word == "" {
			out[i] = "_"
		}
	}
	return out
}

// FuzzGetopt checks that the operands are words of the command line, in the same order, and that no word is lost.
func FuzzGetopt(f *testing.F) {
	for _, seed := range []string{"-a x -v", "--sig 9 -- -a", "-s", "-avs9", "--s=9", "-a-", "--=x", "--", "- -", "-h -z"} {
		f.Add(strings.ReplaceAll(seed, " ", "\x00"), true)
		f.Add(strings.ReplaceAll(seed, " ", "\x00"), false)
	}
	f.Fuzz(func(t *testing.T, text string, inOrder bool) {
		args := strings.Split(text, "\x00")
		var log []string
		operands, err := getopt(getoptFlags(&log), "o", inOrder, slices.Clone(args))
		if err != nil {
			if operands != nil || err.Error() == "" || !errors.As(err, new(*getoptError)) && err.Error() != "a bad value" {
				t.Errorf("%q: %q, and %v", args, operands, err)
			}
			return
		}
		ended := slices.Contains(log, "help=true") || slices.Contains(log, "version=true")
		if inOrder && !ended && !slices.Equal(operands, args[len(args)-len(operands):]) {
			t.Errorf("%q: the command is %q", args, operands)
		}
		// The operands are words of the command line, in the same order.
		rest := args
		for _, word := range operands {
			i := slices.Index(rest, word)
			if i < 0 {
				t.Fatalf("%q: %q is no operand", args, word)
			}
			rest = rest[i+1:]
		}
		for _, word := range args {
			plain := word == "" || word[0] != '-' || word == "-"
			if plain && !ended && !slices.Contains(operands, word) && !slices.ContainsFunc(log, func(s string) bool { return strings.HasSuffix(s, "="+word) }) {
				t.Errorf("%q: %q is lost: %s", args, word, fmt.Sprint(log, operands))
			}
		}
	})
}

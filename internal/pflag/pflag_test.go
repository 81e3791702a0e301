package pflag

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

var errTaken = errors.New("taken")

// taken is a value that refuses everything.
type taken struct{}

func (taken) String() string   { return "" }
func (taken) Type() string     { return "NAME" }
func (taken) Set(string) error { return errTaken }

type options struct {
	flags         *FlagSet
	verbose       bool
	name, mode    string
	list          []string
	number, count int
}

func newOptions() *options {
	o := &options{flags: NewFlagSet()}
	f := o.flags
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say more")
	f.StringVarP(&o.name, "name", "n", "", "the `WORD` for it\nin two lines")
	f.StringVar(&o.mode, "mode", "fast", "how")
	f.StringArrayVarP(&o.list, "list", "l", nil, "one `more")
	f.IntVar(&o.number, "number", 7, "how many")
	f.CountVarP(&o.count, "count", "c", "count")
	f.VarP(taken{}, "taken", "t", "refuses")
	f.Var(taken{}, "maybe", "refuses")
	f.Lookup("maybe").NoOptDefVal = "5"
	f.Bool("hidden", false, "")
	f.Lookup("hidden").Hidden = true
	return o
}

func (o *options) String() string {
	return fmt.Sprintf("%v %q %q %q %d %d %q %d", o.verbose, o.name, o.mode, o.list, o.number, o.count, o.flags.Args(), o.flags.ArgsLenAtDash())
}

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"":                         `false "" "fast" [] 7 0 [] -1`,
		"-v a b":                   `true "" "fast" [] 7 0 ["a" "b"] -1`,
		"a --verbose b":            `true "" "fast" [] 7 0 ["a" "b"] -1`,
		"a -- -v":                  `false "" "fast" [] 7 0 ["a" "-v"] 1`,
		"-vccn x":                  `true "x" "fast" [] 7 2 [] -1`,
		"-vnx -":                   `true "x" "fast" [] 7 0 ["-"] -1`,
		"-n=x":                     `false "x" "fast" [] 7 0 [] -1`,
		"-n=":                      `false "=" "fast" [] 7 0 [] -1`,
		"-n -v":                    `false "-v" "fast" [] 7 0 [] -1`,
		"--name -v":                `false "-v" "fast" [] 7 0 [] -1`,
		"--name= --mode=slow=":     `false "" "slow=" [] 7 0 [] -1`,
		"-l a,b -l c --list d":     `false "" "fast" ["a,b" "c" "d"] 7 0 [] -1`,
		"--number 0x10 --count=5":  `false "" "fast" [] 16 5 [] -1`,
		"-v=false --verbose=true":  `true "" "fast" [] 7 0 [] -1`,
		"-v=maybe":                 `invalid argument "maybe" for "-v, --verbose" flag: strconv.ParseBool: parsing "maybe": invalid syntax`,
		"--number x":               `invalid argument "x" for "--number" flag: strconv.ParseInt: parsing "x": invalid syntax`,
		"-tx":                      `invalid argument "x" for "-t, --taken" flag: taken`,
		"--maybe":                  `invalid argument "5" for "--maybe" flag: taken`,
		"--nope":                   "unknown flag: --nope",
		"--verb":                   "unknown flag: --verb",
		"--nope=1":                 "unknown flag: --nope",
		"-vxn":                     "unknown shorthand flag: 'x' in -xn",
		"-ü":                       "unknown shorthand flag: 'ü' in -ü",
		"--name":                   "flag needs an argument: --name",
		"-vn":                      "flag needs an argument: 'n' in -n",
		"---":                      "bad flag syntax: ---",
		"--=x":                     "bad flag syntax: --=x",
		"--hidden --verbose=false": `false "" "fast" [] 7 0 [] -1`,
	} {
		o := newOptions()
		got := ""
		if err := o.flags.Parse(strings.Fields(line)); err != nil {
			got = err.Error()
		} else {
			got = o.String()
		}
		if got != want {
			t.Errorf("%s:\n%s\nwant\n%s", line, got, want)
		}
	}
	o := newOptions()
	if err := o.flags.Parse([]string{"-t", "x"}); !errors.Is(err, errTaken) {
		t.Errorf("%v hides the cause", err)
	}
}

// TestCommand: without options among the operands the first of those ends the options.
func TestCommand(t *testing.T) {
	o := newOptions()
	o.flags.SetInterspersed(false)
	if err := o.flags.Parse(strings.Fields("-v sh -c -- x")); err != nil || o.String() != `true "" "fast" [] 7 0 ["sh" "-c" "--" "x"] -1` {
		t.Errorf("%v, %v", o, err)
	}
}

func TestChanged(t *testing.T) {
	o := newOptions()
	if err := o.flags.Parse(strings.Fields("--mode fast -v=false")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"mode": true, "verbose": true, "name": false, "no-such": false} {
		if o.flags.Changed(name) != want {
			t.Errorf("%s: not %v", name, want)
		}
	}
	if o.flags.ShorthandLookup("") != nil || o.flags.ShorthandLookup("v") != o.flags.Lookup("verbose") || o.flags.Lookup("v") != nil {
		t.Error("looked up amiss")
	}
}

func TestFlagUsages(t *testing.T) {
	const want = "" +
		"  -v, --verbose            say more\n" +
		"  -n, --name WORD          the WORD for it\n" +
		"                           in two lines\n" +
		"      --mode string        how (default \"fast\")\n" +
		"  -l, --list stringArray   one `more\n" +
		"      --number int         how many (default 7)\n" +
		"  -c, --count count        count\n" +
		"  -t, --taken NAME         refuses\n" +
		"      --maybe NAME[=5]     refuses\n"
	if got := newOptions().flags.FlagUsages(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

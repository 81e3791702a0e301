package cli

import (
	"strconv"
	"strings"
	"testing"

	"killbox/internal/escalate"

	"github.com/spf13/pflag"
)

func TestExpandSignalShorthand(t *testing.T) {
	flags := func() *pflag.FlagSet {
		f := NewFlagSet()
		new(LadderOptions).AddTo(f)
		new(OutputOptions).AddTo(f)
		new(TargetOptions).AddTo(f)
		f.BoolP("help", "h", false, "")
		f.BoolP("version", "V", false, "")
		return f
	}
	for in, want := range map[string]string{
		"-TERM 5":        "--signal=TERM 5",
		"5 -sigterm":     "5 --signal=sigterm",
		"-9 5":           "--signal=9 5",
		"-0 5":           "--signal=0 5",
		"-RTMIN+3 5":     "--signal=RTMIN+3 5",
		"-s 9 5":         "-s 9 5",
		"-s -9 5":        "-s -9 5",
		"-k -9":          "-k -9",
		"-vk 9":          "-vk 9",
		"--signal -9":    "--signal -9",
		"--signal=9 -v":  "--signal=9 -v",
		"-- -9":          "-- -9",
		"-v -- -TERM -9": "-v -- -TERM -9",
		"-":              "-",
		"-v -q -n -j":    "-v -q -n -j",
		"-V":             "-V",
		"-k5":            "-k5",
		"-t5s 5":         "-t5s 5",
		"-RTERM/5 5":     "-RTERM/5 5",
		"-sKILL":         "-sKILL",
		"-stop 5":        "--signal=stop 5", // not -s with the value "top"
		"-term 5":        "--signal=term 5", // not -t with the value "erm"
		"--name -9":      "--name -9",
		"--name=x -9":    "--name=x --signal=9",
		"--no-kill -HUP": "--no-kill --signal=HUP",
		"-o -9 -9":       "-o -9 --signal=9",
		"--nope -9":      "--nope --signal=9",
		"---":            "---",
		"-s":             "-s",
		"-é":             "-é",
	} {
		got, err := ExpandSignalShorthand(flags(), strings.Fields(in), false)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"-NOPE", "-65", "-12x", "-5-", "-TERMINATE", "-HUP,INT"} {
		if got, err := ExpandSignalShorthand(flags(), []string{in}, false); err == nil {
			t.Errorf("%q: %q, want an error", in, got)
		}
	}
}

func TestOptionErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--nope":                        "unrecognized option '--nope'",
		"--nope=1":                      "unrecognized option '--nope=1'",
		"--timout 1":                    "unrecognized option '--timout' (did you mean '--timeout'?)",
		"--timeou x":                    "--timeout: invalid duration \"x\" (the units are",
		"--k=x":                         "--kill-after: invalid duration \"x\" (the units are",
		"--n":                           "option '--n' is ambiguous; possibilities: '--no-kill' '--number'",
		"--time":                        "option '--timeout' requires an argument",
		"--verb=1":                      "option '--verbose' doesn't allow an argument",
		"--verbose=":                    "option '--verbose' doesn't allow an argument",
		"--timeout":                     "option '--timeout' requires an argument",
		"-vf":                           "invalid option -- 'f'",
		"-force":                        "invalid option -- 'f'",
		"-quiet":                        "unrecognized option '-quiet' (did you mean '--quiet'?)",
		"--exact":                       "unrecognized option '--exact'",
		"--silent":                      "unrecognized option '--silent' (did you mean '--quiet'?)",
		"--interactive":                 "unrecognized option '--interactive' (did you mean '--dry-run'?)",
		"-TREM":                         "unknown signal \"TREM\" (did you mean TERM?)",
		"-SIGKIL":                       "unknown signal \"SIGKIL\" (did you mean KILL?)",
		"-1234":                         "unknown signal \"1234\" (a process group goes after --: -- -1234)",
		"-s -9":                         "--signal: unknown signal \"-9\" (did you mean KILL?)",
		"-s -TREM":                      "--signal: unknown signal \"-TREM\" (did you mean TERM?)",
		"---":                           "unrecognized option '---'",
		"--=x":                          "option '--=x' is ambiguous; possibilities: '--signal' ",
		"-vYx":                          "invalid option -- 'Y'",
		"-vü":                           "invalid option -- 'ü'",
		"-\xff":                         `invalid option -- '\xff'`,
		"--signal":                      "option '--signal' requires an argument",
		"-vs":                           "option requires an argument -- 's'",
		"-v=maybe":                      "invalid option -- '='",
		"--timeout soon":                "--timeout: invalid duration \"soon\" ",
		"--number x":                    "invalid argument \"x\" for '--number': it is not a number",
		"--number 99999999999999999999": "invalid argument \"99999999999999999999\" for '--number': the number is out of range",
	} {
		flags := NewFlagSet()
		new(LadderOptions).AddTo(flags)
		new(OutputOptions).AddTo(flags)
		flags.Int("number", 0, "")
		if _, err := ParseOptions(flags, strings.Fields(args), false); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v; want %s", args, err, want)
		}
	}
}

func TestWorst(t *testing.T) {
	order := []int{ExitUsage, ExitSurvivor, ExitFailed, ExitUnproved, ExitMissing, ExitRungs, ExitGone}
	for i, a := range order {
		for _, b := range order[i:] {
			if got := Worst(b, a, ExitGone); got != a {
				t.Errorf("Worst(%d, %d) = %d, want %d", b, a, got, a)
			}
		}
	}
	if Worst() != 0 {
		t.Errorf("Worst() = %d, want 0", Worst())
	}
}

func TestLadderOptions(t *testing.T) {
	for args, want := range map[string]string{
		"":                                "TERM/5s/KILL/2s",
		"-HUP":                            "HUP/5s/KILL/2s",
		"-HUP -s hup":                     "HUP/5s/KILL/2s",
		"-1 -sigHUP":                      "HUP/5s/KILL/2s",
		"-k 3":                            "TERM/3s/KILL/2s",
		"-k 0":                            "TERM/0s/KILL/2s",
		"-k1.5 -INT":                      "INT/1500ms/KILL/2s",
		"-9":                              "KILL/2s",
		"-9 -k 7":                         "KILL/7s",
		"--no-kill":                       "TERM/5s",
		"--no-kill -QUIT":                 "QUIT/5s",
		"-R 3":                            "TERM/3s/KILL/3s",
		"-R 3 -INT":                       "INT/3s/KILL/3s",
		"-R 3 --no-kill":                  "TERM/3s",
		"-R forever":                      "TERM/forever",
		"-R HUP/1/INT/2/KILL/forever":     "HUP/1s/INT/2s/KILL/forever",
		"-R HUP/1/KILL/2/INT/3 --no-kill": "HUP/1s",
		"-R HUP/1 -HUP":                   "HUP/1s",
		"-0":                              "0/0s",
		"-0 -k 5":                         "0/0s",
	} {
		var o LadderOptions
		flags := NewFlagSet()
		o.AddTo(flags)
		expanded, err := ExpandSignalShorthand(flags, strings.Fields(args), false)
		if err == nil {
			err = flags.Parse(expanded)
		}
		var got escalate.Ladder
		if err == nil {
			got, err = o.Ladder()
		}
		if err != nil || got.String() != want {
			t.Errorf("%q: %v, %v; want %s", args, got, err, want)
		}
	}
}

// TestAbbreviations: an unambiguous prefix of a long option stands for the option, as for getopt_long(3). The value of
// an option and a word after "--" are not expanded, and neither is the command line of a command.
func TestAbbreviations(t *testing.T) {
	for args, want := range map[string]string{
		"--time 5 --dry 7":        "timeout=5s dry-run=true : 7",
		"--time=5 --verb":         "timeout=5s verbose=true :",
		"--hook --time 1":         "hook=--time : 1",
		"--hook=--dry 1":          "hook=--dry : 1",
		"--hook-t 1 --hook x":     "hook-timeout=1s hook=x :", // an exact name is no abbreviation
		"--sig 9 --no-k":          "signal=KILL no-kill=true :",
		"--sig 9":                 "signal=KILL :",
		"--quie -- --dry":         "quiet=true : --dry",
		"job --dry":               "dry-run=true : job",
		"command: --dry job --ti": "dry-run=true : job --ti",
	} {
		words, command := strings.CutPrefix(args, "command: ")
		flags := NewFlagSet()
		new(LadderOptions).AddTo(flags)
		new(OutputOptions).AddTo(flags)
		operands, err := ParseOptions(flags, strings.Fields(words), command)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		got := ""
		flags.Visit(func(f *pflag.Flag) { got += f.Name + "=" + f.Value.String() + " " })
		if got += strings.TrimSpace(": " + strings.Join(operands, " ")); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}

// TestSuggestions: the options of other tools, and misspelt ones; and no silly suggestion.
func TestSuggestions(t *testing.T) {
	flags := NewFlagSet()
	new(LadderOptions).AddTo(flags)
	new(OutputOptions).AddTo(flags)
	new(TargetOptions).AddTo(flags)
	for name, want := range map[string]string{
		"f": "full", "u": "user", "U": "user", "x": "name", "P": "parent", "g": "group", "F": "pidfile", "p": "pidfile", "r": "full' or '--state",
		"euid": "user", "pgroup": "group", "terminal": "tty", "younger-than": "newer", "exact": "name",
		"timout": "timeout", "no-kil": "no-kill", "nokill": "no-kill", "dryrun": "dry-run", "vebrose": "verbose", "omitt": "omit", "usr": "user",
		// The applet lacks what the letter means, or nothing is near.
		"b": "", "d": "", "a": "", "Z": "", "ü": "", "help-me": "", "wait": "", "foo": "", "x-ray": "", "kill": "", "": "",
	} {
		if want != "" {
			want = " (did you mean '--" + want + "'?)"
		}
		if got := optionHint(flags, nil, name, true); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	flags.String("die-with-parent", "", "")
	if got := optionHint(flags, nil, "p", true); got != " (did you mean '--pidfile' or '--die-with-parent'?)" {
		t.Error(got)
	}
}

// FuzzParsePort compares the number with the digits that were given.
func FuzzParsePort(f *testing.F) {
	for _, seed := range []string{"80", "tcp:80", "udp:53", "0", "65535", "65536", "-1", "+80", "080", "8_0", "0x50", "tcp:", ":80", "tcp:tcp:80", "http", "80/tcp", " 80", "٨٠", "18446744073709551696"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		udp, number, err := parsePort(text)
		if err != nil {
			return
		}
		digits := strings.TrimPrefix(text, "tcp:")
		if udp {
			digits = strings.TrimPrefix(text, "udp:")
		}
		if number < 1 || number > 65535 || strconv.Itoa(number) != strings.TrimLeft(digits, "0") {
			t.Errorf("%q: port %d", text, number)
		}
	})
}

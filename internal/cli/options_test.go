package cli

import (
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
		"--nope=1":                      "unrecognized option '--nope'",
		"--timeou 1":                    "unrecognized option '--timeou'",
		"---":                           "unrecognized option '---'",
		"--=x":                          "unrecognized option '--=x'",
		"-vYx":                          "invalid option -- 'Y'",
		"-vü":                           "invalid option -- 'ü'",
		"-\xff":                         `invalid option -- '\xff'`,
		"--signal":                      "option '--signal' requires an argument",
		"-vs":                           "option requires an argument -- 's'",
		"-v=maybe":                      "invalid argument \"maybe\" for '--verbose': it is neither true nor false",
		"--timeout soon":                "invalid argument \"soon\" for '--timeout': ",
		"--number x":                    "invalid argument \"x\" for '--number': it is not a number",
		"--number 99999999999999999999": "invalid argument \"99999999999999999999\" for '--number': the number is out of range",
	} {
		flags := NewFlagSet()
		new(LadderOptions).AddTo(flags)
		new(OutputOptions).AddTo(flags)
		flags.Int("number", 0, "")
		if err := ParseOptions(flags, strings.Fields(args), false); err == nil || !strings.HasPrefix(err.Error(), want) {
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

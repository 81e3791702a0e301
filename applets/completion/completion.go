// Package completion prints the completions of bash, zsh and fish, and the values that they offer.
//
// A script consists of a table of all options, which is made from the help texts of the applets, and an engine in the
// language of the shell. For values that change, such as PIDs, the engine runs `killbox completion values`: it reads
// /proc as the applets do, is faster than code in the language of a shell, needs no other tools, and escapes names and
// command lines.
package completion

import (
	"cmp"
	_ "embed" // the engines
	"errors"
	"fmt"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
)

// Usage is the part of the usage line of killbox.
const Usage = "completion bash|zsh|fish [APPLET]..."

// Engines are the parts of the scripts that know the shells. The line @TABLE@ stands for the table, @NAMES@ for the
// names of the commands.
var (
	//go:embed engine.bash
	bashEngine string
	//go:embed engine.zsh
	zshEngine string
	//go:embed engine.fish
	fishEngine string
)

// Run carries out `killbox completion` with these operands. help is the text of --help of killbox itself.
func Run(env *cli.Env, applets []*cli.Applet, help string, operands []string) int {
	if len(operands) == 0 {
		return cli.UsageError(env, "killbox", errors.New("completion: no shell: bash, zsh or fish"))
	}
	shell, names := operands[0], operands[1:]
	if shell == "values" {
		return printValues(env, names)
	}
	engine := ""
	switch shell {
	case "bash":
		engine = bashEngine
	case "zsh":
		engine = zshEngine
	case "fish":
		engine = fishEngine
	default:
		return cli.UsageError(env, "killbox", fmt.Errorf("completion: %s is not bash, zsh or fish", show.Quoted(shell)))
	}
	for _, name := range names {
		if !slices.ContainsFunc(applets, func(a *cli.Applet) bool { return a.Name == name }) {
			return cli.UsageError(env, "killbox", fmt.Errorf("completion: %s is not an applet", show.Quoted(name)))
		}
	}
	if len(names) == 0 {
		names = []string{"killbox"}
		for _, a := range applets {
			if !a.Dropin {
				names = append(names, a.Name)
			}
		}
	}
	table, err := makeTable(env, applets, help)
	if err != nil {
		return cli.Failure(env, "killbox", err)
	}
	table = "'" + strings.ReplaceAll(table, "'", `'\''`) + "'"
	script := strings.Replace(engine, "@TABLE@", table, 1)
	fmt.Fprint(env.Stdout, strings.ReplaceAll(script, "@NAMES@", strings.Join(names, " ")))
	return cli.ExitGone
}

// makeTable returns the command lines of killbox and of all applets, as text that is the same in the three scripts.
// These are the kinds of lines:
//
//	applet NAME SUMMARY             begins an applet
//	-LETTER,--LONG=TAKES TEXT       an option, with one or two names; takesOf describes TAKES
//	--LONG[=TAKES] TEXT             an option whose argument may be left out, and else follows "="
//	shorthand                       -SIG stands for --signal=SIG
//	with -LETTER,--LONG TAKES       what the operands are if this option is given
//	operands TAKES...               what they are otherwise; the last one stands for all that follow
//	plugin NAME SUMMARY             begins a plug-in
func makeTable(env *cli.Env, applets []*cli.Applet, help string) (string, error) {
	// --install is a flag, and DIR an operand.
	box, err := parseOptions(strings.Replace(help, "--install DIR", "--install", 1))
	pick, table := "", "\napplet killbox\n"+box+"with --install directory\n"
	for _, a := range applets {
		options, optionsErr := parseOptions(a.HelpText(env))
		operands, operandsErr := parseUsage(a.Usage, options)
		err = cmp.Or(err, optionsErr, operandsErr)
		table += "applet " + a.Name + " " + a.Summary + "\n" + options + operands
		if a.Name == "killwait" {
			pick = pickLines(options)
		}
	}
	table += pick
	return table, err
}

// printValues carries out `killbox completion values KIND [TEXT]`: it prints a candidate on each line, and after a tab
// its description.
func printValues(env *cli.Env, operands []string) int {
	if len(operands) == 0 || len(operands) > 2 {
		return cli.UsageError(env, "killbox", errors.New("completion values takes a kind and a text"))
	}
	list, err := values(env, operands[0], append(operands, "")[1])
	if err != nil {
		return cli.Failure(env, "killbox", err)
	}
	for _, c := range list {
		fmt.Fprintln(env.Stdout, strings.TrimSuffix(c.value+"\t"+c.text, "\t"))
	}
	return cli.ExitGone
}

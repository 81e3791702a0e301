package applets

import (
	_ "embed" // the texts of the functions
	"errors"
	"fmt"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/internal/suggest"
)

// The functions that killbox shell-init prints, and those that --replace adds.
var (
	//go:embed shell/init.bash
	bashInit string
	//go:embed shell/replace.bash
	bashReplace string
	//go:embed shell/init.zsh
	zshInit string
	//go:embed shell/replace.zsh
	zshReplace string
	//go:embed shell/init.sh
	shInit string
	//go:embed shell/replace.sh
	shReplace string
)

// textsFor returns the functions for a shell. ok is false if there are none.
func textsFor(shell string) (init, replace string, ok bool) {
	switch shell {
	case "bash":
		return bashInit, bashReplace, true
	case "zsh":
		return zshInit, zshReplace, true
	case "sh", "dash", "ash":
		return shInit, shReplace, true
	}
	return "", "", false
}

// runShellInit prints functions for a shell, which that shell runs by eval: killbox shell-init SHELL [--replace].
func runShellInit(env *cli.Env, args []string) int {
	flags := cli.NewFlagSet()
	help := flags.BoolP("help", "h", false, "")
	replace := flags.Bool("replace", false, "")
	operands, err := cli.ParseOptions(flags, args, false)
	switch {
	case err != nil:
	case *help:
		printHelp(env)
		return 0
	case len(operands) != 1:
		err = errors.New("give one shell: bash, zsh or sh (dash, ash)")
	default:
		if _, _, ok := textsFor(operands[0]); !ok {
			err = unknownShell(operands[0])
		}
	}
	if err != nil {
		return cli.UsageError(env, "killbox", fmt.Errorf("shell-init: %w", err))
	}
	self, err := env.Executable()
	if err != nil {
		return cli.Failure(env, "killbox", show.Error(err))
	}
	fmt.Fprint(env.Stdout, shellFunctions(operands[0], self, *replace))
	return cli.ExitGone
}

// unknownShell returns the error for a shell that has no functions.
func unknownShell(name string) error {
	known := []string{"bash", "zsh", "sh", "dash", "ash"}
	hint := ""
	if closest := suggest.Closest(name, known); closest != "" {
		hint = " (did you mean " + closest + "?)"
	}
	return fmt.Errorf("%s: there are functions for bash, zsh and sh (dash, ash)%s", show.Word(name), hint)
}

// shellFunctions returns the functions for a shell, which run the binary at the path self: another PATH, or another
// program with the name, makes no difference to them.
func shellFunctions(shell, self string, replace bool) string {
	text, more, _ := textsFor(shell)
	if replace {
		text += more
	}
	text = strings.ReplaceAll(text, "@killbox@", shellQuoted(self))
	if shell == "zsh" {
		// zsh reads the whole argument of eval before it runs it. So only emulate can turn off aliases for the text.
		text = `\builtin emulate -R zsh -o no_aliases -c ` + shellQuoted(text) + "\n"
	}
	return text
}

// shellQuoted returns the word in single quotes.
func shellQuoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// shellCommand returns the command of killbox itself that has this name, or nil.
func shellCommand(name string) func(env *cli.Env, args []string) int {
	switch name {
	case "shell-init":
		return runShellInit
	case "shell-call":
		return runShellCall
	case "shell-pipe":
		return runShellPipe
	}
	return nil
}

// Package dropin holds the applets that stand in for classic tools: kill, pkill, pgrep, pidwait, killall, pidof,
// killall5, timeout, waitpid and tini. Each has the command line, the output and the exit statuses of its
// original.
package dropin

import (
	"killbox/internal/cli"

	"github.com/spf13/pflag"
)

// All returns the applets of this package, in new state, each with Dropin set.
func All() []*cli.Applet {
	list := []*cli.Applet{
		kill(),
		killall(),
		killall5(),
		waitpid(),
		timeout(),
		tini("docker-init"),
		tini("tini"),
		pgrep(),
		pidof(),
		pidwait(),
		pkill(),
	}
	for _, a := range list {
		a.Dropin = true
	}
	return list
}

// usageText returns the text of --help, for cli.PrintHelp.
func usageText(a *cli.Applet, flags *pflag.FlagSet) string {
	return "Usage: " + a.Name + " " + a.Usage + "\n" + a.Summary + "\n" + cli.OptionHelp(flags) + "\n" + cli.Manual(a.Name)
}

//go:build !nodropins

package applets

// dropins returns the applets that stand in for the classic tools, with the
// command line, the output and the exit codes of those.
func dropins() []*Applet {
	return []*Applet{
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
}

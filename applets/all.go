// Package applets holds the five applets tkill, pgkill, killwait, reapwait and freezekill, the list of all
// applets, and killbox itself: dispatch, installation and plug-ins. The applets use the system only through cli.Env, so
// that a test can run any of them against a scripted kernel.
package applets

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
)

// All returns the applets, sorted by name.
func All() []*cli.Applet {
	list := five()
	for _, a := range list {
		a.Others = five
	}
	list = append(list, dropins()...)
	slices.SortStableFunc(list, func(a, b *cli.Applet) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// five returns the applets that replace no classic tool.
func five() []*cli.Applet {
	return []*cli.Applet{freezekill(), killwait(), pgkill(), reapwait(), tkill()}
}

// Lookup returns the applet with exactly that name, or nil.
func Lookup(name string) *cli.Applet {
	for _, a := range All() {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Main runs the applet that argv[0] names, or killbox itself, and returns the exit status.
func Main(env *cli.Env) int {
	env.WrapOutput()
	name := programName(env.Args)
	code := 0
	if a := Lookup(name); a != nil {
		code = a.Main(env, env.Args[1:])
	} else {
		code = runKillbox(env, env.Args[min(1, len(env.Args)):])
	}
	return env.CloseOutput(show.Word(name), code, &cli.Applet{})
}

// Refuse prints why this program does not run, and returns the exit status: that of the applet that argv[0] names for a
// call that cannot begin, or 2. The operand of killbox that names an applet is not looked at.
func Refuse(args []string, stderr io.Writer, reason error) int {
	a := Lookup(programName(args))
	if a == nil {
		a = &cli.Applet{Name: "killbox"}
	}
	fmt.Fprintf(stderr, "%s: %v\n", a.Name, reason)
	return cmp.Or(a.FailExit, cli.ExitUsage)
}

// programName returns the name in argv[0], which names an applet if the program is started through a link.
func programName(args []string) string {
	if len(args) == 0 {
		return "killbox"
	}
	// The argv[0] of a login shell begins with a dash.
	name := strings.TrimPrefix(path.Base(args[0]), "-")
	if strings.HasPrefix(name, detachedName) {
		return "reapwait"
	}
	return name
}

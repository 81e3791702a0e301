// Package applets holds the five applets tkill, pgkill, killwait, reapwait and freezekill, the list of all
// applets, and killbox itself: dispatch, installation and plug-ins. It reaches the system only through
// cli.Env, so that any applet can run in a test against a scripted kernel.
package applets

import (
	"path"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
)

// All returns the applets, sorted by name.
func All() []*cli.Applet {
	list := append([]*cli.Applet{
		freezekill(),
		killwait(),
		pgkill(),
		reapwait(),
		tkill(),
	}, dropins()...)
	slices.SortStableFunc(list, func(a, b *cli.Applet) int { return strings.Compare(a.Name, b.Name) })
	return list
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

// Main runs the program as it was called, and returns its exit status.
func Main(env *cli.Env) int {
	env.WrapOutput()
	name := "killbox"
	if len(env.Args) > 0 {
		// A login shell's argv[0] begins with a dash.
		name = strings.TrimPrefix(path.Base(env.Args[0]), "-")
	}
	code := 0
	if _, ok := strings.CutPrefix(name, detachedName); ok {
		name = "reapwait"
	}
	if a := Lookup(name); a != nil {
		code = a.Main(env, env.Args[1:])
	} else {
		code = runKillbox(env, env.Args[min(1, len(env.Args)):])
	}
	return env.CloseOutput(show.Word(name), code, &cli.Applet{})
}

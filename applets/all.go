// Package applets holds the five applets tkill, pgkill, killwait, reapwait and freezekill, the list of all
// applets, and killbox itself: dispatch, installation and plug-ins. The applets use the system only through cli.Env, so
// that a test can run any of them against a scripted kernel.
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
	name := "killbox"
	if len(env.Args) > 0 {
		// The argv[0] of a login shell begins with a dash.
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

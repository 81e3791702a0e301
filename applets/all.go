package applets

import (
	"path"
	"slices"
	"strings"

	"killbox/internal/show"
)

// All returns the applets, sorted by name.
func All() []*Applet {
	list := []*Applet{
		freezekill(),
		killwait(),
		pgkill(),
		reapwait(),
		tkill(),
	}
	for _, a := range dropins() {
		a.Dropin = true
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b *Applet) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Lookup returns the applet with exactly that name, or nil.
func Lookup(name string) *Applet {
	for _, a := range All() {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Main runs the program as it was called, and returns its exit status.
func Main(env *Env) int {
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
		code = box(env, env.Args[min(1, len(env.Args)):])
	}
	return env.CloseOutput(show.Word(name), code, &Applet{})
}

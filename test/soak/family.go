package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// prey is the name of processes that calls select by name. A canary with namesake, which is longer, must live.
const (
	prey     = "soakprey"
	namesake = "soakprey2"
	victimID = 4242 // the user of members, and of a tool without privileges
)

// family is the tree of processes that a call ends: the first process, root, and an element for each further property
// or child.
type family struct {
	lead     string // setsid or setpgrp, which root calls first
	user     int    // the user of all processes, 0 for root
	elements []element
}

// element is a word or a subtree of test/victims/actor, and what the judge must know of it.
type element struct {
	kind    string
	words   []string
	trait   trait
	dropped bool
}

// trait says how an element differs from a process that does nothing.
type trait struct {
	stops   bool // processes of the family are stopped by the family itself
	outside bool // the processes have left the tree before the call; findOutsiders finds them
	forks   bool // processes fork during the call
	users   bool // some processes belong to another user
	exits   bool // root exits as soon as the family is ready
	handles bool // processes ignore, block or catch TERM
}

// recipe makes an element. i is its number, which makes names unique.
type recipe struct {
	kind  string
	trait trait
	words func(random *rand.Rand, i string) []string
}

func child(words ...string) []string { return append(append([]string{"child"}, words...), "end") }

// run makes a child that executes a program.
func run(cmd ...string) []string { return []string{"run=" + strings.Join(cmd, ",")} }

// forgedNames imitate the syntax of /proc/PID/stat, applets and kernel threads.
var forgedNames = []string{") Z 1 1 (", "x) S 1", "killbox-guardian", "kthreadd", "tkill", "", "a\nPPid:\t1", "\x1b[2J", "\xff\xfe"}

var recipes = []recipe{
	{"child", trait{}, func(_ *rand.Rand, i string) []string { return child("name=c" + i) }},
	{"child", trait{}, func(_ *rand.Rand, i string) []string { return child("name=c"+i, "keep", "child", "name=d"+i, "end") }},
	{"chain", trait{}, func(r *rand.Rand, i string) []string { return []string{fmt.Sprintf("chain=h%s_:%d", i, 2+r.IntN(4))} }},
	{"setsid", trait{}, func(_ *rand.Rand, i string) []string { return child("name=s"+i, "setsid") }},
	{"setpgrp", trait{}, func(_ *rand.Rand, i string) []string { return child("name=g"+i, "setpgrp") }},
	{"double fork", trait{}, func(_ *rand.Rand, i string) []string { return []string{"orphan", "name=o" + i, "end"} }},
	{"double fork, setsid", trait{outside: true}, func(_ *rand.Rand, i string) []string { return []string{"orphan", "name=out" + i, "setsid", "end"} }},
	{"zombie", trait{}, func(r *rand.Rand, i string) []string {
		return child("keep", "name=z"+i, "child", fmt.Sprint("exit=", r.IntN(256)), "end")
	}},
	{"ignores", trait{handles: true}, func(_ *rand.Rand, i string) []string {
		return child("name=i"+i, "ignore=TERM", "ignore=INT", "ignore=HUP")
	}},
	{"blocks", trait{handles: true}, func(_ *rand.Rand, i string) []string { return child("name=b"+i, "block=TERM") }},
	{"catches", trait{handles: true}, func(_ *rand.Rand, i string) []string { return child("name=k"+i, "catch=TERM") }},
	{"exits late", trait{handles: true}, func(r *rand.Rand, i string) []string {
		return child("name=l"+i, fmt.Sprintf("late=TERM:0.%02d:3", r.IntN(20)))
	}},
	{"stopped", trait{stops: true}, func(_ *rand.Rand, i string) []string { return child("name=t"+i, "stop") }},
	{"forged name", trait{}, func(r *rand.Rand, i string) []string { return child("comm=" + pick(r, forgedNames)) }},
	{"other user", trait{users: true}, func(_ *rand.Rand, i string) []string { return child("name=u"+i, fmt.Sprint("uid=", victimID+1)) }},
	{"set-uid", trait{users: true}, func(_ *rand.Rand, i string) []string {
		return child(append([]string{fmt.Sprint("uid=", victimID+1)}, run("member", "becomes", "soaksuid", "150")...)...)
	}},
	{"halts siblings", trait{stops: true}, func(*rand.Rand, string) []string { return run("member", "halts") }},
	{"traces siblings", trait{stops: true}, func(*rand.Rand, string) []string { return run("member", "traces") }},
	{"execve", trait{}, func(*rand.Rand, string) []string { return run("member", "renames") }},
	{"forks", trait{forks: true}, func(*rand.Rand, string) []string { return run("member", "forks") }},
	{"supervisor", trait{forks: true}, func(r *rand.Rand, _ string) []string { return run("victim", "supervisor", fmt.Sprint(1+r.IntN(3))) }},
	{"vfork", trait{}, func(r *rand.Rand, _ string) []string { return run("victim", "vfork", pick(r, []string{"catch", "x"})) }},
	{"first thread exits", trait{}, func(*rand.Rand, string) []string { return run("victim", "leader-exits") }},
	{"thread forks", trait{}, func(*rand.Rand, string) []string { return run("victim", "thread-child") }},
	{"thread blocks", trait{handles: true}, func(*rand.Rand, string) []string { return run("victim", "thread-blocks") }},
	{"forks on TERM", trait{forks: true, handles: true}, func(*rand.Rand, string) []string { return run("victim", "meanwhile") }},
	{"leaves on TERM", trait{forks: true, handles: true}, func(r *rand.Rand, _ string) []string {
		return run("victim", "new-group", pick(r, []string{"linger", "x"}))
	}},
	{"hop", trait{forks: true}, func(*rand.Rand, string) []string { return run("victim", "hop", "1") }},
	{"churn", trait{forks: true}, func(*rand.Rand, string) []string { return run("victim", "churn", "1") }},
}

// rootRecipes are properties of root, which its children inherit if a fork does.
var rootRecipes = []recipe{
	{"root ignores", trait{handles: true}, func(*rand.Rand, string) []string { return []string{"ignore=TERM", "ignore=INT"} }},
	{"root exits on TERM", trait{handles: true}, func(r *rand.Rand, _ string) []string { return []string{fmt.Sprint("exit-on=TERM:", r.IntN(256))} }},
	{"root catches", trait{handles: true}, func(*rand.Rand, string) []string { return []string{"catch=TERM", "catch=USR1"} }},
	{"root keeps zombies", trait{}, func(*rand.Rand, string) []string { return []string{"keep", "child", "exit=1", "end"} }},
	{"root stopped", trait{stops: true}, func(*rand.Rand, string) []string { return []string{"stop"} }},
}

// newFamily chooses up to six elements. A call that selects by name gets a member with that name.
func newFamily(random *rand.Rand, c *call) family {
	f := family{lead: pick(random, []string{"setsid", "setsid", "setpgrp"})}
	if c.scope == otherSessions || c.scope == session {
		f.lead = "setsid"
	}
	if c.scope == command && chance(random, 2) {
		f.elements = append(f.elements, element{kind: "root exits", words: []string{fmt.Sprint("exit=", pick(random, []int{0, 1, 7, 143}))}, trait: trait{exits: true}})
	}
	if chance(random, 2) {
		f.add(random, pick(random, rootRecipes))
	}
	deaf := f.has(func(t trait) bool { return t.handles })
	for range random.IntN(6) {
		// A child inherits what root does with TERM, and an actor cannot both block and catch a signal.
		r := pick(random, recipes)
		for deaf && r.trait.handles {
			r = pick(random, recipes)
		}
		f.add(random, r)
	}
	return f
}

func (f *family) add(random *rand.Rand, r recipe) {
	f.elements = append(f.elements, element{kind: r.kind, words: r.words(random, fmt.Sprint(len(f.elements))), trait: r.trait})
}

// words returns the arguments of actor. A member that calls select by name is always there.
func (f *family) words() []string {
	words := []string{f.lead}
	if f.user != 0 {
		words = append(words, fmt.Sprint("uid=", f.user))
	}
	words = append(words, child("name=prey", "comm="+prey)...)
	for i := range f.elements {
		if !f.elements[i].dropped {
			words = append(words, f.elements[i].words...)
		}
	}
	return words
}

// has reports whether an element has a trait.
func (f *family) has(is func(t trait) bool) bool {
	for i := range f.elements {
		if !f.elements[i].dropped && is(f.elements[i].trait) {
			return true
		}
	}
	return false
}

func (f *family) String() string { return fmt.Sprintf("actor %q", f.words()) }

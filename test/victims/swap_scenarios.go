package victims

import "strings"

// scenario is a call of a tool with the victim that it selects. scene.words replaces the words in braces.
type scenario struct {
	name     string
	tool     []string
	relation relation
	ignores  bool // the victim ignores TERM
	halted   bool // the victim is stopped before the call
	session  bool // the victim leads a session, not only a group
	uid      int
	env      string
	cgroup   bool
	inDir    bool   // the victim works in the folder of prey
	script   bool   // the victim is a shell that runs the script prey.sh
	input    string // standard input of the tool, and the content of {file}

	bare   bool // the operand is a PID: until the tool has pinned the victim, it refers to a newcomer as well
	byTick bool // the operand is PID@START: it refers to a newcomer of the same tick as well
	early  bool // the victim is started before the tool, even for a swap within one tick
	old    bool // the victim must be older than a tick
	inode  bool // the tool needs inodes of pidfds to identify the victim
	leader bool // the root, a group leader, is killed with the victim, and the newcomer gets the PID of the root
	ended  bool // the root has ended before the call
	number bool // kill(-pgid) sends the signal even with pidfds, because the group has no leader
	killed bool // the tool is killed when it has frozen the victim, and the swap is made while its guardian resumes
}

const (
	victimUser = 4242 // the user of some victims, without other processes
	mark       = "SWAPPED=1"
	noOwner    = "KILLBOX_OWNER=4194304@1/{here}" // no process has this PID
)

var scenarios = []scenario{
	{name: "killwait PID", tool: five("killwait", "{pid}"), bare: true},
	{name: "killwait PID ladder", tool: five("killwait", "{pid}"), bare: true, ignores: true},
	{name: "killwait PID stopped", tool: five("killwait", "{pid}"), bare: true, halted: true},
	{name: "killwait PID@START", tool: five("killwait", "{handle}"), byTick: true},
	{name: "killwait PID:INODE", tool: five("killwait", "{pid}:{inode}"), early: true, inode: true},
	{name: "killwait PID@START:INODE", tool: five("killwait", "{handle}:{inode}"), early: true, inode: true},
	{name: "killwait -", tool: five("killwait", "-"), input: "{handle}", byTick: true},
	{name: "killwait - PID:INODE", tool: five("killwait", "-"), input: "{pid}:{inode}", early: true, inode: true},
	{name: "killwait --pidfile", tool: five("killwait", "--pidfile", "{file}"), input: "{pid}", bare: true},
	{name: "killwait --name", tool: five("killwait", "--name", "prey")},
	{name: "killwait --name ladder", tool: five("killwait", "--name", "prey"), ignores: true},
	{name: "killwait --name /path", tool: five("killwait", "--name", "{prey}")},
	{name: "killwait --exe", tool: five("killwait", "--exe", "{prey}")},
	{name: "killwait --cwd", tool: five("killwait", "--cwd", "{dir}"), inDir: true},
	{name: "killwait --name script", tool: five("killwait", "--name", "prey.sh"), script: true},
	{name: "killwait --full", tool: five("killwait", "--full", "^prey 60")},
	{name: "killwait --user", tool: five("killwait", "--user", "4242"), uid: victimUser},
	{name: "killwait --env", tool: five("killwait", "--env", mark), env: mark},
	{name: "killwait --open", tool: five("killwait", "--open", "{prey}")},
	{name: "killwait --owner-gone", tool: five("killwait", "--owner-gone"), env: noOwner},
	{name: "killwait --parent", tool: five("killwait", "--parent", "{root}"), relation: child},
	{name: "killwait --group", tool: five("killwait", "--group", "{root}", "--omit", "{root}"), relation: child},
	{name: "killwait --session", tool: five("killwait", "--session", "{root}", "--omit", "{root}"), relation: child},
	{name: "killwait --older", tool: five("killwait", "--older", "30ms", "--user", "4242"), uid: victimUser, old: true},
	{name: "killwait --cgroup", tool: five("killwait", "--cgroup", "{cgroup}"), cgroup: true},

	{name: "tkill PID", tool: five("tkill", "{pid}"), bare: true},
	{name: "tkill --name", tool: five("tkill", "--name", "prey"), ignores: true},
	{name: "tkill --open", tool: five("tkill", "--open", "{prey}")},
	{name: "tkill --owner-gone", tool: five("tkill", "--owner-gone"), env: noOwner},
	{name: "tkill member", tool: five("tkill", "{root}"), relation: child},
	{name: "tkill member ladder", tool: five("tkill", "-s", "WINCH", "{root}"), relation: child},
	{name: "tkill -m", tool: five("tkill", "-m", "{pid}"), bare: true, ignores: true},
	{name: "tkill -m member", tool: five("tkill", "-m", "{root}"), relation: child},
	{name: "tkill -c", tool: five("tkill", "-c", "{root}"), relation: child},
	{name: "tkill --no-freeze", tool: five("tkill", "--no-freeze", "{root}"), relation: child},
	{name: "tkill stray", tool: five("tkill", "{root}"), relation: stray},
	{name: "tkill stray --no-freeze", tool: five("tkill", "--no-freeze", "{root}"), relation: stray},
	{name: "tkill --orphans", tool: five("tkill", "--orphans", "{root}"), relation: orphan},
	{name: "tkill --orphans ladder", tool: five("tkill", "-s", "WINCH", "--orphans", "{root}"), relation: orphan},
	{name: "tkill --orphans --no-freeze", tool: five("tkill", "--orphans", "--no-freeze", "{root}"), relation: orphan},
	{name: "tkill orphan", tool: five("tkill", "{root}"), relation: orphan},
	{name: "tkill -PGID", tool: five("tkill", "--", "-{root}"), relation: child},
	{name: "tkill guardian", tool: five("tkill", "{root}"), relation: child, killed: true},

	{name: "pgkill PGID", tool: five("pgkill", "{pid}"), bare: true},
	{name: "pgkill PGID ladder", tool: five("pgkill", "{pid}"), bare: true, ignores: true},
	{name: "pgkill member", tool: five("pgkill", "{root}"), relation: child},
	{name: "pgkill -m", tool: five("pgkill", "-m", "{pid}"), bare: true, ignores: true},
	{name: "pgkill -m member", tool: five("pgkill", "-m", "{root}"), relation: child},
	{name: "pgkill leaderless", tool: five("pgkill", "{root}"), relation: child, early: true, leader: true, ended: true, number: true, bare: true},
	{name: "pgkill --of PID@START", tool: five("pgkill", "--of", "{handle}"), byTick: true},
	{name: "pgkill --of PID:INODE", tool: five("pgkill", "--of", "{pid}:{inode}"), early: true, inode: true},
	{name: "pgkill --of PID@START:INODE", tool: five("pgkill", "--of", "{handle}:{inode}"), early: true, inode: true},
	{name: "pgkill --of member", tool: five("pgkill", "--of", "{handle}"), relation: child, early: true, leader: true},
	{name: "pgkill -S SID", tool: five("pgkill", "-S", "{pid}"), bare: true, session: true},
	{name: "pgkill -S --of PID@START", tool: five("pgkill", "-S", "--of", "{handle}"), byTick: true, session: true},
	{name: "pgkill -S --of PID:INODE", tool: five("pgkill", "-S", "--of", "{pid}:{inode}"), early: true, inode: true, session: true},
	{name: "pgkill -S --of member", tool: five("pgkill", "-S", "--of", "{handle}"), relation: child, early: true, leader: true},
	{name: "pgkill -S member", tool: five("pgkill", "-S", "{root}"), relation: child},

	{name: "freezekill PID", tool: five("freezekill", "{pid}"), bare: true},
	{name: "freezekill PID ladder", tool: five("freezekill", "{pid}"), bare: true, ignores: true},
	{name: "freezekill --name", tool: five("freezekill", "--name", "prey")},
	{name: "freezekill -T", tool: five("freezekill", "-T", "{root}"), relation: child},
	{name: "freezekill -T --orphans", tool: five("freezekill", "-T", "--orphans", "{root}"), relation: orphan},
	{name: "freezekill -PGID", tool: five("freezekill", "--", "-{root}"), relation: child},
	{name: "freezekill --cgroup", tool: five("freezekill", "--cgroup", "{cgroup}"), cgroup: true},
	{name: "freezekill --thaw", tool: []string{"freezekill", "--thaw", "--name", "prey"}, halted: true},
	{name: "freezekill guardian", tool: five("freezekill", "--name", "prey"), killed: true},
	{name: "freezekill --cgroup guardian", tool: five("freezekill", "--cgroup", "{cgroup}"), cgroup: true, killed: true},

	{name: "reapwait -z --kill-parent", tool: zombies("--kill-parent", "{pid}"), relation: zombieParent},
	{name: "reapwait -z --kill-parent, all", tool: zombies("--kill-parent"), relation: zombieParent},
	{name: "reapwait -z --nudge", tool: zombies("--nudge", "{pid}"), relation: zombieParent},
	{name: "reapwait -z --nudge --kill-parent", tool: zombies("--nudge", "--kill-parent"), relation: zombieParent},

	{name: "kill PID:INODE", tool: []string{"kill", "{pid}:{inode}"}, early: true, inode: true},
	{name: "kill PID@START:INODE", tool: []string{"kill", "{handle}:{inode}"}, early: true, inode: true},
	{name: "kill NAME", tool: []string{"kill", "prey"}},
	{name: "kill -q", tool: []string{"kill", "-q", "7", "-TERM", "prey"}},
	{name: "kill --timeout", tool: []string{"kill", "--timeout", "30", "KILL", "{pid}"}, bare: true, ignores: true},

	{name: "pkill NAME", tool: []string{"pkill", "prey"}},
	{name: "pkill -f", tool: []string{"pkill", "-f", "^prey 60"}},
	{name: "pkill -F", tool: []string{"pkill", "-F", "{file}"}, input: "{pid}", bare: true},
	{name: "pkill -P", tool: []string{"pkill", "-P", "{root}"}, relation: child},
	{name: "pkill -g", tool: []string{"pkill", "-g", "{root}", "prey"}, relation: child},
	{name: "pkill -s", tool: []string{"pkill", "-s", "{root}", "prey"}, relation: child},
	{name: "pkill -u", tool: []string{"pkill", "-u", "4242"}, uid: victimUser},

	{name: "killall NAME", tool: []string{"killall", "prey"}},
	{name: "killall -w", tool: []string{"killall", "-w", "prey"}},
	{name: "killall -g", tool: []string{"killall", "-g", "prey"}},
	{name: "killall -g member", tool: []string{"killall", "-g", "prey"}, relation: child, leader: true},
	{name: "killall /path", tool: []string{"killall", "{prey}"}},
	{name: "killall -u", tool: []string{"killall", "-u", "4242", "prey"}, uid: victimUser},
	{name: "killall -r", tool: []string{"killall", "-r", "^pr.y$"}},

	// This script reads the name of a PID, and later signals any process that has the PID by then. The swapper must
	// detect that.
	{name: "naive", tool: []string{"sh", "-c", naive}},
}

const naive = `for d in /proc/[0-9]*; do read -r comm <$d/comm; [ "$comm" != prey ] || kill "${d#/proc/}"; done`

// needs returns the condition (of the scripts) that the scenario requires.
func (sc *scenario) needs() string {
	switch {
	case sc.inode:
		return "pidfd-inode"
	case sc.cgroup:
		return "cgroup2"
	}
	return ""
}

// SwapScenarios returns the names of the scenarios of a tool that need no condition.
func SwapScenarios(tool string) (names []string) {
	for i := range scenarios {
		if sc := &scenarios[i]; sc.needs() == "" && strings.HasPrefix(sc.name, tool+" ") {
			names = append(names, sc.name)
		}
	}
	return names
}

func five(tool string, args ...string) []string {
	return append([]string{tool, "-k", "0.05", "-t", "0.3"}, args...)
}

func zombies(args ...string) []string {
	return append([]string{"reapwait", "-z", "-k", "0.05", "-t", "0.2"}, args...)
}

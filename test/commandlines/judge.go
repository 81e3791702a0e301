package commandlines

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"killbox/test/victims"
)

// result is what a command line has done.
type result struct {
	status         syscall.WaitStatus
	stdout, stderr string
	termSent       bool // it was sent TERM at the end of the time limit
	killed         bool // it was sent KILL after that
}

// statuses are the documented exit statuses. Those of the applets that run a command may be any.
var statuses = map[string][]int{
	"killbox": {0, 2, 3, 126, 127}, "killwait": {0, 1, 2, 3, 5, 124}, "tkill": {0, 1, 2, 3, 4, 5, 124},
	"pgkill": {0, 1, 2, 3, 4, 5, 124}, "freezekill": {0, 1, 2, 3, 4, 5, 124}, "kill": {0, 1, 64}, "killall": {0, 1},
	"killall5": {0, 1, 2}, "pgrep": {0, 1, 2, 3}, "pkill": {0, 1, 2, 3}, "pidwait": {0, 1, 2, 3, 124}, "pidof": {0, 1},
	"waitpid": {0, 1, 3},
}

// twoLines are the applets whose usage errors are two lines.
var twoLines = []string{"killwait", "tkill", "pgkill", "freezekill", "reapwait", "killbox"}

// usageStatus are the exit statuses of usage errors.
var usageStatus = map[string]int{
	"kill": 1, "killall": 1, "killall5": 1, "pidof": 1, "waitpid": 1, "tini": 1, "docker-init": 1, "timeout": 125,
}

// isUsageError reports whether the applet has refused the command line, or says by its exit status that it has
// signalled no process.
func isUsageError(l *line, res *result) bool {
	want, ok := usageStatus[l.applet]
	if !ok {
		want = 2
	}
	if !res.status.Exited() || res.status.ExitStatus() != want {
		return false
	}
	switch l.applet {
	case "pgrep", "pkill", "pidwait":
		return true
	}
	if l.applet == "kill" && !givesOption(l.args, " timeout") || l.applet == "killall5" {
		return true
	}
	lower := strings.ToLower(res.stderr)
	return strings.Contains(lower, "try '") || strings.Contains(lower, "usage:")
}

// acts matches characters on which a terminal acts: control characters except newline and tab, characters that change
// the direction of text, and separators of lines.
var acts = regexp.MustCompile(`[^\P{Cc}\n\t]|[\x{61c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]`)

// colour matches what sets a colour.
var colour = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// forged matches a line that the word with a newline has made.
var forged = regexp.MustCompile(`(?m)^forged(:|$)`)

// effective returns the command line that killbox runs: that of another applet if the first word is its name.
func (l *line) effective(applets []string) *line {
	if l.applet != "killbox" || len(l.args) == 0 || l.args[0] != shellCall && !slices.Contains(applets, l.args[0]) {
		return l
	}
	other := *l
	other.applet, other.args = l.args[0], l.args[1:]
	return other.effective(applets)
}

// judge returns the promises that the applet has broken.
func (s *scene) judge(l *line, res *result) (broken []string) {
	l = l.effective(s.applets)
	add := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	if found := victims.GoTrace.FindString(res.stdout + "\n" + res.stderr); found != "" {
		add("prints a trace: %s", found)
	}
	s.judgeOutput(l, res, add)
	s.judgeStatus(l, res, add)
	usage := isUsageError(l, res)
	if res.termSent && l.bounded {
		add("exceeds its time limit")
	}
	if res.killed && !slices.Contains(commandRunners, l.applet) {
		add("still runs two seconds after TERM")
	}
	nothing := usage || l.dry || !signals(l.applet)
	if nothing {
		for _, p := range s.victims {
			if sign := p.signalled(); sign != "" {
				add("was to signal nothing, but %s %s", p.name, sign)
			}
		}
	}
	if nothing || !s.mayNameOthers(l) {
		for _, p := range s.canaries {
			if sign := p.signalled(); sign != "" {
				add("canary %s %s", p.name, sign)
			}
		}
		for _, sig := range s.received() {
			add("PID 1 was sent %v", sig)
		}
	}
	if !res.killed && !mayStop(l) {
		for _, p := range slices.Concat(s.victims, s.canaries) {
			if state, _ := p.stat(); state == 'T' {
				add("%s stays stopped", p.name)
			}
		}
	}
	return broken
}

// signals reports whether the applet signals processes.
func signals(applet string) bool { _, ok := signalling[applet]; return ok }

// judgeOutput checks both outputs.
func (s *scene) judgeOutput(l *line, res *result, add func(string, ...any)) {
	outputs := map[string]string{"stdout": res.stdout, "stderr": res.stderr}
	if l.applet == "pgrep" && givesOption(l.args, "d delimiter") || l.applet == "pidof" && givesOption(l.args, "Sd separator") {
		delete(outputs, "stdout") // has the separator unchanged
	}
	for name, text := range outputs {
		if slices.Contains(l.env, "CLICOLOR_FORCE=1") || prefixed(l.args, "--c") {
			text = colour.ReplaceAllString(text, "")
		}
		if _, ok := statuses[l.applet]; !ok {
			text = linesOf(l.applet, text) // not those of COMMAND
		}
		if found := acts.FindString(text); found != "" || !utf8.ValidString(text) {
			add("%s has characters on which a terminal acts: %q", name, found)
		}
		if forged.MatchString(text) {
			add("a word has made a line of %s", name)
		}
	}
	if isUsageError(l, res) && slices.Contains(twoLines, l.applet) {
		lines := strings.Split(strings.TrimSuffix(res.stderr, "\n"), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[1], "try '") || res.stdout != "" {
			add("a usage error is not two lines")
		}
	}
}

// linesOf returns the lines that the applet has printed, and not the command that it runs.
func linesOf(applet, text string) (own string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, applet) {
			own += line
		}
	}
	return own
}

// judgeStatus checks how the applet has ended.
func (s *scene) judgeStatus(l *line, res *result, add func(string, ...any)) {
	known, ok := statuses[l.applet]
	switch status := res.status; {
	case !ok || res.killed:
	case l.applet == "killwait" && givesOption(l.args, " status"):
	case status.Signaled() && status.Signal() == syscall.SIGTERM && res.termSent:
	case l.below && res.termSent && status.Exited() && status.ExitStatus() == 128+int(syscall.SIGTERM):
	case s.mayNameOthers(l) && (status.Signaled() || status.ExitStatus() > 128): // it may name itself
	case status.Signaled():
		add("ended by %v", status.Signal())
	case !slices.Contains(known, status.ExitStatus()):
		add("undocumented exit status %d", status.ExitStatus())
	case status.ExitStatus() == 2 && slices.Contains(twoLines, l.applet) && !isUsageError(l, res):
		add("exit status 2 without the two lines of a usage error")
	case l.applet == "waitpid" || givesOption(l.args, "qj quiet json"):
	case slices.Contains([]int{2, 3, 4, 64}, status.ExitStatus()) && res.stderr == "" && res.stdout == "":
		add("exit status %d without a message", status.ExitStatus())
	}
}

// commandRunners end when their COMMAND does, which may be sent another signal than TERM, or none.
var commandRunners = []string{"reapwait", "tini", "docker-init", "timeout"}

// String returns the command line, for a shell.
func (l *line) String() string {
	words := append(slices.Clone(l.env), l.applet)
	for _, arg := range l.args {
		words = append(words, fmt.Sprintf("%.200q", arg))
	}
	text := strings.Join(words, " ")
	if l.input != "" {
		text += fmt.Sprintf(" <<<%.100q", l.input)
	}
	if l.user {
		text += " (user " + victimUser + ")"
	}
	if l.below {
		text += " (below a shell)"
	}
	return text
}

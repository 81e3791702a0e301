package commandlines

import (
	"math/big"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// signalling maps the applets that signal processes by selectors or operands to the options that may match any process
// if no other selector is given. Letters precede the long options. For an abbreviation, the beginning is enough.
var signalling = map[string]string{
	"kill": "", shellCall: "", "killall": "oyuZnrIi older-than younger-than user context ns regexp", "killall5": "",
	"pkill": "gGHnoOPstuUxFrAiqv pgroup group require-handler newest oldest older parent session terminal euid uid pidfile " +
		"runstates cgroup env ns nslist inverse pid",
	"killwait": selectors, "tkill": selectors, "freezekill": "a all " + selectors, "pgkill": "", "reapwait": "",
}

// shellCall is the applet of `killbox shell-call`, which runs another one.
const shellCall = "shell-call"

const selectors = " name full user tty group session parent env owner-gone state older newer exe cwd rss-over pidfile port open " +
	"mount cgroup"

// mayNameOthers reports whether the command line may name a process that is no victim. It is generous: it does not read
// the command line as the applet does.
func (s *scene) mayNameOthers(l *line) bool {
	broad, ok := signalling[l.applet]
	switch {
	case !ok:
		return false
	case l.applet == "killall5" || l.applet == shellCall:
		return true
	}
	guard := l.guard && !l.user // the applet itself runs as the user of a victim
	words := parts(l)
	return s.numberNamesOthers(words) ||
		l.applet == "pkill" && givesOption(l.args, " inverse") || l.applet == "freezekill" && givesOption(l.args, "a all") ||
		!guard && (l.guard || givesOption(l.args, broad) || s.patternMatchesOthers(l, words))
}

// parts returns all words of the command line and of its input, and what may be a value in them.
func parts(l *line) (words []string) {
	for _, word := range append(slices.Clone(l.args), strings.Split(l.input, "\n")...) {
		words = append(words, word)
		if _, value, ok := strings.Cut(word, "="); ok {
			words = append(words, value)
		}
		if len(word) > 2 && word[0] == '-' {
			words = append(words, word[2:])
		}
		words = append(words, strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune(",:;@= \t", r) })...)
	}
	return append(words, "") // as a variable that is not set
}

// numberNamesOthers reports whether a word is a number that names another process, a group, a session or a user of one.
func (s *scene) numberNamesOthers(words []string) bool {
	ids := s.otherIDs()
	for _, word := range words {
		switch strings.TrimSpace(word) {
		case "root", "garbage", "/proc/1/root":
			return true
		}
		word = strings.TrimLeft(strings.TrimSpace(word), "-+")
		for _, base := range []int{10, 0} {
			n, ok := new(big.Int).SetString(word, base)
			if !ok || !n.IsInt64() {
				continue
			}
			// 0 is the own group or session, or root. kill(2) takes the ID of a thread for that of its process.
			if v := int(n.Int64()); v <= 1 || v == canaryUser || slices.Contains(ids, strconv.Itoa(v)) {
				return true
			}
		}
	}
	return false
}

// otherIDs returns the PIDs of the canaries, and the IDs of the threads of PID 1, this process.
func (s *scene) otherIDs() (ids []string) {
	for _, p := range s.canaries {
		ids = append(ids, strconv.Itoa(p.pid))
	}
	entries, _ := os.ReadDir("/proc/1/task")
	for _, entry := range entries {
		ids = append(ids, entry.Name())
	}
	return ids
}

// patternMatchesOthers reports whether a word, read as a regular expression, matches the name or the command line of
// another process: of a canary, PID 1, or the shell of a line with below.
func (s *scene) patternMatchesOthers(l *line, words []string) bool {
	patterns := l.applet == "pkill" || givesOption(l.args, "r regexp full")
	others := []string{"sh", strings.Join(os.Args, " ")}
	if l.below && givesOption(l.args, "f full") {
		others = append(others, "sh -c "+shellScript+" /"+l.applet+" "+strings.Join(l.args, " "))
	}
	for _, p := range s.canaries {
		others = append(others, p.name+" "+lifetime)
	}
	for _, word := range words {
		if word == "" {
			if slices.Contains(l.args, "") || slices.ContainsFunc(l.args, func(a string) bool { return strings.HasSuffix(a, "=") }) {
				return true
			}
			continue
		}
		if !patterns {
			continue
		}
		re, err := regexp.Compile("(?i)" + word)
		if err != nil || slices.ContainsFunc(others, re.MatchString) {
			return true
		}
	}
	return false
}

// givesOption reports whether one of the options may be given: letters in the first word of the list, then long names.
func givesOption(args []string, list string) bool {
	letters, long := "", strings.Split(list, " ")
	letters, long = long[0], long[1:]
	for _, arg := range args {
		name, isOption := strings.CutPrefix(arg, "-")
		name, isLong := strings.CutPrefix(name, "-")
		if !isOption || name == "" {
			continue
		}
		if !isLong && strings.ContainsAny(name, letters) {
			return true
		}
		// killall takes long options with one dash, too.
		name, _, _ = strings.Cut(name, "=")
		if slices.ContainsFunc(long, func(o string) bool { return strings.HasPrefix(o, name) }) {
			return true
		}
	}
	return false
}

func prefixed(args []string, prefixes ...string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(a, p) })
	})
}

// mayStop reports whether a signal of the command line may stop a process.
func mayStop(l *line) bool {
	return slices.ContainsFunc(parts(l), func(word string) bool {
		upper := strings.ToUpper(word)
		for _, name := range []string{"STOP", "TSTP", "TTIN", "TTOU"} {
			if strings.Contains(upper, name) {
				return true
			}
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimLeft(word, "-+s")), 0, 64)
		return err == nil && (n >= 19 && n <= 22 || n >= 128+19 && n <= 128+22)
	})
}

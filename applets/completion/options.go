package completion

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The tables and expressions are made when they are used, not at the start of every applet.

// kinds maps the words for arguments in the help texts to what a shell offers for them. A word that no applet explains
// in another way has one meaning in all of them. "any" offers nothing.
//
// The shells complete user, gid, file, directory and command themselves: they know the users of all sources of
// nsswitch.conf(5), and show files as their user is used to see them. Function values has the candidates for the
// others.
var kinds = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"SIG": "signal", "SIGNAL": "signal", "sig": "signal", "NUM": "number", "SIG/DUR/...": "ladder", "A=[B]": "forwarding",
		"DUR": "duration", "DURATION": "duration", "duration": "duration",
		"PID": "process", "PID[:INODE]": "process", "PPID": "process", "TARGET": "process", "HANDLE": "process",
		"PGID": "group", "SID": "session",
		"NAME": "name", "PATTERN": "name", "pattern": "name", "PROGRAM": "name",
		"TTY": "terminal", "tty": "terminal", "PORT": "port", "PATH": "cgroup", "grp": "cgroup",
		"LETTERS": "state", "state": "state", "SIZE": "size",
		"USER": "user", "ID": "user", "GID": "gid", "FILE": "file", "file": "file", "DIR": "directory", "COMMAND": "command",
		"ns": "cgroup|ipc|mnt|net|pid|time|user|uts",

		"-PGID": "", "CODE": "any", "MS SIG": "any", "N": "any", "N=M": "any", "NAME=VALUE": "any", "NAME[=VALUE]": "any",
		"REGEX": "any", "REGEXP": "any", "STATUS": "", "TIME": "any", "VALUE": "any", "name[=val]": "any", "seconds": "any",
		"sep": "any", "string": "any", "value": "any",
	}
})

// optionLine matches the line of an option in a help text in the form of cli.PrintHelp.
var optionLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^ +(?:-<sig>, )?(?:(-\w),? *)?(--[a-z][a-z0-9-]*)?(\[?)(?:[= ](.+?))?\t(.*)\n$`)
})

// parseOptions returns the lines of the table for the options in a help text.
func parseOptions(help string) (lines string, err error) {
	for line := range strings.Lines(help) {
		m := optionLine().FindStringSubmatch(line)
		if m == nil || m[1] == "" && m[2] == "" {
			continue
		}
		names := strings.Trim(m[1]+","+m[2], ",")
		takes, err := takesOf(strings.TrimSuffix(m[4], strings.Repeat("]", len(m[3]))))
		switch {
		case err != nil:
			return "", err
		case m[3] != "":
			takes = "[=" + takes + "]"
		case takes != "":
			takes = "=" + takes
		}
		lines += names + takes + " " + m[5] + "\n"
		if strings.Contains(line, "also -SIG") || strings.Contains(line, "-<sig>") {
			lines += "shorthand\n"
		}
	}
	return lines, nil
}

// pickLines returns the lines of the table for the plug-in pick: its own options, and those of killwait that it accepts.
func pickLines(killwait string) string {
	lines := "plugin pick choose processes from a list, and end them\n-a,--all list the processes of all users\n"
	for line := range strings.Lines(killwait) {
		names, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		names, _, _ = strings.Cut(names, "=")
		switch names[strings.LastIndexByte(names, ',')+1:] {
		case "--signal", "--kill-after", "--retry", "--timeout", "--no-kill", "--hook", "--hook-timeout", "--strict", "--reaped",
			"--dry-run", "--verbose", "--quiet", "--json", "--handles", "--help", "shorthand":
			lines += line
		}
	}
	return lines + "operands any\n"
}

// parseUsage returns the lines of the table for the operands. A usage line after the first one begins with the option
// with which its operands go; its line precedes the other.
func parseUsage(usage, options string) (lines string, err error) {
	for i, line := range strings.Split(usage, "\n") {
		words := strings.Fields(line)
		key := "operands"
		if i > 0 && len(words) > 1 {
			key, words = "with "+synonyms(words[1], options), words[2:]
		}
		operands, depth := "", 0
		for _, word := range words {
			optional := depth > 0 || strings.HasPrefix(word, "[-")
			depth += strings.Count(word, "[") - strings.Count(word, "]")
			switch word {
			case "[OPTION]...", "[SELECTOR]...", "[ARG]...":
				continue
			}
			if optional {
				continue // an option
			}
			takes, err := takesOf(word)
			if err != nil {
				return "", err
			}
			operands += " " + takes
		}
		if operands != "" {
			lines = key + operands + "\n" + lines
		}
	}
	return lines, nil
}

// synonyms returns all names of an option, joined by commas.
func synonyms(name, options string) string {
	for line := range strings.Lines(options) {
		names, _, _ := strings.Cut(line, " ")
		names, _, _ = strings.Cut(names, "=")
		if slices.Contains(strings.Split(names, ","), name) {
			return names
		}
	}
	return name
}

// UnknownWord is the error of a word for an argument that kinds lacks.
type UnknownWord string

func (e UnknownWord) Error() string { return "no completion for the argument " + string(e) }

// fixedWords matches words of which one is to be given, such as "auto|always|never".
var fixedWords = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]+(\|[a-z]+)+`) })

// takesOf returns what stands in the table for a word of a help text, such as "PID,...", "<tty,...>" or
// "[SIG|STATUS]...": a kind of kinds, several kinds joined by "+", or fixed words joined by "|". A comma at the end
// means a list of them.
func takesOf(word string) (string, error) {
	if word == "" {
		return "", nil
	}
	if kind, ok := kinds()[word]; ok {
		return kind, nil
	}
	if fixed := fixedWords().FindString(word); fixed != "" {
		return fixed, nil
	}
	word = strings.TrimPrefix(word, "[tcp:|udp:]")
	word = strings.Trim(word, "<>")
	comma := ""
	for _, end := range []string{",...", "[,PID...]"} {
		if list, ok := strings.CutSuffix(word, end); ok {
			word, comma = list, ","
		}
	}
	word = strings.TrimSuffix(word, "...")
	if inner, ok := strings.CutPrefix(word, "["); ok {
		word = strings.TrimSuffix(inner, "]")
	}
	var parts []string
	words := []string{word}
	if kinds()[word] == "" {
		words = strings.Split(word, "|")
	}
	for _, word := range words {
		kind, ok := kinds()[word]
		if !ok {
			return "", UnknownWord(word)
		}
		if kind != "" && !slices.Contains(parts, kind) {
			parts = append(parts, kind)
		}
	}
	if takes := strings.Join(parts, "+"); comma == "" || strings.Contains(takes, "|") {
		return takes, nil // fixed words are offered one at a time
	}
	return strings.Join(parts, "+") + ",", nil
}

// Package commandlines runs the applets with random command lines in PID namespaces and checks after each one that the
// applet has kept its promises: see judge.
package commandlines

import (
	"fmt"
	"os/exec"
	"strings"
)

// option is an option of an applet, as the table of the completions has it.
type option struct {
	letter, long string // without dashes; one of them may be ""
	takes        string // the kinds of the argument, as in applets/completion; "" if the option takes none
	optional     bool   // the argument may be left out, and else follows "="
}

// command is what the table says of an applet.
type command struct {
	name      string
	options   []option
	operands  []string            // kinds; the last one stands for all further operands
	with      map[string][]string // operands if an option is given, by the names of the option
	shorthand bool                // -SIG stands for --signal=SIG
}

// readTable returns the applets by name, from the table in the script that `killbox completion bash` prints.
func readTable(killbox string) (map[string]*command, error) {
	script, err := exec.Command(killbox, "completion", "bash").Output()
	if err != nil {
		return nil, fmt.Errorf("killbox completion bash: %w", err)
	}
	commands := make(map[string]*command)
	var c *command
	for line := range strings.Lines(string(script)) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "applet "):
			c = &command{name: words[1], with: make(map[string][]string)}
			commands[c.name] = c
		case strings.HasPrefix(line, "plugin "):
			c = nil // a plug-in is no applet
		case c == nil || len(words) == 0:
		case strings.HasPrefix(line, "-"):
			c.options = append(c.options, readOption(words[0]))
		case words[0] == "shorthand":
			c.shorthand = true
		case words[0] == "operands":
			c.operands = words[1:]
		case words[0] == "with" && len(words) > 1:
			c.with[words[1]] = words[2:]
		case line == "'":
			c = nil // the end of the table
		}
	}
	if len(commands) < 2 {
		return nil, fmt.Errorf("no table in the output of killbox completion bash")
	}
	return commands, nil
}

// readOption reads the first word of a line such as "-s,--signal=signal TEXT" or "--color[=auto|always|never] TEXT".
func readOption(word string) (o option) {
	names, takes, _ := strings.Cut(word, "=")
	if list, ok := strings.CutSuffix(names, "["); ok {
		names, takes, o.optional = list, strings.TrimSuffix(takes, "]"), true
	}
	o.takes = takes
	for name := range strings.SplitSeq(names, ",") {
		if long, ok := strings.CutPrefix(name, "--"); ok {
			o.long = long
		} else {
			o.letter = strings.TrimPrefix(name, "-")
		}
	}
	return o
}

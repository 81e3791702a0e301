//go:build !nodropins

package applets

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/fmt"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// list is kill -l. A single name is printed as it is, which is util-linux's
// way; as a number where only the others know the form: attached to -l
// (procps), several at once, and real-time names (coreutils).
func (c *killCall) list(words []string, glued bool) int {
	if len(words) == 0 {
		c.names()
		return 0
	}
	var lines []string
	for _, word := range words {
		if hex, ok := strings.CutPrefix(word, "0x"); ok {
			mask, err := strconv.ParseUint(hex, 16, 64)
			if err != nil {
				return c.wrong("invalid sigmask format: %s", show.Word(word))
			}
			lines = append(lines, maskNames(mask)...)
			continue
		}
		line, ok := translate(word, !glued && len(words) == 1)
		if !ok {
			return c.wrong("unknown signal: %s", show.Word(word))
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		fmt.Fprintln(c.env.Stdout, line)
	}
	return 0
}

func translate(word string, keep bool) (string, bool) {
	if n, ok := decimal(word); ok {
		if n >= 128 {
			n -= 128 // what the shell's $? is after a death by that signal
		}
		if n > int(signals.RTMax) {
			return "", false
		}
		return signals.Signal(n).String(), true
	}
	sig, ok := killSignal(word)
	if !ok {
		return "", false
	}
	if keep && sig < signals.RTMin {
		return sig.String(), true
	}
	return strconv.Itoa(int(sig)), true
}

func maskNames(mask uint64) (names []string) {
	for i := range 64 {
		if mask&(1<<i) != 0 {
			names = append(names, signals.Signal(i+1).String())
		}
	}
	return names
}

// alias returns the second names that lists have behind the first.
func alias(sig signals.Signal) []string {
	var out []string
	for _, name := range []string{"IOT", "CLD", "POLL"} {
		if s, err := signals.Parse(name); err == nil && s == sig {
			out = append(out, name)
		}
	}
	return out
}

// names lists what a signal can be called, a line each; in lines that are full
// on a terminal.
func (c *killCall) names() {
	var all []string
	for _, sig := range signals.All() {
		all = append(append(all, sig.String()), alias(sig)...)
	}
	if !c.env.StdoutTTY {
		fmt.Fprintln(c.env.Stdout, strings.Join(all, "\n"))
		return
	}
	printNames(c.env)
}

// table lists numbers and names.
func (c *killCall) table(w io.Writer) {
	const field, width = 11, 72
	column := 0
	one := func(sig signals.Signal, name string) {
		entry := fmt.Sprintf("%2d %-8s", int(sig), name)
		if !c.env.StdoutTTY {
			fmt.Fprintln(w, entry)
			return
		}
		if column += field; column > width {
			io.WriteString(w, "\n")
			column = field
		}
		fmt.Fprint(w, entry)
	}
	for _, sig := range slices.DeleteFunc(signals.All(), func(s signals.Signal) bool { return s > signals.RTMin && s < signals.RTMax }) {
		for _, name := range append([]string{sig.String()}, alias(sig)...) {
			one(sig, name)
		}
	}
	if c.env.StdoutTTY {
		io.WriteString(w, "\n")
	}
}

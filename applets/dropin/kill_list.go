package dropin

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/internal/signals"
)

// translateWords carries out --list. For a name it prints the number, as procps, coreutils, toybox and busybox do;
// util-linux prints the name again.
func (c *killCall) translateWords(words []string) int {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		c.printNames()
		return 0
	}
	code := 0
	for _, word := range words {
		if hex, ok := strings.CutPrefix(word, "0x"); ok {
			mask, err := strconv.ParseUint(hex, 16, 64)
			if err != nil {
				code = c.fail("invalid sigmask format: %s", show.Word(word))
				continue
			}
			for _, name := range maskNames(mask) {
				fmt.Fprintln(c.env.Stdout, name)
			}
			continue
		}
		line, err := cli.TranslateSignal(word, killSignal)
		if err != nil {
			code = c.fail("unknown signal: %s", show.Word(word))
			continue
		}
		fmt.Fprintln(c.env.Stdout, line)
	}
	return code
}

// maskNames returns the names of the signals in a mask of /proc/PID/status: bit 0 is signal 1.
func maskNames(mask uint64) (names []string) {
	for i := range 64 {
		if mask&(1<<i) != 0 {
			names = append(names, signals.Signal(i+1).String())
		}
	}
	return names
}

// aliases returns the further names of sig that --list and --table print.
func aliases(sig signals.Signal) []string {
	var out []string
	for _, name := range []string{"IOT", "CLD", "POLL"} {
		if s, err := signals.Parse(name); err == nil && s == sig {
			out = append(out, name)
		}
	}
	return out
}

// printNames prints the names of all signals: one a line, or several a line on a terminal.
func (c *killCall) printNames() {
	var all []string
	for _, sig := range signals.All() {
		all = append(append(all, sig.String()), aliases(sig)...)
	}
	if !c.env.StdoutTTY {
		fmt.Fprintln(c.env.Stdout, strings.Join(all, "\n"))
		return
	}
	cli.PrintSignals(c.env)
}

// table prints the numbers and names of the signals, in columns on a terminal. RTMIN and RTMAX stand for the real-time
// signals.
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
		for _, name := range append([]string{sig.String()}, aliases(sig)...) {
			one(sig, name)
		}
	}
	if c.env.StdoutTTY {
		io.WriteString(w, "\n")
	}
}

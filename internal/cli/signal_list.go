package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"killbox/internal/show"
	"killbox/internal/signals"
)

// LineWidth is the length of the longest line that kill -l of util-linux prints, in characters.
const LineWidth = 72

// PrintSignals prints the names of all signals, separated by spaces and wrapped at LineWidth.
func PrintSignals(env *Env) {
	var b strings.Builder
	width := 0
	for _, sig := range signals.All() {
		name := sig.String()
		switch {
		case width == 0:
		case width+1+len(name) > LineWidth:
			b.WriteByte('\n')
			width = 0
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(name)
		width += len(name)
	}
	fmt.Fprintln(env.Stdout, b.String())
}

// PrintSignalTable prints the numbers and names of all signals in columns.
func PrintSignalTable(env *Env) {
	const columns = 5
	var b strings.Builder
	for i, sig := range signals.All() {
		entry := fmt.Sprintf("%2d %-10s", int(sig), sig)
		if i%columns == columns-1 || i == len(signals.All())-1 {
			b.WriteString(strings.TrimRight(entry, " ") + "\n")
		} else {
			b.WriteString(entry + " ")
		}
	}
	fmt.Fprint(env.Stdout, b.String())
}

// ParseDecimal parses an unsigned decimal number of at most 31 bits, and reports whether s is one.
func ParseDecimal(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// TranslateSignal translates a signal number, or the exit status of a process that died of a signal (128 plus the
// number), to the name of the signal. It translates a name to the number; parse reads the name.
func TranslateSignal(word string, parse func(string) (signals.Signal, error)) (string, error) {
	if n, ok := ParseDecimal(word); ok {
		sig, ok := signals.FromShell(n)
		if !ok {
			return "", fmt.Errorf("unknown signal %s", show.Quoted(word))
		}
		return sig.String(), nil
	}
	sig, err := parse(word)
	return strconv.Itoa(int(sig)), err
}

// ListSignals implements --list and --table: it prints all signals, or the translation of each operand.
func ListSignals(env *Env, name string, table bool, operands []string) int {
	if table {
		if len(operands) > 0 {
			return UsageError(env, name, errors.New("--table takes no operands"))
		}
		PrintSignalTable(env)
		return ExitGone
	}
	if len(operands) == 0 {
		PrintSignals(env)
		return ExitGone
	}
	var lines []string
	for _, word := range operands {
		line, err := TranslateSignal(word, signals.Parse)
		if err != nil {
			return UsageError(env, name, err)
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		fmt.Fprintln(env.Stdout, line)
	}
	return ExitGone
}

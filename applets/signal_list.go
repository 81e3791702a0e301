package applets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"killbox/internal/show"
	"killbox/internal/signals"
)

// lineWidth is where kill -l of util-linux breaks its lines.
const lineWidth = 72

// printNames prints the names of all signals, in lines.
func printNames(env *Env) {
	var b strings.Builder
	width := 0
	for _, sig := range signals.All() {
		name := sig.String()
		switch {
		case width == 0:
		case width+1+len(name) > lineWidth:
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

// printTable prints the numbers and names of all signals, in columns.
func printTable(env *Env) {
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

func decimal(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}

// translateSignal returns the name for a signal's number, or for the exit status of a process that died of
// a signal, and the number for anything that parse takes for a name.
func translateSignal(word string, parse func(string) (signals.Signal, error)) (string, error) {
	if n, ok := decimal(word); ok {
		sig, ok := signals.FromShell(n)
		if !ok {
			return "", fmt.Errorf("unknown signal %s", show.Quoted(word))
		}
		return sig.String(), nil
	}
	sig, err := parse(word)
	return strconv.Itoa(int(sig)), err
}

// listSignals prints all signals, or the translation of each operand.
func listSignals(env *Env, name string, table bool, operands []string) int {
	if table {
		if len(operands) > 0 {
			return usageError(env, name, errors.New("--table takes no operands"))
		}
		printTable(env)
		return exitGone
	}
	if len(operands) == 0 {
		printNames(env)
		return exitGone
	}
	var lines []string
	for _, word := range operands {
		line, err := translateSignal(word, signals.Parse)
		if err != nil {
			return usageError(env, name, err)
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		fmt.Fprintln(env.Stdout, line)
	}
	return exitGone
}

package applets

import (
	"fmt"
	"strconv"
	"strings"

	"killbox/internal/signals"
)

// lineWidth is where kill -l of util-linux breaks its lines.
const lineWidth = 72

// printNames prints all names, as kill -l.
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

// printTable prints numbers and names, as kill -L.
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

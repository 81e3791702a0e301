package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

type bench struct {
	*config
	*reaper
	lines []Line
}

func newBench(c *config) *bench { return &bench{config: c, reaper: newReaper()} }

type row struct {
	name string
	run  func(*bench) error
}

func rows() []row {
	return append([]row{
		{"switches-script", (*bench).switchesScript},
		{"switches-job", (*bench).switchesJob},
		{"select", (*bench).selectByName},
		{"parents", (*bench).parents},
		{"port", (*bench).port},
		{"tree", (*bench).drawTree},
		{"latency", (*bench).latency},
		{"many", (*bench).endMany},
		{"bombs", (*bench).bombs},
		{"one", (*bench).oneSignal},
		{"reap", (*bench).reap},
		{"launch", (*bench).launch},
		{"idle", (*bench).idle},
		{"memory-tree", (*bench).treeMemory},
		{"memory-reap", (*bench).reapMemory},
		{"size", (*bench).size},
		{"growth", (*bench).growth},
		{"growth-end", (*bench).growthEnd},
	}, doubtRows()...)
}

// measureRows measures every row that -rows selects, and prints and writes the table.
func (b *bench) measureRows() error {
	r := report{
		Time: time.Now(), Kernel: oneLine("/proc/sys/kernel/osrelease"), CPUs: runtime.NumCPU(), Rounds: b.rounds,
		Load: oneLine("/proc/loadavg"),
	}
	fmt.Printf("Linux %s, %d CPUs, load %s, %d rounds\n", r.Kernel, r.CPUs, r.Load, r.Rounds)
	for _, row := range rows() {
		if !b.rows.MatchString(row.name) {
			continue
		}
		begun := time.Now()
		fmt.Fprintf(os.Stderr, "%s ...", row.name)
		if err := row.run(b); err != nil {
			b.add(Line{Work: row.name, Note: err.Error(), Verdict: "FAILED"})
		}
		if err := b.killAll(); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, " %.1f s\n", time.Since(begun).Seconds())
	}
	r.Lines = b.lines
	printLines(os.Stdout, r.Lines)
	name, err := r.write(b.out)
	if err != nil {
		return err
	}
	fmt.Println("written to", name)
	return nil
}

func (b *bench) tool(name string) string { return filepath.Join(b.bin, name) }

// c returns the path of one of the C programs.
func (b *bench) c(name string) string { return filepath.Join(b.out, name) }

func oneLine(file string) string {
	text, _ := os.ReadFile(file)
	return strings.TrimSpace(string(text))
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// spare is how many PIDs growth leaves unused: for the tools, their threads, and PIDs that are not free again yet.
const spare = 1000

// growth measures selection by name among more and more processes, up to the PID limit. The time per process must
// not rise with their number.
func (b *bench) growth() error {
	top := b.grow
	if top == 0 {
		limit, err := strconv.Atoi(os.Getenv(limitVar))
		if err != nil {
			return err
		}
		top = min(limit, 1<<16) - spare
	}
	sizes := []int{1000}
	for n := 2000; n < top*3/4; n *= 2 {
		sizes = append(sizes, n)
	}
	sizes = append(sizes, top)
	p := plot{title: "select by name", x: "processes", y: "ms"}
	for _, n := range sizes {
		if err := b.killAll(); err != nil {
			return err
		}
		if _, err := b.startHerd(n, 0); err != nil {
			return err
		}
		ours := []*arm{b.command(goal{}, b.tool("killwait"), "-n", "--name", absence)}
		others := []*arm{
			b.command(goal{}, b.c("statfloor")),
			b.command(goal{}, "pgrep", absence),
			b.command(goal{}, "killall", "-0", absence),
			b.command(goal{}, "toybox", "pgrep", absence).called("toybox pgrep"),
		}
		begun := len(b.lines)
		b.compare(fmt.Sprintf("growth: select among %d", n), "ms", ours, others)
		for i, l := range b.lines[begun:] {
			if i == 0 && l.Us != nil {
				p.add(l.Us.Name, float64(n), l.Us.Median)
			}
			if l.Peer != nil {
				p.add(l.Peer.Name, float64(n), l.Peer.Median)
			}
		}
	}
	b.compareCosts(p.series)
	name := filepath.Join(b.out, "growth.svg")
	return os.WriteFile(name, []byte(p.svg()), 0o644)
}

// compareCosts compares the time per process among the most processes with that among the fewest.
func (b *bench) compareCosts(all []series) {
	if len(all) == 0 || len(all[0].at) < 2 {
		return
	}
	us := all[0]
	figure := func(pt point) *Figure {
		return &Figure{Name: fmt.Sprintf("%s, each of %.0f", us.name, pt.x), Unit: "us", Median: pt.y * 1000 / pt.x}
	}
	first, last := figure(us.at[0]), figure(us.at[len(us.at)-1])
	l := Line{Work: "growth: linear", Us: last, Peer: first, Ratio: last.Median / first.Median}
	l.judge(atMost(1.2), l.Ratio)
	b.add(l)
}

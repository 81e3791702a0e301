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
	top, err := b.largest()
	if err != nil {
		return err
	}
	p := plot{title: "select by name", x: "processes", y: "ms"}
	return b.drawGrowth(p, "growth.svg", doublings(1000, top), func(n int) error {
		if err := b.killAll(); err != nil {
			return err
		}
		if _, err := b.startHerd(n, 0); err != nil {
			return err
		}
		b.compare(fmt.Sprintf("growth: select among %d", n), "ms",
			[]*arm{b.command(goal{}, b.tool("killwait"), "-n", "--name", absence)},
			[]*arm{
				b.command(goal{}, b.c("statfloor")),
				b.command(goal{}, "pgrep", absence),
				b.command(goal{}, "killall", "-0", absence),
				b.command(goal{}, "toybox", "pgrep", absence).called("toybox pgrep"),
			})
		return nil
	})
}

// growthEnd measures the end of more and more processes.
func (b *bench) growthEnd() error {
	const most = 16_000 // killall -w already takes seconds for each
	top, err := b.largest()
	if err != nil {
		return err
	}
	p := plot{title: "end processes and see them gone", x: "processes", y: "ms"}
	return b.drawGrowth(p, "growth-end.svg", doublings(1000, min(top, most)), func(n int) error {
		b.compare(fmt.Sprintf("growth: end %d", n), "ms",
			[]*arm{b.endArm(n, goal{}, b.tool("killwait"), "-").called("killwait -")},
			[]*arm{
				b.endArm(n, goal{}, b.c("pidkill"), "stat").called("pidkill stat"),
				b.endArm(n, goal{}, "killall", "-w", "herd").called("killall -w"),
			})
		return nil
	})
}

// largest returns how many processes growth measures at most.
func (b *bench) largest() (int, error) {
	if b.grow != 0 {
		return b.grow, nil
	}
	limit, err := strconv.Atoi(os.Getenv(limitVar))
	return min(limit, 1<<16) - spare, err
}

// doublings returns first, its doublings below three quarters of last, and last.
func doublings(first, last int) (sizes []int) {
	for n := first; n < last*3/4; n *= 2 {
		sizes = append(sizes, n)
	}
	return append(sizes, last)
}

// drawGrowth measures each size, and draws the lines that measure adds.
func (b *bench) drawGrowth(p plot, file string, sizes []int, measure func(n int) error) error {
	for _, n := range sizes {
		begun := len(b.lines)
		if err := measure(n); err != nil {
			return err
		}
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
	return os.WriteFile(filepath.Join(b.out, file), []byte(p.svg()), 0o644)
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

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// arm is one of the programs that do the same work in turns: killbox ("ours" below) or a peer.
type arm struct {
	name    string
	absent  string // why the arm cannot be measured
	goal    goal
	measure func() (float64, error)
}

// goal is the ratio that killbox should reach against an arm. As the goal of an arm of ours, it is a bound for the
// figure of that arm.
type goal struct {
	kind  string // "" for none
	bound float64
}

func atMost(x float64) goal  { return goal{"us/it ≤", x} }
func atLeast(x float64) goal { return goal{"it/us ≥", x} }
func below(x float64) goal   { return goal{"≤", x} }

// Figure is the result of an arm.
type Figure struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	Rounds []float64 `json:"rounds"`
}

func (f *Figure) String() string {
	if f.Unit == "" {
		return fmt.Sprintf("%.4g", f.Median)
	}
	return fmt.Sprintf("%.3g %s", f.Median, f.Unit)
}

// Line is a line of the table: us (killbox) against a peer, a floor (a C program), or a bound.
type Line struct {
	Work    string  `json:"work"`
	Us      *Figure `json:"us,omitempty"`
	Peer    *Figure `json:"peer,omitempty"`
	Ratio   float64 `json:"ratio,omitempty"` // us/peer or peer/us, as in Goal
	Goal    string  `json:"goal,omitempty"`
	Verdict string  `json:"verdict,omitempty"`
	Note    string  `json:"note,omitempty"`
	// Statuses and Doubts count the exit statuses of the calls, and the doubts that were reported with exit status 4.
	Statuses map[int]int    `json:"statuses,omitempty"`
	Doubts   map[string]int `json:"doubts,omitempty"`
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	return (x[n/2] + x[(n-1)/2]) / 2
}

// inTurns measures the arms in turns, in another order each round. An arm that fails is dropped.
func inTurns(rounds int, unit string, arms []*arm) map[*arm]*Figure {
	figures := map[*arm]*Figure{}
	for i := range rounds {
		for j := range arms {
			a := arms[(i+j)%len(arms)]
			if a.absent != "" {
				continue
			}
			x, err := a.measure()
			if err != nil {
				a.absent = err.Error()
				delete(figures, a)
				continue
			}
			f := figures[a]
			if f == nil {
				f = &Figure{Name: a.name, Unit: unit}
				figures[a] = f
			}
			f.Rounds = append(f.Rounds, x)
		}
	}
	for _, f := range figures {
		f.Median = median(f.Rounds)
	}
	return figures
}

// compare measures ours and others in turns, and adds a line for each of ours against each of the others.
func (b *bench) compare(work, unit string, ours, others []*arm) {
	b.compareN(b.rounds, work, unit, ours, others)
}

func (b *bench) compareN(rounds int, work, unit string, ours, others []*arm) {
	figures := inTurns(rounds, unit, slices.Concat(ours, others))
	for _, us := range ours {
		f := figures[us]
		if f == nil {
			b.add(Line{Work: work, Note: us.name + ": " + us.absent, Verdict: "FAILED"})
			continue
		}
		if us.goal.kind != "" || len(others) == 0 {
			l := Line{Work: work, Us: f}
			l.judge(us.goal, f.Median)
			b.add(l)
		}
		for _, a := range others {
			l := Line{Work: work, Us: f, Peer: figures[a]}
			if l.Peer == nil {
				l.Note, l.Verdict = a.name+": "+a.absent, "absent"
				b.add(l)
				continue
			}
			l.Ratio = f.Median / l.Peer.Median
			if a.goal.kind == atLeast(0).kind {
				l.Ratio = l.Peer.Median / f.Median
			}
			l.judge(a.goal, l.Ratio)
			b.add(l)
		}
	}
}

func (l *Line) judge(g goal, x float64) {
	if g.kind == "" {
		return
	}
	l.Goal = fmt.Sprintf("%s %g", g.kind, g.bound)
	l.Verdict = "ok"
	if strings.HasSuffix(g.kind, "≤") && x > g.bound || strings.HasSuffix(g.kind, "≥") && x < g.bound {
		l.Verdict = "MISSED"
	}
}

func (b *bench) add(l Line) {
	b.lines = append(b.lines, l)
}

func printLines(to io.Writer, lines []Line) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "work\tus\tpeer\tratio\tgoal\tverdict")
	for _, l := range lines {
		us, peer, ratio := "", "", ""
		if l.Us != nil {
			us = l.Us.Name + " " + l.Us.String()
		}
		if l.Peer != nil {
			peer, ratio = l.Peer.Name+" "+l.Peer.String(), fmt.Sprintf("%.2f", l.Ratio)
		}
		if l.Note != "" && peer == "" {
			peer = "(" + l.Note + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Work, us, peer, ratio, l.Goal, l.Verdict)
	}
	w.Flush()
}

// report is the JSON: the table, and the machine on which it was made.
type report struct {
	Time   time.Time `json:"time"`
	Kernel string    `json:"kernel"`
	CPUs   int       `json:"cpus"`
	Load   string    `json:"load"`
	Rounds int       `json:"rounds"`
	Lines  []Line    `json:"lines"`
}

func (r *report) write(dir string) (string, error) {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := filepath.Join(dir, "bench-"+r.Time.UTC().Format("20060102-150405")+".json")
	return name, os.WriteFile(name, append(text, '\n'), 0o644)
}

// lookPath finds a command in PATH; the C programs and killbox are given by their paths.
func lookPath(name string) (string, error) { return exec.LookPath(name) }

// command makes an arm of a command, measured in milliseconds, or an absent arm if the tool is not installed. Exit
// statuses 0 and 1 (found and not found) are both results.
func (b *bench) command(g goal, argv ...string) *arm {
	return b.arm(g, argv[0], func() (float64, error) { return b.timed(command{argv: argv}, 0, 1) })
}

// arm makes an arm that requires a tool.
func (b *bench) arm(g goal, tool string, measure func() (float64, error)) *arm {
	a := &arm{name: filepath.Base(tool), goal: g, measure: measure}
	if _, err := lookPath(tool); err != nil {
		a.absent = "not installed"
		if filepath.Dir(tool) == b.out {
			a.absent = "not built; is there a C compiler?"
		}
	}
	return a
}

func (a *arm) called(name string) *arm {
	a.name = name
	return a
}

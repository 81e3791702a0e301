package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// counts is what a soak has seen, by kind.
type counts struct {
	Seed       uint64         `json:"seed"`
	Seconds    float64        `json:"seconds"`
	Cases      int            `json:"cases"`
	Spoiled    int            `json:"spoiled"`
	InTime     map[string]int `json:"in_time"` // faults that came while the tool ran
	Applets    map[string]int `json:"applets"`
	Faults     map[string]int `json:"faults"`
	Families   map[string]int `json:"families"`
	Statuses   map[string]int `json:"statuses"`
	Violations map[string]int `json:"violations"`
}

func newCounts(seed uint64) *counts {
	return &counts{
		Seed: seed, Applets: map[string]int{}, Faults: map[string]int{}, InTime: map[string]int{}, Families: map[string]int{}, Statuses: map[string]int{},
		Violations: map[string]int{},
	}
}

// add counts a case and its violations.
func (n *counts) add(c *testCase, out *outcome, found []violation) {
	n.Cases++
	if out.Spoiled != "" {
		n.Spoiled++
		return
	}
	n.Applets[c.call.tool]++
	n.Faults[c.fault.name()]++
	if c.fault.kind != "none" && out.Injected {
		n.InTime[c.fault.name()]++
	}
	for i := range c.family.elements {
		if !c.family.elements[i].dropped {
			n.Families[c.family.elements[i].kind]++
		}
	}
	n.Statuses[fmt.Sprint(out.Status)]++
	for _, v := range found {
		n.Violations[v.kind]++
	}
}

// print writes the tables, and a line of JSON.
func (n *counts) print(w io.Writer, span time.Duration) error {
	n.Seconds = span.Seconds()
	for _, table := range []struct {
		title string
		rows  map[string]int
	}{
		{"applets", n.Applets}, {"faults", n.Faults}, {"faults while the tool ran", n.InTime}, {"families", n.Families},
		{"exit statuses", n.Statuses}, {"violations", n.Violations},
	} {
		fmt.Fprintf(w, "\n%-28s %7s\n", table.title, "cases")
		for _, row := range slices.Sorted(maps.Keys(table.rows)) {
			fmt.Fprintf(w, "%-28s %7d\n", row, table.rows[row])
		}
	}
	fmt.Fprintf(w, "\n%d cases in %.0f s (%.1f a second), %d faults came while the tool ran, %d families were not ready, %d violations\n",
		n.Cases, n.Seconds, float64(n.Cases)/n.Seconds, sum(n.InTime), n.Spoiled, sum(n.Violations))
	line := json.NewEncoder(w)
	line.SetEscapeHTML(false)
	return line.Encode(n)
}

func sum(rows map[string]int) (total int) {
	for _, count := range rows {
		total += count
	}
	return total
}

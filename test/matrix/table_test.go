package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// markdown returns the matrix: a table for each mode, but one for modes whose tables are equal, and the notes.
func (m *matrix) markdown() string {
	var text strings.Builder
	var notes []string
	tables := map[string]string{}
	var order []string
	for _, mode := range modes {
		table := m.table(mode.name, &notes)
		if titles, known := tables[table]; known {
			tables[table] = titles + "; " + mode.title
			continue
		}
		tables[table] = mode.title
		order = append(order, table)
	}
	for _, table := range order {
		title := tables[table]
		fmt.Fprintf(&text, "\n**%s**\n\n%s", strings.ToUpper(title[:1])+title[1:], table)
	}
	text.WriteString("\nNotes:\n\n")
	for i, note := range notes {
		fmt.Fprintf(&text, "%d. %s\n", i+1, note)
	}
	text.WriteString("\n")
	return text.String()
}

// table returns the table of a mode, and adds its notes.
func (m *matrix) table(mode string, notes *[]string) string {
	var text strings.Builder
	text.WriteString("| applet |")
	for _, environment := range environments {
		fmt.Fprintf(&text, " %s |", environment.title)
	}
	text.WriteString("\n|---|" + strings.Repeat("---|", len(environments)) + "\n")
	for _, call := range calls {
		fmt.Fprintf(&text, "| %s |", call.name)
		for _, environment := range environments {
			var words []string
			for _, r := range m.results[place{call.name, environment.name, mode}] {
				words = append(words, r.what+superscripts(r.notes, notes))
			}
			fmt.Fprintf(&text, " %s |", strings.Join(words, ", "))
		}
		text.WriteString("\n")
	}
	return text.String()
}

// superscripts returns the numbers of notes, and adds new notes to all of them.
func superscripts(notes []string, all *[]string) string {
	var numbers []string
	for _, note := range notes {
		i := slices.Index(*all, note)
		if i < 0 {
			i = len(*all)
			*all = append(*all, note)
		}
		numbers = append(numbers, fmt.Sprint(i+1))
	}
	if len(numbers) == 0 {
		return ""
	}
	return "<sup>" + strings.Join(numbers, " ") + "</sup>"
}

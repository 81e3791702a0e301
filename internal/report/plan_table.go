package report

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"killbox/internal/show"
	"killbox/internal/signals"
)

// View is how a terminal, or the reader of a pipe, shows the output of --dry-run.
type View struct {
	Columns int  // the width; 0 if lines are not cut
	ASCII   bool // the locale is not one of UTF-8
	Colour  bool
}

// The columns of the table before the command line.
const (
	columnPID = iota
	columnUser
	columnState
	columnAge
	columnRSS
	columnSignal
	columnCount
)

// narrow are the columns that are left out, in this order, while the command line has less than commandColumns.
var narrow = [...]int{columnRSS, columnAge, columnState, columnUser}

const (
	commandColumns = 24
	userColumns    = 16 // a longer name of a user is cut
	maxDepth       = 99 // of a process whose branches are all shown
	// noteIndent begins the lines below a process. No PID is longer, so no such line can pass for that of a process.
	noteIndent = "       "
)

// planRow is a process in the table.
type planRow struct {
	*Planned
	cells [columnCount]string
	lead  string // the lines of the tree that lead to the process
	depth int    // in the tree
	args  []string
	notes []string // lines of their own, below the process
}

// planTable is the table of --dry-run. A process has one line, which begins with its PID, and below it a line for each
// note. What a process can choose, its command line, is at the end of its line, so that it cannot pass for a note.
type planTable struct {
	r     *Reporter
	first signals.Signal // 0 if no signal would be sent
	view  View
	rows  []planRow
	width [columnCount]int // 0 for a column that is left out
}

// printTable prints a table of the processes. first is the signal that each would be sent first, 0 for none.
func (r *Reporter) printTable(list []Planned, first signals.Signal, view View) {
	if len(list) == 0 {
		return
	}
	t := &planTable{r: r, first: first, view: view}
	t.addTree(list)
	header := planRow{cells: [...]string{"PID", "USER", "S", "AGE", "RSS", "SIGNAL"}}
	if first != 0 {
		header.cells[columnSignal] = first.String()
	}
	t.setWidths(&header)
	var b strings.Builder
	t.writeCells(&b, &header)
	b.WriteString("COMMAND\n")
	for i := range t.rows {
		t.writeRow(&b, &t.rows[i])
	}
	io.WriteString(r.opts.Out, b.String())
}

// branches are the lines of a tree: before a process, before the last one below a parent, and further down. The dashed
// ones are for an orphan, which is below the member that it was forked from and is no child of it.
type branches struct{ child, last, orphan, lastOrphan, further string }

var (
	boxBranches   = branches{"├─ ", "└─ ", "├╌ ", "└╌ ", "│  "}
	asciiBranches = branches{"|- ", "`- ", "|~ ", "`~ ", "|  "}
)

// addTree adds each process below its parent. A process whose parent is not in the list is not indented, unless it is
// an orphan.
func (t *planTable) addTree(list []Planned) {
	lines := &boxBranches
	if t.view.ASCII {
		lines = &asciiBranches
	}
	byPID := make(map[int]bool, len(list))
	for i := range list {
		byPID[list[i].PID] = true
	}
	children := make(map[int][]*Planned)
	var tops []*Planned
	for i := range list {
		p := &list[i]
		parent := cmp.Or(p.Origin, p.PPID)
		if byPID[parent] && parent != p.PID {
			children[parent] = append(children[parent], p)
		} else {
			tops = append(tops, p)
		}
	}
	var walk func(p *Planned, depth int, lead, branch, below string)
	walk = func(p *Planned, depth int, lead, branch, below string) {
		if depth > maxDepth {
			lead, below = "", "" // long chains would take quadratic memory
		}
		t.addRow(p, depth, lead+branch)
		kids := children[p.PID]
		// A snapshot is not atomic, so its parents may form a loop: visit each parent only once.
		delete(children, p.PID)
		for i, kid := range kids {
			branch, next := lines.child, lines.further
			switch last := i == len(kids)-1; {
			case last && kid.Origin != 0:
				branch, next = lines.lastOrphan, "   "
			case last:
				branch, next = lines.last, "   "
			case kid.Origin != 0:
				branch = lines.orphan
			}
			walk(kid, depth+1, lead+below, branch, next)
		}
	}
	for _, p := range tops {
		if p.Origin != 0 {
			walk(p, 1, "", lines.lastOrphan, "   ")
		} else {
			walk(p, 0, "", "", "")
		}
	}
	// A loop of parents, and the processes below it, are not reached from tops. Print them without indentation.
	for _, pid := range slices.Sorted(maps.Keys(children)) {
		for _, p := range children[pid] {
			t.addRow(p, 0, "")
		}
	}
}

func (t *planTable) addRow(p *Planned, depth int, lead string) {
	d := t.r.describer().describe(&p.Stat, t.first, false)
	row := planRow{Planned: p, lead: lead, depth: depth, args: d.args}
	age, rss := "?", "-"
	if d.hasAge {
		age = roundAge(d.age)
	}
	if d.rss > 0 {
		rss = roundSize(d.rss)
	}
	state := string(p.State)
	if p.State == 0 {
		state = "?"
	}
	row.cells = [...]string{
		strconv.Itoa(p.PID), show.Line(cmp.Or(d.user, "?"), userColumns, t.view.ASCII), state, age, rss, d.disposition,
	}
	what := &row.cells[columnSignal]
	note := func(text string) {
		if text != "" {
			row.notes = append(row.notes, text)
		}
	}
	switch {
	case p.Excluded != "":
		*what = "excluded"
		note(p.Excluded)
	case p.Gone():
		*what = "gone"
		note(ExplainUnreaped(t.r.opts.Proc, &p.Stat))
	case t.first == 0:
		*what = "none"
	case d.certain && !d.permitted:
		*what = "refused"
		note("not permitted: process of user " + show.Line(t.r.describer().userName(d.uid), userColumns, t.view.ASCII))
	}
	if p.Step > 1 {
		*what += ", step " + strconv.Itoa(p.Step)
	}
	note(p.Evidence)
	if owner := t.r.owner(p.ID); owner != "" {
		note("owner " + owner + " gone")
	}
	note(t.r.holds(p.ID))
	t.rows = append(t.rows, row)
}

// setWidths sets the width of each column, and leaves columns out if the table would be too wide.
func (t *planTable) setWidths(header *planRow) {
	total := 0
	for c := range columnCount {
		t.width[c] = show.Columns(header.cells[c])
		for i := range t.rows {
			t.width[c] = max(t.width[c], show.Columns(t.rows[i].cells[c]))
		}
		total += t.width[c] + 1
	}
	for _, c := range narrow {
		if t.view.Columns == 0 || t.view.Columns-total >= commandColumns {
			return
		}
		total -= t.width[c] + 1
		t.width[c] = 0
	}
}

// commandWidth returns the number of columns for tree and command line; 0 if lines are not cut.
func (t *planTable) commandWidth() int {
	if t.view.Columns == 0 {
		return 0
	}
	n := t.view.Columns
	for _, w := range t.width {
		if w > 0 {
			n -= w + 1
		}
	}
	return max(n, 1)
}

// writeCells writes the columns before the command line. Numbers are aligned on the right.
func (t *planTable) writeCells(b *strings.Builder, row *planRow) {
	for c, text := range row.cells {
		if t.width[c] == 0 {
			continue
		}
		pad := strings.Repeat(" ", t.width[c]-show.Columns(text))
		shown := text
		if code := t.colour(row, c); code != "" {
			shown = "\x1b[" + code + "m" + text + "\x1b[0m"
		}
		if c == columnPID || c == columnAge || c == columnRSS {
			b.WriteString(pad + shown + " ")
		} else {
			b.WriteString(shown + pad + " ")
		}
	}
}

// colour returns the parameter of the escape sequence for a cell, "" for none: the PID of a target is bold, and a
// signal that will not end the process is yellow.
func (t *planTable) colour(row *planRow, column int) string {
	if !t.view.Colour || row.Planned == nil {
		return ""
	}
	switch row.cells[column] {
	case "ignored", "blocked", "refused":
		if column == columnSignal {
			return "33"
		}
	}
	if column == columnPID && row.Root {
		return "1"
	}
	return ""
}

func (t *planTable) writeRow(b *strings.Builder, row *planRow) {
	t.writeCells(b, row)
	columns := t.commandWidth()
	lead := row.lead
	if row.depth > maxDepth || columns > 0 && 3*row.depth > columns/2 {
		// The tree is too deep for the line: give the depth, and the last branch.
		branch := []rune(lead)
		lead = strconv.Itoa(row.depth) + " " + string(branch[len(branch)-3:])
	}
	if columns > 0 {
		columns = max(columns-show.Columns(lead), 1)
	}
	b.WriteString(lead + CommandLine(&row.Stat, row.args, columns, t.view.ASCII) + "\n")
	for _, note := range row.notes {
		if t.view.ASCII {
			note = show.Line(note, 0, true)
		}
		writeWrapped(b, noteIndent, len(noteIndent), note, t.view.Columns)
	}
}

// writeWrapped writes lead and a text in lines of at most that many columns, 0 for one line, but does not divide a
// word. The lines after the first begin with indent blanks.
func writeWrapped(b *strings.Builder, lead string, indent int, text string, columns int) {
	used := show.Columns(lead)
	words := strings.Split(text, " ")
	if columns > 0 && used > indent && used+show.Columns(words[0]) > columns {
		lead, used = strings.TrimRight(lead, " ")+"\n"+strings.Repeat(" ", indent), indent
	}
	b.WriteString(lead)
	for i, word := range words {
		n := show.Columns(word)
		switch {
		case i == 0:
		case columns > 0 && used+1+n > columns:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	b.WriteByte('\n')
}

// roundAge returns an age in whole units, rounded down: seconds below a minute, minutes below an hour, hours below two
// days, and then days.
func roundAge(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// roundSize returns a number of bytes in units of 1024, with a decimal below 10.
func roundSize(n uint64) string {
	size, unit := float64(n)/1024, 0
	for size >= 999.5 && unit < 3 {
		size /= 1024
		unit++
	}
	decimals := 0
	if unit > 0 && size < 9.95 {
		decimals = 1
	}
	return strconv.FormatFloat(size, 'f', decimals, 64) + "KMGT"[unit:unit+1]
}

package report

import (
	"fmt"
	"strings"
)

// LeftAlone reports the processes that were left alone. failed means that an error of the call has told already how
// many processes could not be examined.
func (r *Reporter) LeftAlone(n LeftAlone, failed bool) {
	if n == (LeftAlone{}) {
		return
	}
	if r.opts.JSON {
		r.printJSON(event{Event: "marks", LeftAlone: &n})
	}
	if n.Unexamined > 0 && !failed {
		r.Note(Unexamined(n.Unexamined))
	}
	if marks := n.marks(); marks != "" {
		r.Note("left alone: " + marks)
	}
}

// Unexamined reports that n processes could not be examined. failed is as for LeftAlone.
func (r *Reporter) Unexamined(n int, failed bool) {
	if n > 0 && r.opts.JSON {
		r.printJSON(event{Event: "unexamined", Count: n})
	}
	if n > 0 && !failed {
		r.Note(Unexamined(n))
	}
}

// marks returns the numbers of marks of each kind, such as "2 marks of another boot, 1 malformed"; "" if there are
// none.
func (n *LeftAlone) marks() string {
	var parts []string
	for _, kind := range []struct {
		n    int
		text string
	}{
		{n.OtherNamespace, "marks of another PID namespace"},
		{n.OtherBoot, "marks of another boot"},
		{n.Malformed, "malformed marks"},
		{n.Unknown, "marks of an owner that cannot be examined"},
	} {
		text := kind.text
		switch {
		case kind.n == 0:
			continue
		case len(parts) > 0:
			// The first part has the noun for all.
			text = strings.TrimSuffix(strings.TrimPrefix(text, "marks "), " marks")
		case kind.n == 1:
			text = strings.Replace(text, "marks", "mark", 1)
		}
		parts = append(parts, fmt.Sprintf("%d %s", kind.n, text))
	}
	return strings.Join(parts, ", ")
}

// Unexamined returns a text about n processes whose environment, executable or working directory could not be read.
func Unexamined(n int) string {
	if n == 1 {
		return "1 process of another user could not be examined"
	}
	return fmt.Sprintf("%d processes of other users could not be examined", n)
}

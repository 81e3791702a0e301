package report

import (
	"strings"

	"killbox/internal/show"
	"killbox/procfs"
)

// CommandLine returns the command line of a process for a person, in one line of at most that many columns (see
// show.Line): the arguments, joined by blanks as ps(1) joins them. A process without arguments, such as a zombie or a
// kernel thread, has its comm in brackets. If that is not known either, the result is "?".
func CommandLine(st *procfs.Stat, args []string, columns int, ascii bool) string {
	text := strings.Join(args, " ")
	switch {
	case strings.TrimSpace(text) != "":
	case st.State == 0 || st.Hidden():
		text = "?"
	default:
		text = "[" + st.Comm + "]"
	}
	return show.Line(text, columns, ascii)
}

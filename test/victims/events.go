package victims

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Events is `events FILE [FIELD=VALUE]... [FIELD]...`: it reads output of --json and prints the named fields of the
// events that match, a line for each event ("-" for a missing field). It fails if a line does not conform to
// docs/events.schema.json.
func Events() {
	if len(os.Args) < 2 {
		die(2, "usage: events FILE [FIELD=VALUE]... [FIELD]...")
	}
	if len(os.Args) > 2 && !slices.ContainsFunc(os.Args[2:], func(w string) bool { return !strings.Contains(w, "=") }) {
		die(2, "events: no FIELD: nothing would be printed, whatever is there")
	}
	data, err := os.ReadFile(os.Args[1])
	must("read", err)
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		die(1, "events: the last line is not whole: %q", data)
	}
	for line := range bytes.Lines(data) {
		event, err := ParseEvent(line)
		if err != nil {
			die(1, "events: %v: %q", err, line)
		}
		if text, ok := selectFields(event, os.Args[2:]); ok && text != "" {
			fmt.Println(text)
		}
	}
}

func selectFields(event map[string]any, words []string) (string, bool) {
	var out []string
	for _, word := range words {
		field, want, filter := strings.Cut(word, "=")
		got, there := event[field]
		text := "-"
		if there {
			text = fmt.Sprint(got)
		}
		switch {
		case !filter && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }):
			out = append(out, strconv.Quote(text))
		case !filter:
			out = append(out, text)
		case text != want:
			return "", false
		}
	}
	return strings.Join(out, " "), true
}

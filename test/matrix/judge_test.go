package matrix

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"killbox/test/victims"
)

// place names a cell.
type place struct{ call, environment, mode string }

// result is an entry of a cell: what a call did, and the notes to it.
type result struct {
	what  string // same, or the exit status
	notes []string
}

// matrix contains the results of all cells.
type matrix struct {
	sync.Mutex
	results map[place][]result
}

// add judges the outcomes of a cell.
func (m *matrix) add(t *testing.T, at place, call call, outcomes []outcome) {
	var results []result
	for _, o := range outcomes {
		r, fault := judge(at, call, o)
		if fault != "" {
			t.Errorf("%s: %s: %+v", at.mode, fault, o)
		}
		// Equal outcomes for several limits are one result, with the notes of all of them.
		i := slices.IndexFunc(results, func(known result) bool { return known.what == r.what })
		if i < 0 {
			results = append(results, r)
			continue
		}
		for _, note := range r.notes {
			if !slices.Contains(results[i].notes, note) {
				results[i].notes = append(results[i].notes, note)
			}
		}
	}
	m.Lock()
	defer m.Unlock()
	if m.results == nil {
		m.results = map[place][]result{}
	}
	m.results[at] = results
}

// judge returns the result of a call, or what is wrong with the call.
func judge(at place, call call, o outcome) (r result, fault string) {
	lines := notes(call, o)
	faults := []struct {
		is   bool
		what string
	}{
		{o.Status == helperFailed, "the test itself failed"},
		{o.Hangs, "the call hangs"},
		{victims.GoTrace.MatchString(o.Err), "a trace"},
		{o.Other != "alive", "the bystander is not alive"},
		{len(o.Left) > 0, "processes of the applet remain"},
		{o.remains("stopped") || o.remains("running"), "a process is stopped, or never sleeps"},
	}
	for _, f := range faults {
		if f.is {
			return result{what: "fault"}, f.what
		}
	}
	withoutProc := at.environment == "noproc" || at.environment == "chroot"
	untouched := o.all("alive")
	if slices.Contains(call.args, "command") {
		untouched = o.all("none") // COMMAND was not started
	}
	switch {
	case statusOf(call, o) && o.Out == wantOut(call) && o.all(wantFate(call)):
		return result{"same", lines}, ""
	case withoutProc && call.withoutProc.is(call, o):
		return result{"part", append(lines, call.withoutProc.note)}, ""
	case o.Status != call.refused:
		return result{what: "fault"}, "not an exit status for a refusal"
	case o.Out != "" || !untouched:
		return result{what: "fault"}, "a refusal that has done something"
	case len(lines) == 0:
		return result{what: "fault"}, "a refusal without a message"
	}
	for _, line := range lines {
		few := at.mode == "EMFILE" && strings.Contains(line, "too many open files")
		if !few && !(withoutProc && strings.Contains(line, "/proc")) {
			return result{what: "fault"}, "the message does not name the cause"
		}
	}
	return result{strconv.Itoa(o.Status), lines}, ""
}

// statusOf reports whether the exit status is that of a call that has worked.
func statusOf(call call, o outcome) bool {
	return o.Status == call.status || call.late != 0 && o.Status == call.late
}

func wantOut(call call) string {
	if call.prints {
		return "deaf leaf root"
	}
	return ""
}

func wantFate(call call) string {
	if call.gone {
		return "gone"
	}
	return "alive"
}

// all reports whether all three processes of the tree have the fate.
func (o outcome) all(fate string) bool {
	for _, f := range o.Fates {
		if f != fate {
			return false
		}
	}
	return true
}

// remains reports whether a process of the tree has the fate.
func (o outcome) remains(fate string) bool {
	for _, f := range o.Fates {
		if f == fate {
			return true
		}
	}
	return false
}

// is reports whether o is the outcome that is documented.
func (p *partial) is(call call, o outcome) bool {
	if p == nil || !statusOf(call, o) || o.Err != "" {
		return false
	}
	for name, fate := range o.Fates {
		if slices.Contains(p.alive, name) != (fate == "alive") || fate != "alive" && fate != "gone" {
			return false
		}
	}
	return true
}

// notes returns the messages of a call without what differs from call to call: the name of the applet, PIDs and
// paths. A message for each of three targets is one note.
func notes(call call, o outcome) []string {
	var found []string
	for line := range strings.Lines(o.Err) {
		line = regexp.MustCompile(`^(`+call.name+`: |\[[A-Z]+ +`+call.name+` \(\d+\)\] )`).ReplaceAllString(strings.TrimSpace(line), "")
		line = regexp.MustCompile(`\b[0-9]+\b( \(member\))?`).ReplaceAllString(line, "PID")
		line = regexp.MustCompile(`(?i)too many open files`).ReplaceAllString(line, "too many open files")
		// The calls that fail depend on the limit and on the applet.
		if before, cause, found := strings.Cut(line, "too many open files"); found {
			what, _, _ := strings.Cut(before, ": ")
			if !strings.HasPrefix(what, "going on") && !strings.HasPrefix(what, "nothing") {
				what = "CALL or FILE"
			}
			line = fmt.Sprint(what, ": too many open files", cause)
		}
		if !slices.Contains(found, line) {
			found = append(found, line)
		}
	}
	return found
}

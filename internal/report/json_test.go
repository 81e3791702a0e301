package report

import (
	"encoding/json"
	"strings"
	"testing"

	"killbox/internal/show"
)

// FuzzEncode checks that encode returns one line and that a JSON parser reads the original string from it, with U+FFFD
// for each byte that is not UTF-8.
func FuzzEncode(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Add("\x00\x01\x1f\x7f\u2029\U0001f600<>&")
	f.Add("\u0080\u009b31m\u009f\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		text, rest, _ := strings.Cut(string((&event{Event: s}).encode()), "\n")
		var got event
		if err := json.Unmarshal([]byte(text), &got); err != nil || rest != "" {
			t.Fatalf("%q: %v: %s", s, err, text)
		}
		if want := string([]rune(s)); got.Event != want {
			t.Errorf("%q is read as %q, want %q", s, got.Event, want)
		}
		if strings.ContainsFunc(text, show.Acts) {
			t.Errorf("%q: a terminal acts on %q", s, text)
		}
	})
}

// TestEncode checks the order of all fields, and that a field without a value is omitted.
func TestEncode(t *testing.T) {
	code, peak, r := 0, uint64(1<<63), 1e-06
	e := event{
		Event: "x", PID: 1, Handle: "1@2", Comm: "c", PPID: 3, PGID: 4, SID: 5, State: "S", User: "u", Age: &r, RSS: 12, Permitted: new(bool), Disposition: "d",
		Ladder: "l", Root: true, Signal: "s", Exit: &code, Rung: 6, Time: &r, Reason: "r", Why: "w", Error: "e", Args: []string{"a", ""}, Exe: "/x", Run: &r, CPU: &r,
		Peak: &peak, totals: &totals{Targets: 7, Gone: 8, Survivors: 9, Errors: 10, Skipped: 11},
	}
	const want = `{"event":"x","pid":1,"handle":"1@2","comm":"c","ppid":3,"pgid":4,"sid":5,"state":"S","user":"u","age":0.000001,` +
		`"rss":12,"permitted":false,"disposition":"d","ladder":"l","root":true,"signal":"s","exit":0,"rung":6,"time":0.000001,"reason":"r","why":"w",` +
		`"error":"e","args":["a",""],"exe":"/x","run":0.000001,"cpu":0.000001,"peak":9223372036854775808,"targets":7,"gone":8,"survivors":9,"errors":10,` +
		`"skipped":11,"proved":false}` + "\n"
	if got := string(e.encode()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string((&event{Event: "x"}).encode()); got != `{"event":"x"}`+"\n" {
		t.Errorf("an empty event: %s", got)
	}
}

package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"killbox/procfs"
)

func TestLeak(t *testing.T) {
	st := procfs.Stat{ID: procfs.ID{PID: 7, Start: 8}, Comm: "a\x1bb", State: 'S', PPID: 3}
	hidden := procfs.Stat{ID: procfs.ID{PID: 9}, State: procfs.StateHidden}
	for _, test := range []struct {
		st   procfs.Stat
		args []string
		age  time.Duration
		text string
		json string
	}{
		{
			st, []string{"a", "b c", "\n\u202e"}, 90 * time.Second, `7 (a\x1bb): left behind, started 90.000 s ago: a b c \n\u202e`,
			`{"event":"leak","pid":7,"handle":"7@8","comm":"a\u001bb","ppid":3,"age":90,"args":["a","b c","\n\u202e"]}`,
		},
		{st, nil, 0, `7 (a\x1bb): left behind, started 0.000 s ago`, `{"event":"leak","pid":7,"handle":"7@8","comm":"a\u001bb","ppid":3,"age":0}`},
		{
			st, []string{strings.Repeat("y", 100_000)}, 0, `7 (a\x1bb): left behind, started 0.000 s ago: ` + strings.Repeat("y", 61) + "...",
			`{"event":"leak","pid":7,"handle":"7@8","comm":"a\u001bb","ppid":3,"age":0,"args":["` + strings.Repeat("y", 100_000) + `"]}`,
		},
		{hidden, nil, -1, "9: left behind", `{"event":"leak","pid":9}`},
	} {
		for _, quiet := range []bool{false, true} {
			var out, err bytes.Buffer
			r := New(Options{Applet: "x", Out: &out, Err: &err, JSON: true, Quiet: quiet})
			r.Leak(&test.st, test.args, test.age)
			text := "x: " + test.text + "\n"
			if quiet {
				text = ""
			}
			if out.String() != test.json+"\n" || err.String() != text {
				t.Errorf("%.200s\n%.200q; want\n%.200s\n%.200q", out.String(), err.String(), test.json, text)
			}
		}
	}
}

func TestLimitReached(t *testing.T) {
	for _, test := range []struct {
		limit time.Duration
		ended int
		exact bool
		text  string
		json  string
	}{
		{2 * time.Minute, 3, true, "time limit of 2m reached: ended 3 processes", `{"event":"limit","limit":120,"ended":3}`},
		{90 * time.Second, 1, true, "time limit of 90s reached: ended 1 process", `{"event":"limit","limit":90,"ended":1}`},
		{time.Millisecond / 2, 0, true, "time limit of 0.5ms reached: ended 0 processes", `{"event":"limit","limit":0.0005,"ended":0}`},
		{time.Second, 1, false, "time limit of 1s reached: ended at least 1 process", `{"event":"limit","limit":1,"ended":1}`},
	} {
		var out, err bytes.Buffer
		r := New(Options{Applet: "x", Out: &out, Err: &err, JSON: true})
		r.LimitReached(test.limit, test.ended, test.exact)
		if out.String() != test.json+"\n" || err.String() != "x: "+test.text+"\n" {
			t.Errorf("%s%q", out.String(), err.String())
		}
	}
}

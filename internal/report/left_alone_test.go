package report

import (
	"bytes"
	"testing"
)

func TestLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		n      LeftAlone
		failed bool
		want   string
	}{
		{LeftAlone{}, false, ""},
		{LeftAlone{OtherNamespace: 2, OtherBoot: 1, Malformed: 1}, false, "x: left alone: 2 marks of another PID namespace, 1 of another boot, 1 malformed\n"},
		{LeftAlone{OtherNamespace: 1, Malformed: 2, Unknown: 3}, false,
			"x: left alone: 1 mark of another PID namespace, 2 malformed, 3 of an owner that cannot be examined\n"},
		{LeftAlone{OtherBoot: 1}, false, "x: left alone: 1 mark of another boot\n"},
		{LeftAlone{Malformed: 1}, false, "x: left alone: 1 malformed mark\n"},
		{LeftAlone{Malformed: 2, Unexamined: 1}, false, "x: 1 process of another user could not be examined\nx: left alone: 2 malformed marks\n"},
		{LeftAlone{Unknown: 1, Unexamined: 3}, false,
			"x: 3 processes of other users could not be examined\nx: left alone: 1 mark of an owner that cannot be examined\n"},
		{LeftAlone{Unexamined: 3}, true, ""},
	} {
		var out bytes.Buffer
		New(Options{Applet: "x", Err: &out}).LeftAlone(tt.n, tt.failed)
		if out.String() != tt.want {
			t.Errorf("%+v: %q, want %q", tt.n, out.String(), tt.want)
		}
		out.Reset()
		if New(Options{Err: &out, Quiet: true}).LeftAlone(tt.n, tt.failed); out.Len() > 0 {
			t.Errorf("%+v: %q with -q", tt.n, out.String())
		}
	}
	var out bytes.Buffer
	New(Options{Out: &out, JSON: true, Quiet: true}).LeftAlone(LeftAlone{OtherBoot: 1}, false)
	const want = `{"event":"marks","namespace":0,"boot":1,"malformed":0,"unknown":0,"unexamined":0}` + "\n"
	if out.String() != want {
		t.Errorf("%s, want %s", out.String(), want)
	}
}

func TestUnexamined(t *testing.T) {
	for _, tt := range []struct {
		n      int
		failed bool
		want   string
	}{{0, false, ""}, {1, false, "x: 1 process of another user could not be examined\n"}, {2, true, ""}} {
		var out bytes.Buffer
		if New(Options{Applet: "x", Err: &out}).Unexamined(tt.n, tt.failed); out.String() != tt.want {
			t.Errorf("%d: %q, want %q", tt.n, out.String(), tt.want)
		}
	}
	var out bytes.Buffer
	New(Options{Out: &out, JSON: true, Quiet: true}).Unexamined(3, true)
	if want := `{"event":"unexamined","count":3}` + "\n"; out.String() != want {
		t.Errorf("%s, want %s", out.String(), want)
	}
}

package escalate

import (
	"slices"
	"strings"
	"testing"

	"killbox/internal/duration"
	"killbox/internal/signals"
)

func TestParseLadder(t *testing.T) {
	for _, test := range []struct {
		in    string
		first signals.Signal
		want  string
	}{
		{"5", signals.TERM, "TERM/5s/KILL/5s"},
		{"0.5", signals.TERM, "TERM/500ms/KILL/500ms"},
		{"0", signals.HUP, "HUP/0s/KILL/0s"},
		{"forever", signals.INT, "INT/forever"},
		{"3s", signals.KILL, "KILL/3s"},
		{"TERM/5/KILL/2", signals.TERM, "TERM/5s/KILL/2s"},
		{"-TERM/5/-9/2", signals.TERM, "TERM/5s/KILL/2s"},
		{"sigterm/1m/SIGINT/90s/9/1d", signals.TERM, "TERM/1m/INT/90s/KILL/1d"},
		{"TERM/forever", signals.TERM, "TERM/forever"},
		{"KILL/0/KILL/0/KILL/forever", signals.TERM, "KILL/0s/KILL/0s/KILL/forever"},
		{"RTMIN+3/1/32/1", signals.TERM, "RTMIN+3/1s/32/1s"},
		{"CONT/1/STOP/1", signals.TERM, "CONT/1s/STOP/1s"},
		// Without its wait, the last step has that of the default ladder.
		{"INT/60s/KILL", signals.TERM, "INT/1m/KILL/2s"},
		{"TERM/5/-9", signals.TERM, "TERM/5s/KILL/2s"},
		{"HUP/1/INT/1/TERM", signals.KILL, "HUP/1s/INT/1s/TERM/2s"},
		// The first signal of the schedule replaces the signal of -s.
		{"HUP/1/KILL/1", signals.QUIT, "HUP/1s/KILL/1s"},
	} {
		l, err := ParseLadder(test.in, test.first)
		if err != nil {
			t.Errorf("ParseLadder(%q): %v", test.in, err)
		} else if got := l.String(); got != test.want {
			t.Errorf("ParseLadder(%q) = %s, want %s", test.in, got, test.want)
		}
	}
}

func TestParseLadderRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                    `invalid schedule ""`,
		"TERM":                "needs a wait after the signal, as in TERM/5s",
		"-TERM":               "needs a wait after the signal",
		"soon":                `invalid schedule "soon"`,
		"TERM/5/9":            "needs a wait after its last signal, as in TERM/5/9/2s",
		"TERM/5/0":            "signal 0 ends nothing",
		"TERM/5/-0":           "signal 0 ends nothing",
		"TERM/forever/KILL":   "forever must be the last wait",
		"TERM/":               "empty duration",
		"/5":                  "unknown signal",
		"/":                   "unknown signal",
		"TERM//5":             "empty duration",
		"TERM/5/":             "unknown signal",
		"5/TERM":              "invalid duration",
		"NOPE/5":              "unknown signal",
		"--TERM/5":            "unknown signal",
		"TERM/-5":             "negative duration",
		"TERM/5/0/5":          "signal 0 ends nothing",
		"0/5":                 "signal 0 ends nothing",
		"TERM/forever/KILL/2": "forever must be the last wait",
		"FOREVER":             "invalid schedule",
		"TERM/FOREVER":        "invalid duration",
		"TERM/1e9":            "invalid duration",
		"TERM/5 /KILL/2":      "invalid duration",
		"TERM /5":             "unknown signal",
		"TERM/300y":           "invalid duration",
		"TERM/999999999999d":  "is too long",
	} {
		l, err := ParseLadder(in, signals.TERM)
		if err == nil {
			t.Errorf("ParseLadder(%q) = %v, want an error", in, l)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("ParseLadder(%q): %q does not contain %q", in, err, want)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseLadder(%q): %q has more than one line", in, err)
		}
	}
}

func TestNewLadder(t *testing.T) {
	if got := NewLadder(signals.TERM, DefaultGrace).String(); got != "TERM/5s/KILL/2s" {
		t.Errorf("the default ladder is %s", got)
	}
	// No signal is stronger than KILL.
	if got := NewLadder(signals.KILL, KillGrace).String(); got != "KILL/2s" {
		t.Errorf("a ladder that begins with KILL is %s", got)
	}
}

func FuzzParseLadder(f *testing.F) {
	for _, s := range []string{
		"5", "TERM/5s/KILL/2s", "TERM/5s/KILL", "forever", "TERM/forever", "-int/0.25h/RTMAX-1/1ms", "33/.5/64/5.",
		"//", "TERM/5/", "9/9/9/9", "TERM/9223372036s", "TERM/106751d", "\x00/\xff", "%s/%d",
	} {
		f.Add(s, uint8(signals.TERM))
	}
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		first := signals.All()[int(n)%len(signals.All())]
		l, err := ParseLadder(s, first)
		if err != nil {
			if len(l) > 0 {
				t.Fatalf("both a ladder and %v", err)
			}
			if strings.Contains(err.Error(), "\n") && !strings.Contains(s, "\n") {
				t.Fatalf("%q has more than one line", err)
			}
			return
		}
		if len(l) == 0 {
			t.Fatal("neither a ladder nor an error")
		}
		for i, step := range l {
			if step.Signal <= 0 || step.Signal > signals.RTMax || step.Grace < 0 {
				t.Fatalf("step %d of %v is %+v", i, l, step)
			}
			if step.Grace == duration.Forever && i+1 < len(l) {
				t.Fatalf("%v has a step after forever", l)
			}
		}
		again, err := ParseLadder(l.String(), signals.HUP)
		if err != nil || !slices.Equal(again, l) {
			t.Fatalf("%q gives %v, and its String gives %v, %v", s, l, again, err)
		}
	})
}

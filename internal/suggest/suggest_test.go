package suggest

import (
	"strings"
	"testing"
)

func TestClosest(t *testing.T) {
	known := []string{"timeout", "any", "no-kill", "kill-after", "TERM", "KILL", "STOP", "HUP", "full", "name", "tty", "env"}
	for word, want := range map[string]string{
		"timout": "timeout", "tiemout": "timeout", "time-out": "timeout", "timeouts": "timeout", "tmeot": "",
		"nokill": "no-kill", "kill_after": "kill-after", "killafter": "kill-after", "kil-aftr": "kill-after",
		"TREM": "TERM", "KIL": "KILL", "KILLL": "KILL", "HUPP": "HUP", "fulll": "full", "nmae": "name",
		// No silly suggestions.
		"": "", "t": "", "an": "", "xyz": "", "foo": "", "FOO": "", "INT9": "", "tail": "", "firefox": "", "output": "", "NOPE": "",
		"colour": "", "TERMINATE": "", "environment": "",
	} {
		if got := Closest(word, known); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	if got := Closest("usr", []string{"usr1", "usr2"}); got != "usr1" {
		t.Errorf("a tie: %q, want the first", got)
	}
}

// TestSlips tests typical misspellings of signals and of long options.
func TestSlips(t *testing.T) {
	signals := strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU " +
		"URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")
	options := strings.Fields("timeout kill-after retry signal strict omit force exited name full user tty group session parent cgroup env " +
		"state older newer pidfile port open mount dry-run handles verbose json quiet status why wait-only any count reaped")
	for word, want := range map[string]string{
		"KLL": "KILL", "KIL": "KILL", "KLIL": "KILL", "IKLL": "KILL", "KILLL": "KILL", "KUILL": "KILL", "TRM": "TERM", "TERMM": "TERM",
		"ETRM": "TERM", "TREM": "TERM", "STP": "STOP", "TSOP": "STOP", "SOTP": "STOP", "STOPP": "STOP", "TSPT": "TSTP", "CNT": "CONT", "COTN": "CONT",
		"QIT": "QUIT", "QUTI": "QUIT", "ABT": "ABRT", "ARBT": "ABRT", "PIP": "PIPE", "HPU": "HUP", "HUPP": "HUP", "INTR": "INT", "ITN": "INT",
		"SEG": "SEGV", "USR": "USR1", "USR3": "USR1", "ALARM": "ALRM", "CHILD": "CHLD", "WNCH": "WINCH",
	} {
		if got := Closest(word, signals); got != want {
			t.Errorf("signal %s: %q, want %q", word, got, want)
		}
	}
	for word, want := range map[string]string{
		"timout": "timeout", "tiemout": "timeout", "timeot": "timeout", "sginal": "signal", "singal": "signal", "signl": "signal", "omt": "omit",
		"fore": "force", "foce": "force", "exitd": "exited", "exsited": "exited", "nme": "name", "usre": "user", "sesion": "session", "praent": "parent",
		"cgruop": "cgroup", "oldr": "older", "olde": "older", "newr": "newer", "pidfle": "pidfile", "prot": "port", "oepn": "open", "dryrun": "dry-run",
		"handels": "handles", "verbsoe": "verbose", "jsno": "json", "queit": "quiet", "statsu": "status", "wait_only": "wait-only", "cuont": "count",
	} {
		if got := Closest(word, options); got != want {
			t.Errorf("option %s: %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"ab", "ba", 1}, {"abc", "abd", 1}, {"abc", "acb", 1}, {"ca", "abc", 3}, {"abcd", "bcda", 2},
		{"TREM", "TERM", 1}, {"abc", "abcdef", 3}, {"abcdef", "abc", 3}, {"kitten", "mitten", 1}, {"ab\xff", "ab\xfe", 1},
	} {
		if got := distance(test.a, test.b) / edit; got != test.want || distance(test.b, test.a)/edit != got {
			t.Errorf("%q, %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

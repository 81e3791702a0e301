package suggest

import "testing"

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

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"ab", "ba", 1}, {"abc", "abd", 1}, {"abc", "acb", 1}, {"ca", "abc", 3}, {"abcd", "bcda", 2},
		{"TREM", "TERM", 1}, {"abc", "abcdef", 3}, {"abcdef", "abc", 3}, {"kitten", "mitten", 1}, {"ab\xff", "ab\xfe", 1},
	} {
		if got := distance(test.a, test.b); got != test.want || distance(test.b, test.a) != got {
			t.Errorf("%q, %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

package applets

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// helpOf returns the output of --help of an applet, or of killbox itself, with COLUMNS set.
func helpOf(t *testing.T, name, columns string) string {
	t.Helper()
	b := newBench(t, "")
	b.Environ = []string{"COLUMNS=" + columns}
	run := runKillbox
	if a := Lookup(name); a != nil {
		run = a.Main
	}
	if code := run(&b.Env, []string{"--help"}); code != 0 || b.err.Len() > 0 {
		t.Fatalf("%s --help: exit %d, %q", name, code, b.err.String())
	}
	return b.out.String()
}

// TestHelpWidth: --help fits the width, of 40 columns at least, and all widths show the same words.
func TestHelpWidth(t *testing.T) {
	names := []string{"killbox"}
	for _, a := range All() {
		names = append(names, a.Name)
	}
	for _, name := range names {
		standard := helpOf(t, name, "")
		for columns, width := range map[string]int{"": 80, "x": 80, "-5": 80, "80": 80, "59": 59, "60": 60, "40": 40, "39": 40, "1": 40, "132": 132} {
			text := helpOf(t, name, columns)
			for line := range strings.Lines(text) {
				if line = strings.TrimSuffix(line, "\n"); len(line) > width || strings.HasSuffix(line, " ") {
					t.Errorf("%s, COLUMNS=%s: %d columns: %q", name, columns, len(line), line)
				}
			}
			if !slices.Equal(strings.Fields(text), strings.Fields(standard)) {
				t.Errorf("%s, COLUMNS=%s: not the words of 80 columns", name, columns)
			}
		}
		if columns := helpOf(t, name, "40"); regexp.MustCompile(`(?m)^ *-.*\w {2,}\w`).MatchString(columns) {
			t.Errorf("%s: an option and its description are in one line of 40 columns:\n%s", name, columns)
		}
	}
}

// TestHelpTerminal: without COLUMNS the width is that of the terminal, if standard output is one.
func TestHelpTerminal(t *testing.T) {
	for _, test := range []struct {
		columns  string
		terminal bool
		width    int
		want     int
	}{
		{"", true, 50, 50}, {"", true, 0, 80}, {"", true, 20, 40}, {"", false, 50, 80}, {"60", true, 50, 60},
	} {
		b := newBench(t, "")
		b.Environ = []string{"COLUMNS=" + test.columns}
		b.StdoutTTY, b.Columns = test.terminal, func(int) int { return test.width }
		longest := 0
		if code := Lookup("tkill").Main(&b.Env, []string{"--help"}); code != 0 {
			t.Fatal(code)
		}
		for line := range strings.Lines(b.out.String()) {
			longest = max(longest, len(line)-1)
		}
		if longest > test.want || longest < test.want-4 {
			t.Errorf("%+v: the longest line has %d columns", test, longest)
		}
	}
}

// TestHelpLibrary: --help has nothing of pflag's own: no default that says nothing, no Go type, no backquote.
func TestHelpLibrary(t *testing.T) {
	leftover := regexp.MustCompile("\\(default (-1|0|false|\\[|\")|[`\t]|--[a-z-]+(=| |\\[=)(int|string|count|stringArray|bool)\\b")
	for _, a := range All() {
		text := helpOf(t, a.Name, "")
		if word := leftover.FindString(text); word != "" {
			t.Errorf("%s: %q:\n%s", a.Name, word, text)
		}
	}
}

// TestHelpGroups: the five applets show their options in groups, then examples, exit statuses and the manual. -h and -V
// are the last options.
func TestHelpGroups(t *testing.T) {
	for name, want := range map[string]string{
		"killwait":   "Signals and ladder, Waiting, Targets, Selectors, Output, Examples, Exit status",
		"tkill":      "Signals and ladder, Targets, Selectors, Output, Examples, Exit status",
		"freezekill": "Signals and ladder, Targets, Selectors, Output, Examples, Exit status",
		"pgkill":     "Signals and ladder, Targets, Output, Examples, Exit status",
		"reapwait":   "Command, End of the command, Signals and ladder, Zombies, Output, Examples, Exit status",
		"killbox":    "Applets, Options, Examples, Exit status",
	} {
		text := helpOf(t, name, "")
		var titles []string
		for _, m := range regexp.MustCompile(`(?m)^(\w[\w ]*):$`).FindAllStringSubmatch(text, -1) {
			titles = append(titles, m[1])
		}
		if got := strings.Join(titles, ", "); got != want {
			t.Errorf("%s: groups %q, want %q", name, got, want)
		}
		options, _, _ := strings.Cut(text, "\nExamples:")
		if !regexp.MustCompile(`\n  -h, --help +print this help and exit\n  -V, --version +print the version and exit\n$`).MatchString(options) {
			t.Errorf("%s: -h and -V are not the last options:\n%s", name, options)
		}
		_, examples, _ := strings.Cut(text, "\nExamples:\n")
		if strings.Count(examples[:strings.Index(examples, "\n\n")], "\n  "+name) != 1 || !strings.HasSuffix(text, "\nThe manual is "+name+"(1): man "+name+"\n") {
			t.Errorf("%s: want two examples, and the manual:\n%s", name, text)
		}
	}
}

// TestHelpOptions: each option that pflag parses is in --help exactly once, with its letter.
func TestHelpOptions(t *testing.T) {
	for _, a := range All() {
		if a.Raw != nil {
			continue
		}
		text := helpOf(t, a.Name, "")
		flags, _ := a.New(a)
		flags.VisitAll(func(f *pflag.Flag) {
			letter := "    "
			if f.Shorthand != "" {
				letter = "-" + f.Shorthand + ", "
			}
			if n := len(regexp.MustCompile(`(?m)^  `+letter+`--`+f.Name+`(?:\[?=\S+)?(?:  |$)`).FindAllString(text, -1)); n != 1 {
				t.Errorf("%s: --%s is in --help %d times", a.Name, f.Name, n)
			}
		})
	}
}

// TestHelpOptionsRaw: a text of --help that is written by hand has every option of its drop-in, and no other.
func TestHelpOptionsRaw(t *testing.T) {
	for _, a := range All() {
		if a.Raw == nil || a.New == nil {
			continue
		}
		text := helpOf(t, a.Name, "")
		flags, _ := a.New(a)
		flags.VisitAll(func(f *pflag.Flag) {
			if shown := regexp.MustCompile(`(?m)^ .*--` + f.Name + `[\s=,]`).MatchString(text); shown == f.Hidden {
				t.Errorf("%s: --%s is in --help: %v", a.Name, f.Name, shown)
			}
		})
		for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`).FindAllStringSubmatch(text, -1) {
			if flags.Lookup(m[1]) == nil {
				t.Errorf("%s: --%s does not exist", a.Name, m[1])
			}
		}
	}
}

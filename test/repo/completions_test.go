package repo

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"killbox/applets"
	"killbox/internal/cli"

	"github.com/spf13/pflag"
)

// completion returns what `killbox completion` prints.
func completion(t *testing.T, operands ...string) string {
	t.Helper()
	var out strings.Builder
	args := append([]string{"killbox", "completion"}, operands...)
	if code := applets.Main(&cli.Env{Args: args, Stdout: &out, Stderr: os.Stderr}); code != 0 {
		t.Fatalf("%q: exit status %d", args, code)
	}
	return out.String()
}

// TestCompletions compares the committed completions with those that killbox prints. The tests of this file are skipped
// without harness.Skip in a build without drop-ins: no tool is missing, and the other build runs them.
func TestCompletions(t *testing.T) {
	if !dropins() {
		t.Skip("the committed completions are those of all applets")
	}
	for shell, file := range map[string]string{"bash": "killbox.bash", "zsh": "_killbox", "fish": "killbox.fish"} {
		if completion(t, shell) != read(t, "completions/"+file) {
			t.Errorf("completions/%s is not what killbox completion %s prints: run make completions", file, shell)
		}
	}
}

// TestCompletionNames: the operands of `killbox completion SHELL` are the commands for which the shell uses the
// completions, and nothing else depends on them.
func TestCompletionNames(t *testing.T) {
	if !dropins() {
		t.Skip("needs two drop-ins")
	}
	for shell, lines := range map[string][]string{
		"bash": {"complete -o nosort -F _killbox pkill tini"},
		"zsh":  {"#compdef pkill tini", "\tcompdef _killbox pkill tini"},
		"fish": {"__killbox_load pkill tini"},
	} {
		all := strings.Split(completion(t, shell), "\n")
		var changed []string
		for i, line := range strings.Split(completion(t, shell, "pkill", "tini"), "\n") {
			if line != all[i] {
				changed = append(changed, line)
			}
		}
		if !slices.Equal(changed, lines) {
			t.Errorf("%s: the lines for pkill and tini are %q, want %q", shell, changed, lines)
		}
	}
}

// TestCompletionTable checks that the table of the completions has every option of every applet, with all its names,
// and an argument if the option takes one. It checks that no character of the table acts in the quotes of a shell: fish
// treats a backslash as one that quotes.
func TestCompletionTable(t *testing.T) {
	_, table, _ := strings.Cut(completion(t, "bash"), "_killbox_table='")
	table, _, ok := strings.Cut(table, "\n'\n")
	if table = strings.ReplaceAll(table, `'\''`, "'"); !ok || strings.ContainsAny(table, "\\\t") {
		t.Fatal("no table, or a character that acts")
	}
	for _, a := range applets.All() {
		_, lines, ok := strings.Cut(table, "\napplet "+a.Name+" "+a.Summary+"\n")
		if !ok {
			t.Errorf("%s is missing", a.Name)
			continue
		}
		lines, _, _ = strings.Cut(lines, "\napplet ")
		lines, _, _ = strings.Cut(lines, "\nplugin ")
		if a.New == nil {
			continue // TestManOptions compares its --help with its options
		}
		flags, _ := a.New(a)
		flags.VisitAll(func(f *pflag.Flag) {
			names := "--" + f.Name
			if f.Shorthand != "" {
				names = "-" + f.Shorthand + "," + names
				if a.Raw != nil {
					names = "(-" + f.Shorthand + ",)?--" + f.Name // pkill has --inverse, but not -v
				}
			}
			takes := `=\S+`
			switch kind := f.Value.Type(); {
			case kind == "bool" || kind == "count":
				takes = ""
			case f.NoOptDefVal != "":
				takes = `\[=\S+\]`
			}
			if found := regexp.MustCompile(`(?m)^` + names + takes + ` `).MatchString(lines); found == f.Hidden {
				t.Errorf("%s: --%s in the table: %v", a.Name, f.Name, found)
			}
		})
	}
}

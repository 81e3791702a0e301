package applets

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode"
	"unicode/utf8"

	"killbox/internal/child"
	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/procfs/procfstest"

	"github.com/spf13/pflag"
)

// hostileWords contain what a terminal acts on, contain a line of their own, or are long.
var hostileWords = []string{
	"\x1b[2J\x1b]0;x\a", "\u009b31m", "\x7f", "\xff\x9b", "a\nforged: line", "a\rb\u202ec\u2066", "1a\u2028b", strings.Repeat("y", 100_000),
	strings.Repeat("\x1b", 100_000),
}

// plain returns the word with the letter of no option in place of each character that is not shown as it is.
func plain(word string) string {
	var b strings.Builder
	for len(word) > 0 {
		r, n := utf8.DecodeRuneInString(word)
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			b.WriteRune('¿')
		} else {
			b.WriteString(word[:n])
		}
		word = word[n:]
	}
	return b.String()
}

// wordRow says how an applet is given a word, WORD, apart from options.
type wordRow struct {
	calls []string
	with  string // operands that let the call get beyond its options
}

// wordRows has a row for each applet. kill's options are here, because it has no list of them.
var wordRows = map[string]wordRow{
	"freezekill": {[]string{"WORD", "100 WORD", "-- WORD", "--all --force WORD", "--cgroup /WORD", "--cgroup WORD -n", "--hold -WORD"}, "-n 100"},
	"killwait":   {[]string{"WORD", "100 WORD", "-- -WORD", "%WORD", "1@WORD", "1:WORD", "-l WORD", "-l 9 WORD", "-L WORD", "-WORD 100", "-9WORD 100"}, "100"},
	"pgkill":     {[]string{"WORD", "--of WORD", "-S WORD", "--of 100@WORD"}, "100"},
	"reapwait":   {[]string{"WORD", "-- WORD WORD", "-n WORD", "-n job WORD", "-z WORD", "--die-with-parent=WORD job", "--rewrite WORD=TERM job", "--rewrite TERM=WORD job"}, "job"},
	"tkill":      {[]string{"WORD", "100 WORD", "-- -WORD", "-n 101 -o WORD"}, "-n 100"},

	"docker-init": {[]string{"WORD", "-svvv -- WORD"}, "job"},
	"kill": {[]string{
		"WORD", "100 WORD", "-- -WORD", "-WORD 100", "--WORD 100", "-s WORD 100", "-sWORD 100", "--signal=WORD 100", "-n WORD 100", "-nWORD 100",
		"-q WORD 100", "-qWORD 100", "--queue=WORD 100", "--timeout WORD TERM 100", "--timeout=WORD TERM 100", "--timeout 5 WORD 100",
		"-l WORD", "-lWORD", "-l=WORD", "--list=WORD", "-l 9 WORD", "-l 0xWORD", "-d WORD", "-dWORD", "-a WORD", "-r WORD", "-p WORD", "1@WORD", "--verbose WORD",
	}, ""},
	"killall":  {[]string{"WORD", "sshd WORD", "/nowhere/WORD", "-r (WORD", "-v -e WORD", "-SIGWORD x", "-9WORD x", "-q WORD"}, "nothing"},
	"killall5": {[]string{"WORD", "-9 WORD"}, ""},
	"pgrep":    {[]string{"WORD", "-f WORD", "(WORD", "nothing WORD", "-x WORD"}, "nothing"},
	"pidof":    {[]string{"WORD", "/nowhere/WORD", "-o 5,WORD nothing"}, "nothing"},
	"pidwait":  {[]string{"WORD", "(WORD", "-e WORD"}, "nothing"},
	"pkill":    {[]string{"WORD", "(WORD", "-e WORD", "-WORD nothing", "-SIGWORD nothing"}, "nothing"},
	"timeout":  {[]string{"WORD job", "1 WORD", "-v 1 WORD", "1mWORD job", "-- WORD job"}, "1 job"},
	"tini":     {[]string{"WORD", "-svvv -- WORD", "-s WORD"}, "job"},
	"waitpid":  {[]string{"WORD", "100 WORD", "-c 1 WORD"}, "100"},
}

// wordCalls returns the rows of an applet and what its options add: each that takes a value, and some that are none.
func wordCalls(a *cli.Applet, row wordRow) []string {
	calls := append(row.calls, "--WORD "+row.with, "--WORD=WORD "+row.with, "-WORD "+row.with, "--no-such=WORD "+row.with, "---WORD")
	if a.New == nil {
		return calls
	}
	flags, _ := a.New(a)
	flags.VisitAll(func(f *pflag.Flag) {
		forms := []string{"--" + f.Name + "=WORD "}
		if f.NoOptDefVal == "" {
			forms = append(forms, "--"+f.Name+" WORD ")
		}
		if f.Shorthand != "" {
			forms = append(forms, "-"+f.Shorthand+" WORD ", "-"+f.Shorthand+"WORD ")
		}
		for _, form := range forms {
			calls = append(calls, form, form+row.with)
		}
	})
	return calls
}

// wordBench is a bench in which no command can be run and no pidfile written.
func wordBench(t *testing.T, word, stdin string) *bench {
	b := newBench(t, stdin)
	b.k.CommandKernel = &children{
		launchErr:  &child.LaunchError{Code: child.NotFound, Name: word, Err: syscall.ENOENT},
		pidfileErr: &fs.PathError{Op: "write", Path: word, Err: syscall.ENOENT},
		living:     1,
	}
	return b
}

// checkShown: a terminal acts on nothing of what was printed, no line of it is the word's, and none is long.
func checkShown(t *testing.T, b *bench, what string) {
	t.Helper()
	for _, text := range []string{b.out.String(), b.err.String()} {
		if !utf8.ValidString(text) {
			t.Errorf("%.200q: not UTF-8: %.300q", what, text)
		}
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if strings.ContainsFunc(line, show.Acts) || strings.HasPrefix(line, "forged") || len(line) > 256 {
				t.Errorf("%.200q: a line of %d bytes: %.300q", what, len(line), line)
			}
		}
	}
}

// TestWords gives hostile words to each applet and each option. Env.Stderr is not wrapped in diagnostics, so that a word
// printed without escaping is found. The separators of --delimiter and --separator are not checked: the caller asked for
// that output.
func TestWords(t *testing.T) {
	for _, a := range All() {
		t.Run(a.Name, func(t *testing.T) {
			row, ok := wordRows[a.Name]
			if !ok {
				t.Fatal("an applet without a row in wordRows")
			}
			run := func(call, word string) (*bench, int) {
				b := wordBench(t, word, "")
				args := strings.Fields(call)
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "WORD", word)
				}
				b.Args = append([]string{a.Name}, args...)
				return b, a.Main(&b.Env, args)
			}
			calls := wordCalls(a, row)
			for _, word := range hostileWords {
				harmless := plain(word)
				for _, call := range calls {
					b, code := run(call, word)
					checkShown(t, b, a.Name+" "+strings.ReplaceAll(call, "WORD", word))
					if harmless == word {
						continue
					}
					if _, want := run(call, harmless); code != want {
						t.Errorf("%s %q, %.100q: exit %d, and %d with plain characters", a.Name, call, word, code, want)
					}
				}
			}
		})
	}
}

// TestWordsOfInput: words from standard input and from pidfiles.
func TestWordsOfInput(t *testing.T) {
	mega := strings.Repeat("x", 1<<20)
	for _, word := range append(hostileWords, mega, strings.Repeat("\x00", 1<<20)) {
		for _, name := range []string{"killwait", "tkill", "freezekill", "pgkill"} {
			b := wordBench(t, word, word)
			if code := b.run(name, "-"); code != cli.ExitUsage || b.err.Len() > 256 {
				t.Errorf("%s -, %.20q: exit %d, %d bytes of stderr", name, word, code, b.err.Len())
			}
			checkShown(t, b, name+" - "+word)
		}
		file := filepath.Join(t.TempDir(), "pid")
		if err := os.WriteFile(file, []byte(word), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"killwait", "--pidfile", file}, {"pgrep", "-F", file}} {
			b := wordBench(t, word, "")
			if b.run(args...) == 0 {
				t.Errorf("%q, %.20q: exit 0", args, word)
			}
			checkShown(t, b, strings.Join(args, " ")+" "+word)
		}
	}
}

// TestWordsOfPaths: errors of package os repeat the path.
func TestWordsOfPaths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "\x1b[2J\u009b\xff\nforged", strings.Repeat("y", 100))
	if err := os.MkdirAll(filepath.Join(dir, "killwait"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"empty": 0o600, "open": 0o666, "killbox-plug": 0o755, "tkill": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"killwait", "--pidfile", dir}, {"killwait", "--pidfile", dir + "/empty"}, {"killwait", "--pidfile", dir + "/open"},
		{"killwait", "--pidfile", dir + "/none"}, {"killwait", "--tty", dir + "/empty"}, {"killwait", "--tty", dir + "/none"},
		{"freezekill", "--cgroup", dir}, {"reapwait", "--pidfile", dir, "job"}, {"killall", dir + "/none"},
		{"killbox", "--install", dir + "/none"}, {"killbox", "--install", "-s", dir + "/none"}, {"killbox", "--install", dir}, {"killbox", "plug"},
	} {
		b := wordBench(t, dir, "")
		b.Environ = []string{"PATH=" + dir}
		b.Args, b.execErr = args, syscall.ENOEXEC
		run := runKillbox
		if a := Lookup(args[0]); a != nil {
			run = a.Main
		}
		code := run(&b.Env, args[1:])
		if code == 0 || b.err.Len() == 0 {
			t.Errorf("%q: exit %d, %q", args, code, b.err.String())
		}
		checkShown(t, b, strings.Join(args, " "))
	}
}

// TestWordsOfBox: names that are not those of an applet.
func TestWordsOfBox(t *testing.T) {
	for _, word := range hostileWords {
		for _, args := range [][]string{{word}, {"help", word}, {"--" + word}, {"-" + word}, {"--install", word, word}, {"--install", "/nowhere/" + word}} {
			b := wordBench(t, word, "")
			if runKillbox(&b.Env, args) == 0 {
				t.Errorf("%.100q: exit 0", args)
			}
			checkShown(t, b, strings.Join(args, " "))
		}
		b := wordBench(t, word, "")
		b.Stdout = writer(func([]byte) (int, error) { return 0, syscall.ENOSPC })
		if b.run(word, "--list") == 0 {
			t.Errorf("%.100q: a write error is no failure", word)
		}
		checkShown(t, b, word+" --list")
	}
}

// TestWordsOfProcesses: names and command lines that processes have chosen.
func TestWordsOfProcesses(t *testing.T) {
	name := "\x1b[2J\u202e\u009b" + "abcdef"
	long := name + strings.Repeat("z", 100_000)
	root := procfstest.Build(t,
		procfstest.Proc{PID: 1, Comm: "init"},
		procfstest.Proc{PID: self, Comm: "killbox", PPID: 1},
		procfstest.Proc{PID: 100, Comm: name, PPID: 1, Cmdline: []string{long, "\u202eb\u2029"}, Cgroup: "/\x1b\u009b" + long},
	)
	for _, args := range []string{
		"killall -v -u root", "killall -v -r abc", "killall -i -r abc", "pgrep -l abc", "pkill -e abc", "pgrep -l --cgroup x -v",
		"killwait -v 100", "killwait -n 100", "killwait -j 100", "killwait -nj 100", "tkill -n 100", "killwait --status 100",
	} {
		for _, refused := range []error{nil, syscall.EPERM} {
			words := strings.Fields(args)
			a := Lookup(words[0])
			if a == nil {
				continue
			}
			b := benchOf(t, root, "n\n")
			b.k.refuses[100] = refused
			a.Main(&b.Env, words[1:])
			checkShown(t, b, args)
		}
	}
	// A command line that is asked for is printed whole.
	if a := Lookup("pgrep"); a != nil {
		for _, option := range []string{"-a", "-aQ"} {
			b := benchOf(t, root, "")
			if code := a.Main(&b.Env, []string{option, "abc"}); code != 0 || strings.ContainsFunc(strings.TrimSpace(b.out.String()), show.Acts) {
				t.Errorf("pgrep %s: exit %d, %.100q", option, code, b.out.String())
			}
		}
	}
}

// TestDiagnosticsEscape: standard error escapes what a message has not; the status line is not escaped.
func TestDiagnosticsEscape(t *testing.T) {
	b := newBench(t, "")
	b.Proc, b.ProcErr = nil, errors.New("\x1b[2J\u009b31m\xff\u202e\tC:\\x\x7f")
	b.run("killwait", "--handles", "100")
	if got := b.err.String(); !strings.Contains(got, `\x1b[2J\u009b31m\xff\u202e`+"\t"+`C:\x\x7f`) {
		t.Errorf("%q", got)
	}
	if b.Screen != &b.err {
		t.Error("the status line has no way to the terminal")
	}
}

package repo

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"killbox/applets"
	"killbox/internal/cli"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/pflag"
)

// manOption is an option as an .It line of a man page documents it.
type manOption struct {
	short, long string
	argument    bool
}

var (
	manFlag = regexp.MustCompile(`\bFl (-?)([A-Za-z][a-z-]*)`)
)

// manOptions returns the options that have an .It of their own in the page.
func manOptions(page string) []manOption {
	var list []manOption
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, ".It Fl ") {
			continue
		}
		var o manOption
		for _, m := range manFlag.FindAllStringSubmatch(line, -1) {
			if m[1] == "-" {
				o.long = m[2]
			} else {
				o.short = m[2]
			}
		}
		o.argument = strings.Contains(line, "Ar ")
		list = append(list, o)
	}
	return list
}

// section returns the text of a section of a man page.
func section(page, name string) string {
	_, text, _ := strings.Cut(page, "\n.Sh "+name+"\n")
	text, _, _ = strings.Cut(text, "\n.Sh ")
	return text
}

func TestManOptions(t *testing.T) {
	for _, a := range applets.All() {
		t.Run(a.Name, func(t *testing.T) {
			page := read(t, "man/"+a.Name+".1")
			summary := strings.Split(section(page, "NAME"), "\n")
			if !slices.Contains(summary, ".Nd "+a.Summary) {
				t.Errorf("NAME is not what --help says, %q", a.Summary)
			}
			if a.New == nil {
				checkHelp(t, a, page)
				return
			}
			flags, _ := a.New(a)
			if a.Raw == nil {
				flags.BoolP("help", "h", false, "")
				flags.BoolP("version", "V", false, "")
			}
			checkOptions(t, flags, page)
		})
	}
}

// checkHelp compares the man page of an applet with the output of its --help. The applet is one that parses its command
// line itself (a.Raw).
func checkHelp(t *testing.T, a *cli.Applet, page string) {
	t.Helper()
	var help strings.Builder
	a.Raw(&cli.Env{Stdout: &help, Stderr: os.Stderr}, a, []string{"--help"})
	documented := map[manOption]bool{}
	for _, o := range manOptions(page) {
		documented[manOption{short: o.short, long: o.long}] = true
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-(\w),? )?(?: *--([a-z][a-z-]*))?`).FindAllStringSubmatch(help.String(), -1) {
		if m[1]+m[2] == "" {
			continue
		}
		found++
		if o := (manOption{short: m[1], long: m[2]}); !documented[o] {
			t.Errorf("%+v is not documented", o)
		}
	}
	if found != len(documented) || found == 0 {
		t.Errorf("%d options in --help, %d in the page", found, len(documented))
	}
}

func checkOptions(t *testing.T, flags *pflag.FlagSet, page string) {
	t.Helper()
	documented := map[string]manOption{}
	for _, o := range manOptions(page) {
		if _, twice := documented[o.long]; twice {
			t.Errorf("--%s is documented twice", o.long)
		}
		documented[o.long] = o
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		got, ok := documented[f.Name]
		want := manOption{f.Shorthand, f.Name, f.NoOptDefVal == ""}
		switch {
		case !ok:
			t.Errorf("--%s is not documented", f.Name)
		case got != want:
			t.Errorf("--%s is documented as %+v, and is %+v", f.Name, got, want)
		}
		delete(documented, f.Name)
	})
	for name := range documented {
		t.Errorf("--%s is documented, and does not exist", name)
	}
	// Options that the text mentions must exist, too, except those of other programs.
	for _, m := range regexp.MustCompile(`(?m)^\.Fl -([a-z][a-z-]*)`).FindAllStringSubmatch(page, -1) {
		if flags.Lookup(m[1]) == nil {
			t.Errorf("the text mentions --%s, which does not exist", m[1])
		}
	}
}

// TestManBox compares killbox(1) with killbox --help, which is written by hand.
func TestManBox(t *testing.T) {
	page := read(t, "man/killbox.1")
	var help strings.Builder
	applets.Main(&cli.Env{Args: []string{"killbox", "--help"}, Stdout: &help, Stderr: os.Stderr})
	var want []manOption
	for _, m := range regexp.MustCompile(`(?m)^  (?:-(\w), |    )--([a-z]+)( DIR)? `).FindAllStringSubmatch(help.String(), -1) {
		want = append(want, manOption{short: m[1], long: m[2]})
	}
	if got := manOptions(page); len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("documented: %+v\n--help: %+v", got, want)
	}
	for _, a := range applets.All() {
		if !strings.Contains(page, ".It Xr "+a.Name+" 1\n"+a.Summary+"\n") {
			t.Errorf("%s is not in the list of applets, or not as --help says", a.Name)
		}
	}
}

// exitCodes returns the constants of internal/cli/exit.go, and the order of precedence.
func exitCodes(t *testing.T) (codes map[string]int, order []int) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "internal/cli/exit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes = map[string]int{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i >= len(n.Values) {
					continue
				}
				if lit, ok := n.Values[i].(*ast.BasicLit); ok && lit.Kind == token.INT {
					codes[name.Name], _ = strconv.Atoi(lit.Value)
				}
			}
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if id, ok := e.(*ast.Ident); ok {
					order = append(order, codes[id.Name])
				}
			}
		}
		return true
	})
	return codes, order
}

func listed(page string) []int {
	var list []int
	for _, m := range regexp.MustCompile(`(?m)^\.It (\d+)$`).FindAllStringSubmatch(section(page, "EXIT STATUS"), -1) {
		n, _ := strconv.Atoi(m[1])
		list = append(list, n)
	}
	return list
}

func TestManExitStatus(t *testing.T) {
	codes, order := exitCodes(t)
	all := slices.Sorted(maps.Values(codes))
	all = slices.DeleteFunc(all, func(n int) bool { return n == codes["ExitUnknown"] })
	if len(all) < 7 || len(order) != len(all)-1 {
		t.Fatalf("internal/cli/exit.go: codes %v, order %v", all, order)
	}
	phrase := strings.Trim(strings.ReplaceAll(fmt.Sprint(order), " ", ", "), "[]")
	general := read(t, "man/killbox.7")
	if got := listed(general); !slices.Equal(got, all) {
		t.Errorf("killbox.7 lists %v, the constants are %v", got, all)
	}
	if !strings.Contains(section(general, "EXIT STATUS"), "first of "+phrase+".") {
		t.Errorf("killbox.7 does not give the order %s", phrase)
	}
	for _, a := range applets.All() {
		page := read(t, "man/"+a.Name+".1")
		if a.Dropin {
			continue // a drop-in has the exit statuses of its original
		}
		if a.Command {
			// The applet runs a command: only these statuses are its own.
			if got := listed(page); !slices.Equal(got, []int{2, 124, 125, 126, 127}) {
				t.Errorf("%s.1 lists %v", a.Name, got)
			}
			continue
		}
		want, said := all, phrase
		if flags, _ := a.New(a); flags.Lookup("prove") == nil {
			// An applet without --prove has no status for a missing proof.
			unproved := codes["ExitUnproved"]
			want = slices.DeleteFunc(slices.Clone(all), func(n int) bool { return n == unproved })
			said = strings.Replace(phrase, fmt.Sprintf(" %d,", unproved), "", 1)
		}
		if got := listed(page); !slices.Equal(got, want) {
			t.Errorf("%s.1 lists %v, want %v", a.Name, got, want)
		}
		if !strings.Contains(section(page, "EXIT STATUS"), "first of "+said) {
			t.Errorf("%s.1 does not give the order %s", a.Name, said)
		}
	}
	readme := read(t, "README.md")
	var inReadme []int
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(readme, -1) {
		n, _ := strconv.Atoi(m[1])
		inReadme = append(inReadme, n)
	}
	if !slices.Equal(inReadme, all) {
		t.Errorf("README.md lists %v, the constants are %v", inReadme, all)
	}
}

// dropins reports whether the drop-ins are built in. Without them, the pages and the Makefile describe more applets
// than there are.
func dropins() bool {
	return slices.ContainsFunc(applets.All(), func(a *cli.Applet) bool { return a.Dropin })
}

// TestManOrder checks that the sections of each page have the same order.
func TestManOrder(t *testing.T) {
	order := []string{
		"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO", "STANDARDS",
		"HISTORY", "CAVEATS", "BUGS",
	}
	must := []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"}
	pages, _ := filepath.Glob("man/*.1")
	if dropins() && len(pages) != len(applets.All())+1 {
		t.Errorf("%d pages for %d applets and killbox: %v", len(pages), len(applets.All()), pages)
	}
	for _, name := range pages {
		var at []int
		for _, m := range regexp.MustCompile(`(?m)^\.Sh (.*)$`).FindAllStringSubmatch(read(t, name), -1) {
			i := slices.Index(order, m[1])
			at = append(at, i)
			if i < 0 {
				t.Errorf("%s: section %s has no place in the order", name, m[1])
			}
		}
		if !slices.IsSorted(at) {
			t.Errorf("%s: the sections are not in order", name)
		}
		for _, s := range must {
			if !slices.Contains(at, slices.Index(order, s)) {
				t.Errorf("%s: no section %s", name, s)
			}
		}
	}
}

// TestManExamples checks the syntax of every example with sh -n.
func TestManExamples(t *testing.T) {
	pages, _ := filepath.Glob("man/*.[1-8]")
	examples := 0
	for _, name := range pages {
		for _, script := range manExamples(t, name) {
			examples++
			cmd := exec.Command("sh", "-n")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s\n%s", name, err, out, script)
			}
			for _, a := range applets.All() {
				checkExample(t, name, a, script)
			}
		}
	}
	if examples < 10 {
		t.Errorf("only %d examples were found", examples)
	}
}

// manExamples returns the examples of a page: its literal displays (.Bd -literal), unescaped.
func manExamples(t *testing.T, name string) []string {
	t.Helper()
	unescape := strings.NewReplacer(`\(aq`, "'", `\(ga`, "`", `\(ha`, "^", `\(ti`, "~", `\-`, "-", `\&`, "", `\e`, `\`)
	var list, block []string
	in := false
	for line := range strings.Lines(read(t, name)) {
		switch {
		case strings.HasPrefix(line, ".Bd -literal"):
			in, block = true, nil
		case in && strings.HasPrefix(line, ".Ed"):
			in = false
			list = append(list, unescape.Replace(strings.Join(block, "")))
		case in:
			if strings.Contains(strings.ReplaceAll(line, `\-`, ""), "-") {
				t.Errorf("%s: a bare - would be printed as a hyphen: %s", name, line)
			}
			block = append(block, line)
		}
	}
	return list
}

// markdownExamples returns the lines of a document that run: blocks of sh, and what blocks of console show after a
// prompt, without indentation and the comments at their ends.
func markdownExamples(t *testing.T, name string) []string {
	t.Helper()
	comment := regexp.MustCompile(` +# .*`)
	var list []string
	kind := ""
	for line := range strings.Lines(read(t, name)) {
		line = strings.TrimSpace(line)
		if language, fence := strings.CutPrefix(line, "```"); fence {
			kind = language
			continue
		}
		command, prompt := strings.CutPrefix(line, "$ ")
		if kind == "sh" || kind == "console" && prompt {
			list = append(list, comment.ReplaceAllString(command, ""))
		}
	}
	return list
}

// TestManExamplesRun checks that a script runs every line of every example, exactly as it is in the page or in
// README.md.
func TestManExamplesRun(t *testing.T) {
	var run []string
	scripts, _ := filepath.Glob("testdata/scripts/examples_*.txtar")
	for _, name := range scripts {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if filepath.Ext(f.Name) == ".sh" || f.Name == "crontab" { // cron runs the line
				run = append(run, strings.Split(string(f.Data), "\n")...)
			}
		}
	}
	check := func(name, line string) {
		// The script may append more to the line, such as a redirection.
		if !slices.ContainsFunc(run, func(s string) bool {
			rest, ok := strings.CutPrefix(s, line)
			return ok && (rest == "" || rest[0] == ' ')
		}) {
			t.Errorf("%s: no testdata/scripts/examples_*.txtar runs this line:\n%s", name, line)
		}
	}
	pages, _ := filepath.Glob("man/*.[1-8]")
	for _, name := range pages {
		for _, script := range manExamples(t, name) {
			for line := range strings.Lines(script) {
				check(name, strings.TrimSpace(line))
			}
		}
	}
	readme := markdownExamples(t, "README.md")
	if len(readme) < 10 {
		t.Errorf("only %d examples were found in README.md", len(readme))
	}
	for _, line := range readme {
		check("README.md", line)
	}
}

// checkExample checks that the long options in an example exist.
func checkExample(t *testing.T, page string, a *cli.Applet, script string) {
	t.Helper()
	if a.New == nil {
		return
	}
	flags, _ := a.New(a)
	for _, call := range regexp.MustCompile(`\b`+a.Name+`\b([^|;&)\n']*)`).FindAllStringSubmatch(script, -1) {
		for _, m := range regexp.MustCompile(` --([a-z][a-z-]*)`).FindAllStringSubmatch(call[1], -1) {
			if flags.Lookup(m[1]) == nil {
				t.Errorf("%s: %s has no option --%s", page, a.Name, m[1])
			}
		}
	}
}

// TestManJSON checks that killbox(7) lists exactly the events and fields that the reports have.
func TestManJSON(t *testing.T) {
	fields, events := map[string]bool{}, map[string]bool{}
	files, _ := filepath.Glob("internal/report/*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text := read(t, name)
		for _, m := range regexp.MustCompile(`(?:newEvent\([^"\n]*, |Event: )"([a-z]+)"`).FindAllStringSubmatch(text, -1) {
			events[m[1]] = true
		}
		if filepath.Base(name) != "json.go" {
			continue
		}
		for _, m := range regexp.MustCompile("`json:\"([a-z]+)").FindAllStringSubmatch(text, -1) {
			fields[m[1]] = true
		}
	}
	text := section(read(t, "man/killbox.7"), "JSON")
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\.It Va (.*)$`).FindAllStringSubmatch(text, -1) {
		for _, name := range strings.Split(m[1], " , ") {
			documented[name] = true
		}
	}
	if !maps.Equal(fields, documented) {
		t.Errorf("fields: %v\ndocumented: %v", slices.Sorted(maps.Keys(fields)), slices.Sorted(maps.Keys(documented)))
	}
	clear(documented)
	for _, m := range regexp.MustCompile(`(?m)^\.It Sy (.*)$`).FindAllStringSubmatch(text, -1) {
		documented[m[1]] = true
	}
	if len(events) < 5 || !maps.Equal(events, documented) {
		t.Errorf("events: %v\ndocumented: %v", slices.Sorted(maps.Keys(events)), slices.Sorted(maps.Keys(documented)))
	}
}

// TestManEnvironment checks that every environment variable that begins with KILLBOX_ is in a man page.
func TestManEnvironment(t *testing.T) {
	pages := read(t, "man/killbox.1") + read(t, "man/killbox.7")
	found := 0
	for _, name := range sources(t) {
		for _, m := range regexp.MustCompile(`"(KILLBOX_[A-Z_]+)`).FindAllStringSubmatch(read(t, name), -1) {
			found++
			if !strings.Contains(pages, ".It Ev "+m[1]+"\n") {
				t.Errorf("%s: %s is not documented", name, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("none was found")
	}
}

func TestReadme(t *testing.T) {
	readme := read(t, "README.md")
	for _, a := range applets.All() {
		if !strings.Contains(readme, "| `"+a.Name+"` |") {
			t.Errorf("%s is not in the table of README.md", a.Name)
		}
	}
	makefile := read(t, "Makefile")
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(makefile, -1) {
		targets[m[1]] = true
	}
	for _, doc := range []string{"README.md", "CONTRIBUTING.md", "docs/performance.md", "test/README.md"} {
		mentioned := 0
		for _, m := range regexp.MustCompile("(?m)(?:`|^    |^\\$ |&& )(?:sudo )?make ([a-z][a-z-]*)").FindAllStringSubmatch(read(t, doc), -1) {
			mentioned++
			if !targets[m[1]] {
				t.Errorf("%s: make %s is no target", doc, m[1])
			}
		}
		if mentioned == 0 {
			t.Errorf("%s: no make command was found", doc)
		}
	}
	for _, want := range []string{"make demo", "make check", "make check-deps", "make check-all", "make quick"} {
		if !strings.Contains(readme, want) {
			t.Errorf("README.md does not mention %s", want)
		}
	}
	var names, five, replaced []string
	for _, a := range applets.All() {
		names = append(names, a.Name)
		if a.Dropin {
			replaced = append(replaced, a.Name)
		} else {
			five = append(five, a.Name)
		}
	}
	quick := regexp.MustCompile(`\nQUICK = ((?:.*\\\n)*.*)\n`).FindStringSubmatch(makefile)
	if quick == nil {
		t.Fatal("Makefile: no QUICK")
	}
	covered := map[string]bool{"docker-init": true} // the scripts of tini run it as well
	for _, script := range strings.Fields(strings.ReplaceAll(quick[1], "\\\n", " ")) {
		applet, _, _ := strings.Cut(strings.TrimPrefix(script, "examples_"), "_")
		covered[applet] = true
		if _, err := os.Stat("testdata/scripts/" + script + ".txtar"); err != nil {
			t.Errorf("Makefile: QUICK: %v", err)
		}
	}
	for _, name := range names {
		if !covered[name] {
			t.Errorf("Makefile: QUICK has no script of %s", name)
		}
	}
	if !strings.Contains(makefile, "\nFIVE    = "+strings.Join(five, " ")+"\n") {
		t.Errorf("Makefile: FIVE is not %v", five)
	}
	if dropins() && !strings.Contains(makefile, "\nDROPINS = "+strings.Join(replaced, " ")+"\n") {
		t.Errorf("Makefile: DROPINS is not %v", replaced)
	}
}

// TestLinks checks that the files to which the documents link exist.
func TestLinks(t *testing.T) {
	docs, _ := filepath.Glob("docs/*.md")
	for _, doc := range append(docs, "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "test/README.md") {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(read(t, doc), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		}
	}
}

// TestThreats checks that each row of docs/threats.md names scripts, and that these exist.
func TestThreats(t *testing.T) {
	rows := 0
	for line := range strings.Lines(read(t, "docs/threats.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(line, "| the process") || strings.HasPrefix(line, "|--") {
			continue
		}
		rows++
		for _, name := range strings.Split(cells[3], ",") {
			if _, err := os.Stat("testdata/scripts/" + strings.TrimSpace(name) + ".txtar"); err != nil {
				t.Errorf("docs/threats.md: %s: %v", strings.TrimSpace(cells[1]), err)
			}
		}
	}
	if rows < 20 {
		t.Errorf("docs/threats.md has %d rows: the table was not found", rows)
	}
}

// TestDifferences checks that docs/differences.md has a section for each drop-in, and that the section names each
// option of the drop-in, as a difference or as the same.
func TestDifferences(t *testing.T) {
	doc := read(t, "docs/differences.md")
	for _, a := range applets.All() {
		if !a.Dropin {
			continue
		}
		text := regexp.MustCompile(`(?ms)^## [^\n]*\b` + a.Name + `\b[^\n]*\n.*?(?:^## |\z)`).FindString(doc)
		if text == "" {
			t.Errorf("%s has no section", a.Name)
			continue
		}
		page := read(t, "man/"+a.Name+".1")
		if !strings.Contains(page, "DROP-INS") && !strings.Contains(page, ".Xr tini 1") {
			t.Errorf("%s.1 does not point to what all drop-ins have in common", a.Name)
		}
		for _, o := range manOptions(page) {
			name := "-" + o.short
			if o.short == "" {
				name = "--" + o.long
			}
			if !regexp.MustCompile("[ `]"+name+`\b`).MatchString(text) && !strings.Contains(text, "`--"+o.long+"`") {
				t.Errorf("%s: %s is neither the same nor a difference", a.Name, name)
			}
		}
		for line := range strings.Lines(text) {
			cells := strings.Split(strings.Trim(line, "|\n"), " | ")
			empty := slices.ContainsFunc(cells, func(s string) bool { return strings.TrimSpace(s) == "" })
			if strings.HasPrefix(line, "|") && !strings.HasPrefix(line, "|---") && (len(cells) != 4 || empty) {
				t.Errorf("%s: a row without four cells: %s", a.Name, line)
			}
		}
	}
}

func TestChangelog(t *testing.T) {
	if !strings.Contains(read(t, "CHANGELOG.md"), "\n## ["+cli.Version+"]") {
		t.Errorf("CHANGELOG.md does not tell of %s", cli.Version)
	}
}

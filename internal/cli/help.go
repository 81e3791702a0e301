package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// The groups of --help that several applets share.
const (
	GroupLadder    = "Signals and ladder"
	GroupTargets   = "Targets"
	GroupSelectors = "Selectors"
	GroupOutput    = "Output"
)

// groupKey is the annotation with the group of an option.
const groupKey = "group"

// Group makes a group of --help of the options that were added since the last call of Group. Groups with the same title
// are one. --help shows groups and options in the order in which they were added. An option that no call names is in
// the last group.
func Group(flags *pflag.FlagSet, title string) { flags.VisitAll(groupTitle(title).add) }

// isSelector reports whether the flag is in GroupSelectors.
func isSelector(f *pflag.Flag) bool {
	return slices.Equal(f.Annotations[groupKey], []string{GroupSelectors})
}

type groupTitle string

func (title groupTitle) add(f *pflag.Flag) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{groupKey: {string(title)}}
	}
}

// OptionHelp returns the lines of --help for the options, in the form that PrintHelp sets.
func OptionHelp(flags *pflag.FlagSet) string {
	titles := []string{"Options"}
	groups := make(map[string]string)
	flags.VisitAll(func(f *pflag.Flag) {
		if title := f.Annotations[groupKey]; title != nil && !slices.Contains(titles, title[0]) {
			titles = append(titles, title[0])
		}
	})
	flags.VisitAll(func(f *pflag.Flag) {
		title := titles[len(titles)-1]
		if group := f.Annotations[groupKey]; group != nil {
			title = group[0]
		}
		if !f.Hidden {
			groups[title] += optionLine(f)
		}
	})
	text := ""
	for _, title := range titles {
		if groups[title] != "" {
			text += "\n" + title + ":\n" + groups[title]
		}
	}
	return text
}

// optionLine returns the line of --help for an option. The default of a duration is appended; any other default is in
// the description, if it matters.
func optionLine(f *pflag.Flag) string {
	argument, text := pflag.UnquoteUsage(f)
	line := "      --"
	if f.Shorthand != "" {
		line = "  -" + f.Shorthand + ", --"
	}
	line += f.Name
	switch {
	case !takesArgument(f):
	case f.NoOptDefVal != "":
		line += "[=" + argument + "]"
	default:
		line += "=" + argument
	}
	text = strings.TrimSuffix(text, ": "+argument) // it explains the argument for its form alone
	if f.Value.Type() == "DUR" && f.DefValue != "" {
		text += " (default " + f.DefValue + ")"
	}
	return line + "\t" + text + "\n"
}

// takesArgument reports whether an option takes an argument, even an optional one.
func takesArgument(f *pflag.Flag) bool { return f.Value.Type() != "bool" && f.Value.Type() != "count" }

// printHelp carries out --help of an applet without Raw.
func printHelp(env *Env, a *Applet, flags *pflag.FlagSet) {
	text := "usage: " + a.Name + " " + a.Usage + "\n" + a.Summary + "\n" + OptionHelp(flags)
	if a.Examples != "" {
		text += "\nExamples:\n" + a.Examples
	}
	if a.Statuses != "" {
		text += "\nExit status:\n" + a.Statuses
	}
	PrintHelp(env, env.Stdout, text+"\n"+Manual(a.Name))
}

// HelpText returns the text of --help in the form of PrintHelp.
func (a *Applet) HelpText(env *Env) (text string) {
	e := *env
	e.help = func(s string) { text += s }
	if a.Raw != nil {
		a.Raw(&e, a, []string{"--help"})
		return text
	}
	flags, _ := a.New(a)
	addHelp(flags)
	printHelp(&e, a, flags)
	return text
}

// addHelp adds the options that every applet without Raw has.
func addHelp(flags *pflag.FlagSet) (help, version *bool) {
	help = flags.BoolP("help", "h", false, "print this help and exit")
	version = flags.BoolP("version", "V", false, "print the version and exit")
	return help, version
}

// Manual returns the last line of --help.
func Manual(name string) string { return "The manual is " + name + "(1): man " + name + "\n" }

// Layout of --help, in columns.
const (
	helpWidth     = 80 // without COLUMNS and a terminal
	narrowest     = 40
	optionColumn  = 28 // the rightmost column of the descriptions of options
	exampleColumn = 34 // and of other descriptions
	narrowColumn  = 8  // the column of a description below its option
)

// PrintHelp prints a help text as wide as COLUMNS or the terminal. In a line with a tab, a description follows the tab.
// Descriptions of adjacent lines begin in the same column. If fewer than 60 columns are available, a description begins
// in the next line. Any other line that is too long is wrapped at its blanks.
func PrintHelp(env *Env, w io.Writer, text string) {
	if env.help != nil {
		env.help(text)
		return
	}
	width := helpWidth
	if n, err := strconv.Atoi(env.Getenv("COLUMNS")); err == nil && n > 0 {
		width = n
	} else if n := env.terminalWidth(); n > 0 {
		width = n
	}
	fmt.Fprint(w, setHelp(text, max(width, narrowest)))
}

// terminalWidth returns the number of columns of the terminal on standard output, and 0 if there is none.
func (e *Env) terminalWidth() int {
	if !e.StdoutTTY || e.Columns == nil {
		return 0
	}
	return e.Columns(1)
}

func setHelp(text string, width int) string {
	out := ""
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	column := 0 // of the descriptions of adjacent lines
	for i, line := range lines {
		left, description, ok := strings.Cut(line, "\t")
		if !ok {
			column = 0
			out += setLine(line, width)
			continue
		}
		if column == 0 {
			column = descriptionColumn(lines, i, width)
		}
		if len(left)+2 > column {
			out += left + "\n"
			left = ""
		}
		out += fmt.Sprintf("%-*s", column, left) + wrap(description, column, width)
	}
	return out
}

// setLine sets a line without a description.
func setLine(line string, width int) string {
	if len(line) <= width {
		return line + "\n" // with the blanks that it has
	}
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if strings.EqualFold(line[:7], "usage: ") {
		indent = len("usage: ")
	}
	return line[:indent] + wrap(line[indent:], indent, width)
}

// descriptionColumn returns the column in which the description of lines[i] begins: that of all options, or else of the
// adjacent lines.
func descriptionColumn(lines []string, i, width int) int {
	options, limit := isOption(lines[i]), exampleColumn
	if options {
		i, limit = 0, optionColumn
	}
	if width < 60 {
		limit = narrowColumn
	}
	column := narrowColumn
	for _, line := range lines[i:] {
		left, _, ok := strings.Cut(line, "\t")
		if !ok && !options {
			break
		}
		if ok && options == isOption(line) && len(left)+2 <= limit {
			column = max(column, len(left)+2)
		}
	}
	return column
}

func isOption(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), "-") }

// wrap returns the words of a text, and a newline. Each line but the first begins with indent blanks.
func wrap(text string, indent, width int) string {
	out, column := "", indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			out += fmt.Sprintf("\n%*s", indent, "")
			column = indent
		default:
			out += " "
			column++
		}
		out += word
		column += len(word)
	}
	return out + "\n"
}

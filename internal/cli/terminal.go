package cli

import (
	"errors"
	"strconv"
	"strings"

	"killbox/internal/report"
	"killbox/internal/show"
)

// minColumns is the width that lines are made for in a terminal that is narrower still.
const minColumns = 40

// Colour is the value of --color: auto, always or never; "" means auto.
type Colour string

// String implements pflag.Value.
func (c *Colour) String() string { return string(*c) }

// Type implements pflag.Value.
func (c *Colour) Type() string { return "auto|always|never" }

// Set implements pflag.Value.
func (c *Colour) Set(s string) error {
	switch s {
	case "auto", "always", "never":
		*c = Colour(s)
		return nil
	}
	return errors.New(show.Quoted(s) + " is not auto, always or never")
}

// View returns how the output of --dry-run is to look on standard output.
func (e *Env) View(c Colour) report.View {
	columns := 0
	if e.StdoutTTY && e.Columns != nil {
		columns = e.Columns(1)
	}
	if n, err := strconv.Atoi(e.Getenv("COLUMNS")); err == nil && n > 0 {
		columns = n
	}
	if columns > 0 {
		columns = max(columns, minColumns)
	}
	return report.View{Columns: columns, ASCII: !e.IsUTF8(), Colour: e.isColoured(c)}
}

// isColoured reports whether standard output has colours. The first that is given decides: --color, NO_COLOR
// (no-color.org), CLICOLOR_FORCE (bixense.com/clicolors), the terminal.
func (e *Env) isColoured(c Colour) bool {
	force := e.Getenv("CLICOLOR_FORCE")
	switch {
	case c == "always" || c == "never":
		return c == "always"
	case e.Getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return e.StdoutTTY && e.interpretsEscapes()
}

// interpretsEscapes reports whether the terminal acts on escape sequences.
func (e *Env) interpretsEscapes() bool {
	term := e.Getenv("TERM")
	return term != "" && term != "dumb"
}

// IsUTF8 reports whether the locale is one of UTF-8, by its name. As in setlocale(3), the first variable that is not
// empty decides.
func (e *Env) IsUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := e.Getenv(name); locale != "" {
			_, codeset, _ := strings.Cut(locale, ".")
			codeset, _, _ = strings.Cut(codeset, "@")
			return strings.EqualFold(strings.ReplaceAll(codeset, "-", ""), "utf8")
		}
	}
	return false
}

// ReportOptions returns the options of a Reporter that prints to standard output and standard error.
func (e *Env) ReportOptions(applet string, o *OutputOptions) report.Options {
	r := report.Options{
		Applet: applet, Out: e.Stdout, Err: e.Stderr, Proc: e.Proc,
		Verbose: o.Verbose, JSON: o.JSON, Quiet: o.Quiet,
		Terminal: e.StderrTTY && e.interpretsEscapes(), Screen: e.Screen, ASCII: !e.IsUTF8(),
	}
	if e.Kernel != nil {
		r.Identify = e.Kernel.Identify
	}
	if e.StderrTTY && e.Columns != nil {
		r.Columns = func() int { return e.Columns(2) }
	}
	return r
}

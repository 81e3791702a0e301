// Package pflag reads command lines in the way of GNU: bundled short options,
// long ones with =, options after operands. It is the part that this program
// uses of github.com/spf13/pflag, under the same names and with the same words;
// that one brings package net, CSV and the standard flag package with it.
package pflag

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"killbox/internal/fmt"
	"killbox/internal/show"
)

// Value is what an option sets.
type Value interface {
	String() string
	Set(string) error
	// Type is shown for the argument in the help, unless the usage has a name
	// between backquotes. "bool" is not shown.
	Type() string
}

// Flag is an option.
type Flag struct {
	Name      string
	Shorthand string // a letter, or ""
	Usage     string
	Value     Value
	DefValue  string
	Changed   bool // it was given
	// NoOptDefVal: the argument may be left out, and is this then.
	NoOptDefVal string
	Hidden      bool // from the help
}

// FlagSet is a set of options, in the order in which they were added.
type FlagSet struct {
	flags      []*Flag
	args       []string
	dash       int // how many operands came before --
	commanding bool
}

// NewFlagSet returns an empty set.
func NewFlagSet() *FlagSet { return &FlagSet{dash: -1} }

// VarP adds an option.
func (s *FlagSet) VarP(value Value, name, shorthand, usage string) {
	s.add(value, name, shorthand, usage, "")
}

func (s *FlagSet) add(value Value, name, shorthand, usage, without string) {
	s.flags = append(s.flags, &Flag{
		Name: name, Shorthand: shorthand, Usage: usage, Value: value, DefValue: value.String(), NoOptDefVal: without,
	})
}

// Var adds an option without a letter.
func (s *FlagSet) Var(value Value, name, usage string) { s.VarP(value, name, "", usage) }

type boolValue bool

func (v *boolValue) String() string { return strconv.FormatBool(bool(*v)) }
func (v *boolValue) Type() string   { return "bool" }

func (v *boolValue) Set(s string) error {
	b, err := strconv.ParseBool(s)
	*v = boolValue(b)
	return err
}

// BoolVarP adds an option that is given or not.
func (s *FlagSet) BoolVarP(p *bool, name, shorthand string, value bool, usage string) {
	*p = value
	s.add((*boolValue)(p), name, shorthand, usage, "true")
}

// BoolVar is BoolVarP without a letter.
func (s *FlagSet) BoolVar(p *bool, name string, value bool, usage string) {
	s.BoolVarP(p, name, "", value, usage)
}

// BoolP is BoolVarP with a variable of its own.
func (s *FlagSet) BoolP(name, shorthand string, value bool, usage string) *bool {
	p := new(bool)
	s.BoolVarP(p, name, shorthand, value, usage)
	return p
}

// Bool is BoolP without a letter.
func (s *FlagSet) Bool(name string, value bool, usage string) *bool {
	return s.BoolP(name, "", value, usage)
}

type stringValue string

func (v *stringValue) String() string { return string(*v) }
func (v *stringValue) Type() string   { return "string" }

func (v *stringValue) Set(s string) error {
	*v = stringValue(s)
	return nil
}

// StringVarP adds an option that takes a string.
func (s *FlagSet) StringVarP(p *string, name, shorthand, value, usage string) {
	*p = value
	s.VarP((*stringValue)(p), name, shorthand, usage)
}

// StringVar is StringVarP without a letter.
func (s *FlagSet) StringVar(p *string, name, value, usage string) {
	s.StringVarP(p, name, "", value, usage)
}

type stringArray []string

func (v *stringArray) String() string { return strings.Join(*v, " ") }
func (v *stringArray) Type() string   { return "stringArray" }

func (v *stringArray) Set(s string) error {
	*v = append(*v, s)
	return nil
}

// StringArrayVarP adds an option that may be given several times.
func (s *FlagSet) StringArrayVarP(p *[]string, name, shorthand string, value []string, usage string) {
	*p = value
	s.VarP((*stringArray)(p), name, shorthand, usage)
}

// StringArrayVar is StringArrayVarP without a letter.
func (s *FlagSet) StringArrayVar(p *[]string, name string, value []string, usage string) {
	s.StringArrayVarP(p, name, "", value, usage)
}

type intValue int

func (v *intValue) String() string { return strconv.Itoa(int(*v)) }
func (v *intValue) Type() string   { return "int" }

func (v *intValue) Set(s string) error {
	n, err := strconv.ParseInt(s, 0, strconv.IntSize)
	*v = intValue(n)
	return err
}

// IntVar adds an option that takes a number.
func (s *FlagSet) IntVar(p *int, name string, value int, usage string) {
	*p = value
	s.Var((*intValue)(p), name, usage)
}

type countValue int

func (v *countValue) String() string { return strconv.Itoa(int(*v)) }
func (v *countValue) Type() string   { return "count" }

func (v *countValue) Set(s string) error {
	if s == "+1" {
		*v++
		return nil
	}
	return (*intValue)(v).Set(s)
}

// CountVarP adds an option that counts how often it is given.
func (s *FlagSet) CountVarP(p *int, name, shorthand, usage string) {
	*p = 0
	s.add((*countValue)(p), name, shorthand, usage, "+1")
}

// Lookup returns the option of that name, or nil.
func (s *FlagSet) Lookup(name string) *Flag {
	for _, f := range s.flags {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// ShorthandLookup returns the option with that letter, or nil.
func (s *FlagSet) ShorthandLookup(letter string) *Flag {
	for _, f := range s.flags {
		if f.Shorthand == letter && letter != "" {
			return f
		}
	}
	return nil
}

// Changed tells whether the option was given.
func (s *FlagSet) Changed(name string) bool {
	f := s.Lookup(name)
	return f != nil && f.Changed
}

// VisitAll calls fn with each option.
func (s *FlagSet) VisitAll(fn func(*Flag)) {
	for _, f := range s.flags {
		fn(f)
	}
}

// SetInterspersed says whether options may follow operands, as they may unless
// this is called.
func (s *FlagSet) SetInterspersed(on bool) { s.commanding = !on }

// Args returns the operands.
func (s *FlagSet) Args() []string { return s.args }

// ArgsLenAtDash returns how many of the operands came before a --, -1 without
// one.
func (s *FlagSet) ArgsLenAtDash() int { return s.dash }

// Parse reads a command line, without the name of the program.
func (s *FlagSet) Parse(words []string) (err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			s.dash = len(s.args)
			s.args = append(s.args, words...)
			return nil
		case strings.HasPrefix(word, "--"):
			words, err = s.long(word, words)
		case len(word) > 1 && word[0] == '-':
			words, err = s.short(word[1:], words)
		default:
			s.args = append(s.args, word)
			if s.commanding {
				s.args = append(s.args, words...)
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// long reads --NAME and --NAME=VALUE, and returns the words behind it.
func (s *FlagSet) long(word string, words []string) ([]string, error) {
	name, value, attached := strings.Cut(word[2:], "=")
	if name == "" || name[0] == '-' {
		return nil, fmt.Errorf("bad flag syntax: %s", show.Word(word))
	}
	f := s.Lookup(name)
	switch {
	case f == nil:
		return nil, fmt.Errorf("unknown flag: --%s", show.Word(name))
	case attached:
		return words, f.set(value)
	case f.NoOptDefVal != "":
		return words, f.set(f.NoOptDefVal)
	case len(words) == 0:
		return nil, fmt.Errorf("flag needs an argument: --%s", name)
	}
	return words[1:], f.set(words[0])
}

// short reads letters, the last of which may have a value: -abcVALUE, -abc=VALUE
// or -abc VALUE.
func (s *FlagSet) short(letters string, words []string) ([]string, error) {
	for letters != "" {
		r, n := utf8.DecodeRuneInString(letters)
		f := s.ShorthandLookup(letters[:n])
		rest := letters[n:]
		switch {
		case f == nil:
			return nil, fmt.Errorf("unknown shorthand flag: %q in -%s", r, show.Word(letters))
		case len(rest) > 1 && rest[0] == '=':
			return words, f.set(rest[1:])
		case f.NoOptDefVal != "":
			if err := f.set(f.NoOptDefVal); err != nil {
				return nil, err
			}
			letters = rest
			continue
		case rest != "":
			return words, f.set(rest)
		case len(words) == 0:
			return nil, fmt.Errorf("flag needs an argument: %q in -%s", r, show.Word(letters))
		}
		return words[1:], f.set(words[0])
	}
	return words, nil
}

func (f *Flag) set(value string) error {
	if err := f.Value.Set(value); err != nil {
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if e := new(strconv.NumError); errors.As(err, &e) {
			err = fmt.Errorf("strconv.%s: parsing %s: %w", e.Func, show.Quoted(e.Num), e.Err)
		}
		return fmt.Errorf("invalid argument %s for %q flag: %w", show.Quoted(value), name, err)
	}
	f.Changed = true
	return nil
}

// FlagUsages returns the help: a line for each option, two columns.
func (s *FlagSet) FlagUsages() string {
	var left, right []string
	width := 0
	for _, f := range s.flags {
		if f.Hidden {
			continue
		}
		l, r := f.describe()
		left, right = append(left, l), append(right, r)
		width = max(width, len(l))
	}
	var b strings.Builder
	for i, l := range left {
		b.WriteString(l + strings.Repeat(" ", width-len(l)+3))
		b.WriteString(strings.ReplaceAll(right[i], "\n", "\n"+strings.Repeat(" ", width+3)) + "\n")
	}
	return b.String()
}

func (f *Flag) describe() (option, usage string) {
	option = "      --" + f.Name
	if f.Shorthand != "" {
		option = "  -" + f.Shorthand + ", --" + f.Name
	}
	typ := f.Value.Type()
	argument := typ
	if typ == "bool" {
		argument = ""
	}
	usage = f.Usage
	if before, rest, ok := strings.Cut(usage, "`"); ok {
		if name, after, ok := strings.Cut(rest, "`"); ok {
			argument, usage = name, before+name+after
		}
	}
	if argument != "" {
		option += " " + argument
	}
	if value := f.NoOptDefVal; value != "" && (typ != "bool" || value != "true") && (typ != "count" || value != "+1") {
		option += "[=" + value + "]"
	}
	switch f.DefValue {
	case "", "0", "false":
	default:
		value := f.DefValue
		if typ == "string" {
			value = strconv.Quote(value)
		}
		usage += " (default " + value + ")"
	}
	return option, usage
}

package applets

import (
	"slices"
	"strconv"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"

	"github.com/spf13/pflag"
)

// noJob is the error of a word that names no job, or none that the applet can end.
type noJob struct{ word, reason string }

func (e *noJob) Error() string { return show.Word(e.word) + ": " + e.reason }

// replaceJobs returns the arguments of the applet with the operands that are jobs replaced.
func (c *shellCall) replaceJobs(args []string) ([]string, error) {
	if c.applet.Raw != nil {
		// A drop-in with its own command line. No value of its options can begin with %.
		return c.replaceOperands(nil, args)
	}
	flags, _ := c.applet.New(c.applet)
	flags.BoolP("help", "h", false, "")
	flags.BoolP("version", "V", false, "")
	expanded, err := cli.ExpandSignalShorthand(flags, args, c.applet.Command)
	if err != nil {
		return args, nil // the applet reports it
	}
	var set []string
	getopt := &cli.Getopt{Flags: flags, Equals: true, Set: func(f *pflag.Flag, _ string) error {
		set = append(set, f.Name)
		return nil
	}}
	// The first pass finds the options, on which the meaning of a job depends.
	if _, err := getopt.Parse(expanded); err != nil {
		return args, nil
	}
	c.given = set
	var out []string
	for rest := expanded; len(rest) > 0; {
		word, after := rest[0], rest[1:]
		switch {
		case word == "--":
			return c.replaceOperands(append(out, word), after)
		case len(word) > 1 && word[0] == '-':
			set = nil
			if strings.HasPrefix(word, "--") {
				after, err = getopt.Long(word[2:], after)
			} else {
				after, err = getopt.Letters(word[1:], after)
			}
			if err != nil {
				return args, nil
			}
			values := slices.Clone(rest[1 : len(rest)-len(after)])
			if len(values) == 1 && slices.Contains(set, "omit") && strings.HasPrefix(values[0], "%") {
				omitted, err := c.replaceOperand(values[0])
				if err != nil {
					return nil, err
				}
				values[0] = strings.Join(omitted, ",")
			}
			out = append(append(out, word), values...)
		default:
			words, err := c.replaceOperand(word)
			if err != nil {
				return nil, err
			}
			out = append(out, words...)
		}
		rest = after
	}
	return out, nil
}

func (c *shellCall) replaceOperands(out, words []string) ([]string, error) {
	for _, word := range words {
		list, err := c.replaceOperand(word)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// replaceOperand returns the operands that a job stands for, and any other operand as it is.
func (c *shellCall) replaceOperand(word string) ([]string, error) {
	c.operands++
	if !strings.HasPrefix(word, "%") {
		digits, _, _ := strings.Cut(word, "@")
		digits, _, _ = strings.Cut(digits, ":")
		if pid, err := strconv.Atoi(digits); err == nil {
			for _, j := range c.table {
				if slices.Contains(j.pids, pid) {
					c.named = append(c.named, j.number)
				}
			}
		}
		return []string{word}, nil
	}
	text := c.jobs[word]
	jobs := parseJobs(text)
	switch {
	case len(jobs) == 0 && strings.Contains(text, "ambiguous"):
		return nil, &noJob{word, "ambiguous job spec"}
	case len(jobs) == 0 || len(jobs[0].pids) == 0:
		return nil, &noJob{word, "no such job"}
	}
	c.named = append(c.named, jobs[0].number)
	return c.targets(word, jobs[0])
}

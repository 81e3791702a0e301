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

// replaceJobs returns the arguments of the applet with the jobs replaced: operands, and values of the options that take
// a process.
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
	var last *pflag.Flag
	var value string
	getopt := &cli.Getopt{Flags: flags, Equals: true, Set: func(f *pflag.Flag, v string) error {
		c.given = append(c.given, f.Name)
		last, value = f, v
		return nil
	}}
	// The first pass finds the options, on which the meaning of a job depends.
	if _, err := getopt.Parse(expanded); err != nil {
		return args, nil
	}
	var out []string
	for rest := expanded; len(rest) > 0; {
		word, after := rest[0], rest[1:]
		switch {
		case word == "--":
			return c.replaceOperands(append(out, word), after)
		case len(word) > 1 && word[0] == '-':
			if strings.HasPrefix(word, "--") {
				after, err = getopt.Long(word[2:], after)
			} else {
				after, err = getopt.Letters(word[1:], after)
			}
			if err != nil {
				return args, nil
			}
			words := slices.Clone(rest[:len(rest)-len(after)])
			// The value is the end of the last word, which is the option itself or the word after it.
			replaced, err := c.replaceValue(last.Name, value)
			if err != nil {
				return nil, err
			}
			if end := &words[len(words)-1]; replaced != value {
				*end = strings.TrimSuffix(*end, value) + replaced
			}
			out = append(out, words...)
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

// replaceValue returns the value of an option with the jobs replaced.
func (c *shellCall) replaceValue(option, value string) (string, error) {
	switch {
	case option == "omit":
		words, err := c.replaceOperands(nil, strings.Split(value, ","))
		if err != nil {
			return "", err
		}
		return strings.Join(words, ","), nil
	case option == "parent" && strings.HasPrefix(value, "%"):
		j, err := c.job(value)
		if err != nil {
			return "", err
		}
		own, err := c.openJob(j)
		switch {
		case err != nil:
			return "", err
		case len(own) == 0:
			return "", &noJob{value, "the job has ended"}
		case len(own) > 1:
			return "", &noJob{value, "the job has several processes: give the PID of one"}
		}
		// The option takes no handle. If the job ends now, the shell may reap it, and the PID may be reused before the
		// applet has read /proc, as any PID that a user gives.
		return strconv.Itoa(own[0].PID), nil
	}
	return value, nil
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
	j, err := c.job(word)
	if err != nil {
		return nil, err
	}
	return c.targets(word, j)
}

// job returns the job that a word names.
func (c *shellCall) job(word string) (shellJob, error) {
	text := c.jobs[word]
	jobs := parseJobs(text)
	switch {
	case len(jobs) == 0 && strings.Contains(text, "ambiguous"):
		return shellJob{}, &noJob{word, "ambiguous job spec"}
	case len(jobs) == 0 || len(jobs[0].pids) == 0:
		return shellJob{}, &noJob{word, "no such job"}
	}
	c.named = append(c.named, jobs[0].number)
	return jobs[0], nil
}

package applets

import (
	"strconv"
	"strings"

	"killbox/internal/cli"
)

// shellJob is a job of the shell.
type shellJob struct {
	number int
	pids   []int // of the processes that the shell has started, in the order of the pipeline
}

// parseJobs parses what jobs -l prints. The first line of a job is like "[1]+  4242 Running   sleep 100"; a line for each
// further process of a pipeline begins with blanks and the PID. A command of several lines could look like that:
// openProcesses takes children of the shell only. A DEBUG trap may print lines above the first job. For zsh the text is a
// value of the parameter jobstates instead, such as "running:+:4242=running:4243=running".
func parseJobs(text string) (list []shellJob) {
	if !strings.Contains("\n"+text, "\n[") {
		j := shellJob{}
		for _, field := range strings.Split(text, ":") {
			if pid, _, ok := strings.Cut(field, "="); ok {
				j.add(pid)
			}
		}
		if len(j.pids) > 0 {
			list = append(list, j)
		}
		return list
	}
	for _, line := range strings.Split(text, "\n") {
		if head, rest, ok := strings.Cut(line, "]"); ok && head != "" && head[0] == '[' {
			number, err := strconv.Atoi(head[1:])
			if err != nil {
				continue
			}
			list = append(list, shellJob{number: number})
			line = " " + strings.TrimLeft(rest, " +-")
		}
		if fields := strings.Fields(line); len(fields) > 0 && line[0] == ' ' && len(list) > 0 {
			list[len(list)-1].add(fields[0])
		}
	}
	return list
}

// add adds a process, if the word is a PID.
func (j *shellJob) add(word string) {
	if pid, ok := cli.ParseDecimal(word); ok && pid > 1 {
		j.pids = append(j.pids, pid)
	}
}

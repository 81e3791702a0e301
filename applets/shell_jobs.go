package applets

import (
	"strconv"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/file"
)

// shellJob is a job of the shell.
type shellJob struct {
	number int
	pids   []int // of the processes that the shell has started, in the order of the pipeline
}

// processLines returns the lines of long, which jobs -l has printed about a job, without those of its command: these
// may look like the line of a process, but are also in short, which jobs has printed afterwards. Without the job in
// short, the job has ended meanwhile, and only the first line is certain.
func processLines(long, short string) string {
	lines := strings.Split(long, "\n")
	kept := lines[:1]
	if short = "\n" + short; strings.Contains(short, "\n[") {
		for _, line := range lines[1:] {
			// In short, the next command of the pipeline may be on the same line.
			if !strings.Contains(short, "\n"+line) {
				kept = append(kept, line)
			}
		}
	}
	return strings.Join(kept, "\n")
}

// parseJobs parses what jobs -l prints, without the lines of commands. The first line of a job is like
// "[1]+  4242 Running   sleep 100"; a line for each further process of a pipeline begins with blanks and the PID. For
// zsh the text is a value of the parameter jobstates instead, such as "running:+:4242=running:4243=running".
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

// runShellPipe enlarges the pipe of jobsFD, which the shell fills before the applet reads. A pipe holds 64 KiB, and the
// text of a job may be longer. A shell that uses a file for here-documents needs no pipe.
func runShellPipe(*cli.Env, []string) int {
	file.GrowPipe(jobsFD)
	return 0
}

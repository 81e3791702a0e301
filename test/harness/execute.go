package harness

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"killbox/test/victims"

	"github.com/rogpeppe/go-internal/testscript"
)

// holdLimit is the number of seconds that another process may keep the output of a command open after the end of the
// command.
const holdLimit = 10

// execute runs a command as ts.Exec does. ts.Exec waits until every process has closed the output of the command. A
// surviving victim that keeps the output open would end by itself during that wait, and the script would miss it. So
// execute fails the script after holdLimit seconds. It also fails the script if an event in the output does not conform
// to docs/events.schema.json.
func execute(ts *testscript.TestScript, cmd []string) error {
	over, held := make(chan struct{}), make(chan bool, 1)
	go func() { held <- outputHeld(over) }()
	err := ts.Exec(cmd[0], cmd[1:]...)
	close(over)
	if <-held {
		ts.Fatalf("a process has held the output of %s for %d seconds after its end", cmd[0], holdLimit)
	}
	for _, output := range []string{"stdout", "stderr"} {
		ts.Check(victims.CheckEvents(ts.ReadFile(output)))
	}
	return err
}

// outputHeld reports whether, before over is closed, there are holdLimit consecutive seconds in which the command
// has ended: this process has no child but those that reap waits for. The first holdLimit seconds are not checked:
// most commands end by then, and the check may start a thread of this process, which takes a PID.
func outputHeld(over <-chan struct{}) bool {
	for seconds := -holdLimit; seconds < holdLimit; {
		select {
		case <-over:
			return false
		case <-time.After(time.Second):
		}
		if seconds++; seconds > 0 && runsCommand() {
			seconds = 0
		}
	}
	return true
}

// runsCommand reports whether this process has a child other than those that reap waits for.
func runsCommand() bool {
	const parent = 1 // index in statFields
	self := strconv.Itoa(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		if f := victims.StatFields(stat); len(f) <= parent || f[parent] != self {
			continue
		}
		end := ends[filepath.Base(filepath.Dir(stat))]
		if end == nil || len(end) > 0 { // a child without an entry, or one that reuses the PID of a reaped child
			return true
		}
	}
	return false
}

package harness

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// holdLimit is how many seconds the output of a command may stay open after its end.
const holdLimit = 10

// execute runs a command as ts.Exec does, which returns when no process holds the output of the command. A process that should be
// gone, and holds it, would end by itself meanwhile, and the script would find no process left: execute fails the script then.
func execute(ts *testscript.TestScript, cmd []string) error {
	over, held := make(chan struct{}), make(chan bool, 1)
	go func() { held <- outputHeld(over) }()
	err := ts.Exec(cmd[0], cmd[1:]...)
	close(over)
	if <-held {
		ts.Fatalf("a process has held the output of %s for %d seconds after its end", cmd[0], holdLimit)
	}
	return err
}

// outputHeld reports whether this process has no child but those that reap waits for, for holdLimit seconds on end, before over
// is closed. It does not look in the first seconds: a new thread of this process takes a PID, and most commands have ended by then.
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

// runsCommand reports whether this process has a child that reap does not wait for.
func runsCommand() bool {
	const parent = 1 // among statFields
	self := strconv.Itoa(os.Getpid())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		if f := statFields(stat); len(f) <= parent || f[parent] != self {
			continue
		}
		end := ends[filepath.Base(filepath.Dir(stat))]
		if end == nil || len(end) > 0 { // the PID of a process that has ended may be reused
			return true
		}
	}
	return false
}

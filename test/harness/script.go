package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// The exit statuses of Script.
const (
	scriptFailed  = 1
	scriptSkipped = 77
)

// verboseVar is the environment variable that requests the output of scripts that pass.
const verboseVar = "KILLBOX_TEST_VERBOSE"

// variantVar is the environment variable that contains VAR=WORD of `variants`.
const variantVar = "KILLBOX_TEST_VARIANT"

// Script is the command `testscript FILE DIR`: it runs one script of testdata/scripts in DIR. ns starts it in a new
// PID namespace, so all processes that the script can select and signal are its own. PID 1 of that namespace reaps
// the orphans.
func Script() {
	if comm, err := os.ReadFile("/proc/1/comm"); err != nil || strings.TrimSpace(string(comm)) != "ns" {
		fmt.Fprintln(os.Stderr, "testscript: not under ns")
		os.Exit(scriptFailed)
	}
	t := &scriptT{}
	t.Run(os.Args[1], func(t testscript.T) {
		testscript.RunT(t, testscript.Params{
			Files:               []string{os.Args[1]},
			WorkdirRoot:         os.Args[2],
			Cmds:                commands(),
			Setup:               setup,
			Condition:           Condition,
			RequireExplicitExec: true,
		})
	})
	switch {
	case t.failed:
		os.Exit(scriptFailed)
	case t.skipped:
		os.Exit(scriptSkipped)
	}
}

func setup(env *testscript.Env) error {
	for _, name := range []string{"PATH", "BIN", "LIB", "KILLBOX_TEST_FACTOR", "KILLBOX_TEST_TIMEOUT", "KILLBOX_NO_PIDFD"} {
		if v := os.Getenv(name); v != "" {
			env.Setenv(name, v)
		}
	}
	if name, value, ok := strings.Cut(os.Getenv(variantVar), "="); ok {
		env.Setenv(name, value)
	}
	env.Setenv("self", strconv.Itoa(os.Getpid()))
	env.Setenv("LC_ALL", "C")
	env.Setenv("GOTRACEBACK", "single") // the runtime's default, which users see; testscript sets another value
	env.Values["T"] = env.T()
	if err := os.Chmod(filepath.Dir(env.WorkDir), 0o755); err != nil {
		return err
	}
	// Actors that have become another user also make files in this folder.
	return os.Chmod(env.Getenv("TMPDIR"), 0o777|os.ModeSticky)
}

// scriptT writes the messages of testscript to standard output and turns the result into an exit status.
type scriptT struct{ failed, skipped bool }

// stop is the panic value with which scriptT leaves the function that Run calls.
type stop struct{}

func (t *scriptT) Run(_ string, f func(testscript.T)) {
	defer func() {
		if r := recover(); r != nil && r != any(stop{}) {
			panic(r)
		}
	}()
	f(t)
}

func (t *scriptT) Skip(args ...any) {
	t.skipped = true
	fmt.Println(args...)
	panic(stop{})
}

func (t *scriptT) Fatal(args ...any) {
	t.Log(args...)
	t.FailNow()
}

func (t *scriptT) FailNow() {
	t.failed = true
	panic(stop{})
}

func (t *scriptT) Log(args ...any) { fmt.Println(args...) }
func (t *scriptT) Parallel()       {}
func (t *scriptT) Verbose() bool   { return os.Getenv(verboseVar) != "" }

package harness

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// OpenHelpers makes `ns`, `actor` and the other helpers accessible to all users, because some scripts become another
// user.
func OpenHelpers(t *testing.T) {
	t.Helper()
	helpers, err := exec.LookPath("ns")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Dir(helpers), filepath.Dir(filepath.Dir(helpers))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

var limitLine = regexp.MustCompile(`(?m)^limit (\d+)$`)

// IsAlone reports whether the script contains the line `alone`: it loads the whole machine, or measures.
func IsAlone(text []byte) bool { return regexp.MustCompile(`(?m)^alone$`).Match(text) }

var (
	bothPathsLine = regexp.MustCompile(`(?m)^both-paths$`)
	variantsLine  = regexp.MustCompile(`(?m)^variants (\w+) (.+)$`)
	variantWord   = regexp.MustCompile(`'[^']*'|\S+`)
)

// RunScript runs a script in a namespace of its own. With a line `variants VAR WORD...` it runs the script once for
// each word, with the word in $VAR; with a line `both-paths`, a second time without pidfds.
func RunScript(t *testing.T, bin, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	environs := [][]string{nil}
	if m := variantsLine.FindSubmatch(text); m != nil {
		environs = nil
		for _, word := range variantWord.FindAllString(string(m[2]), -1) {
			environs = append(environs, []string{variantVar + "=" + string(m[1]) + "=" + strings.Trim(word, "'")})
		}
	}
	if bothPathsLine.Match(text) {
		for _, environ := range environs[:len(environs):len(environs)] {
			environs = append(environs, append(environ[:len(environ):len(environ)], "KILLBOX_NO_PIDFD=1"))
		}
	}
	for _, environ := range environs {
		if runScript(t, bin, file, text, environ...); t.Failed() {
			return
		}
	}
}

func runScript(t *testing.T, bin, file string, text []byte, environ ...string) {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "killbox-script")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"testscript", path, dir}
	if m := limitLine.FindSubmatch(text); m != nil && os.Getenv("KILLBOX_TEST_TIMEOUT") == "" {
		args = append([]string{"-t", string(m[1])}, args...)
	}
	cmd := exec.Command("ns", args...)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "BIN="+bin, "LIB="+Testdata())
	cmd.Env = append(cmd.Env, environ...)
	if testing.Verbose() {
		cmd.Env = append(cmd.Env, verboseVar+"=1")
	}
	out, err := cmd.CombinedOutput()
	exit := new(exec.ExitError)
	switch {
	case err == nil && testing.Verbose():
		t.Logf("%s", out)
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() == scriptSkipped:
		reason, _, _ := strings.Cut(string(out), "\n")
		T{T: t}.Skip(reason)
	default:
		t.Errorf("%s: %v\n%s", strings.Join(environ, " "), err, out)
	}
}

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"killbox/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestScripts runs testdata/scripts against the binary as it is shipped, each script in a PID namespace of its own. See
// test/README.md for what a script can use.
//
//	KILLBOX_TEST_STRICT=1   a skip is a failure
//	KILLBOX_TEST_FACTOR=N   N times as many rounds in the scripts that have rounds
//	KILLBOX_TEST_TIMEOUT=S  seconds that a script's namespace may live
func TestScripts(t *testing.T) {
	harness.NeedNamespace(t)
	files, err := filepath.Glob("testdata/scripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	harness.OpenHelpers(t)
	bin := harness.Install(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !harness.IsAlone(text) {
				t.Parallel()
			}
			harness.RunScript(t, bin, file)
		})
	}
}

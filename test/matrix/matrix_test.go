// Package matrix calls each applet in each environment and with each fault of descriptors, and compares what the calls
// do with the table in docs/reliability.md.
package matrix

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"killbox/test/harness"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func(){"cells": cells, "enter": enter})
}

func TestMatrix(t *testing.T) {
	harness.NeedNamespace(t)
	if os.Geteuid() != 0 {
		harness.Skip(t, "needs root, to have more than one user")
	}
	bin := install(t)
	m := matrix{}
	t.Run("cells", func(t *testing.T) {
		for row, call := range calls {
			for _, environment := range environments {
				for _, faults := range []string{"pidfds", "EMFILE"} {
					t.Run(call.name+"/"+environment.name+"/"+faults, func(t *testing.T) {
						t.Parallel()
						for mode, outcomes := range runCells(t, bin, environment.name, faults, row) {
							m.add(t, place{call.name, environment.name, mode}, call, outcomes)
						}
					})
				}
			}
		}
	})
	if all := len(calls) * len(environments) * len(modes); len(m.results) < all {
		t.Logf("%d of %d cells: not compared with the tables", len(m.results), all)
	} else if !t.Failed() {
		compare(t, m.markdown())
	}
}

// runCells makes a call in an environment, in the mode EMFILE or in each other mode, and returns the outcomes by mode.
func runCells(t *testing.T, bin, environment, faults string, row int) map[string][]outcome {
	cmd := exec.Command("ns", "-t", "900", "cells", bin, environment, faults, strconv.Itoa(row))
	cmd.Stderr = os.Stderr
	data, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var outcomes map[string][]outcome
	if err := json.Unmarshal(data, &outcomes); err != nil {
		t.Fatal(err)
	}
	return outcomes
}

// compare compares the text with that between the marks in docs/reliability.md. With KILLBOX_MATRIX_WRITE=1 it
// replaces the text there.
func compare(t *testing.T, text string) {
	const begin, end = "<!-- matrix -->\n", "<!-- end of matrix -->\n"
	file := filepath.Join(harness.Root(), "docs", "reliability.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	committed, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s lacks the lines %q and %q", file, begin, end)
	}
	if os.Getenv("KILLBOX_MATRIX_WRITE") == "1" {
		if err := os.WriteFile(file, []byte(before+begin+text+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(committed, text); diff != "" {
		t.Errorf("docs/reliability.md differs from this run (make matrix writes it again):\n%s", diff)
	}
}

// install builds killbox and the member, and returns their folder.
func install(t *testing.T) string {
	bin := harness.Install(t)
	for _, name := range []string{"member", "bystander"} {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(bin, name), "./member")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return bin
}

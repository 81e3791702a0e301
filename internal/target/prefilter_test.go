package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"
)

// TestPrefilter checks that the prefilter rejects no process that the selector matches in a snapshot.
func TestPrefilter(t *testing.T) {
	procs := processTable(
		procfstest.Proc{PID: 100, Comm: "victim"},
		procfstest.Proc{PID: 101, Comm: "other", Cmdline: []string{"/usr/bin/victim", "x"}},
		procfstest.Proc{PID: 102, Comm: "other", Cmdline: []string{"-victim"}},
		procfstest.Proc{PID: 103, Comm: "other", Cmdline: []string{"other", "victim"}},
		procfstest.Proc{PID: 104, Comm: "other", Exe: "/bin/victim (deleted)"},
		procfstest.Proc{PID: 105, Comm: "other", Exe: "/victim/other"},
		procfstest.Proc{PID: 106, Comm: "victim", State: 'Z'},
		procfstest.Proc{PID: 107, Comm: "0123456789abcde", Cmdline: []string{"/bin/0123456789abcdef"}, UID: 7},
		procfstest.Proc{PID: 108, Comm: "xvictim", Cmdline: []string{"xvictim"}, Exe: "/bin/xvictim"},
		procfstest.Proc{PID: 109, Comm: "other", Cmdline: []string{"/bin/victim/"}},
		procfstest.Proc{PID: 110, Comm: "other", Cmdline: []string{""}},
		procfstest.Proc{PID: 111, Comm: "bash", Cmdline: []string{"bash", "-e", "dir/victim"}, Exe: "/bin/bash"},
		procfstest.Proc{PID: 112, Comm: "bash", Cmdline: []string{"bash", "-e", "other/victim"}, Exe: "/bin/bash"},
		procfstest.Proc{PID: 113, Comm: "bash", Cmdline: []string{"bash", "-e", strings.Repeat("x", 1<<15), "dir/victim"}, Exe: "/bin/bash"},
	)
	for i, s := range []Selector{
		{Name: "victim"}, {Name: "victim", Zombies: true}, {Name: "0123456789abcdef"}, {Name: "0123456789abcde"},
		{Name: "/"}, {Name: "."}, {Name: "x/victim"}, {Name: "victim", HasUID: true, UID: 7}, {Name: "nobody"},
		{Name: "victim", Scripts: true}, {Name: "xvictim", Scripts: true}, {Name: "victim", Full: nil, Cgroup: "/"}, {Name: "other", State: "S"}, {Name: "other", Parent: 1},
	} {
		o := newOpener(t, procs...)
		for _, pid := range []string{"111", "112", "113"} {
			if err := os.MkdirAll(filepath.Join(o.root, pid, "cwd", "dir"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(o.root, pid, "cwd", "dir", "victim"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		exclusions := NewExclusions(o.proc, self, false)
		table := new(procfs.Snapshot)
		if err := o.Snapshot(table); err != nil {
			t.Fatal(err)
		}
		summary := func(table *procfs.Snapshot) string {
			r := &resolver{proc: o.proc, kernel: o, exclusions: exclusions, req: &Request{Selector: s}, targets: make(map[procfs.ID]bool), table: table}
			if err := r.addSelected(); err != nil {
				t.Fatal(err)
			}
			return r.found.summary()
		}
		want, got := summary(table), summary(nil)
		if got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
		if hasScript := strings.Contains(want, "111"); hasScript != (s.Scripts && s.Name == "victim") {
			t.Errorf("%d: %s", i, want)
		}
	}
}

// TestPrefilterVanished checks that Vanished is set if a process passes the prefilter and ends before its stat is read.
func TestPrefilterVanished(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"})...)
	if err := os.Remove(filepath.Join(o.root, "100", "stat")); err != nil {
		t.Fatal(err)
	}
	found, err := Resolve(o.proc, o, NewExclusions(o.proc, self, false), Request{Selector: Selector{Name: "victim"}})
	if err != nil || len(found.Processes) > 0 || !found.Vanished {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestPrefilterPIDReused checks that Vanished is set if the PID of a matching process is reused before the open.
func TestPrefilterPIDReused(t *testing.T) {
	o := newOpener(t, processTable(procfstest.Proc{PID: 100, Comm: "victim"})...)
	o.before[100] = func() { procfstest.Add(t, o.root, procfstest.Proc{PID: 100, Start: 1000, Comm: "victim"}) }
	found, err := Resolve(o.proc, o, NewExclusions(o.proc, self, false), Request{Selector: Selector{Name: "victim"}})
	if err != nil || len(found.Processes) > 0 || !found.Vanished {
		t.Errorf("%+v, %v", found, err)
	}
}

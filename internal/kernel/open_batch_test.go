package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"

	"golang.org/x/sys/unix"
)

func TestRunParallel(t *testing.T) {
	k := newKernel(t, false)
	for _, n := range []int{0, 1, 63, 64, 511, 5000} {
		seen := make([]atomic.Int32, n)
		k.RunParallel(n, func(proc *procfs.FS, i int) {
			if st, err := proc.Stat(os.Getpid()); err != nil || st.PID != os.Getpid() {
				t.Errorf("%+v, %v", st, err)
			}
			seen[i].Add(1)
		})
		for i := range seen {
			if times := seen[i].Load(); times != 1 {
				t.Errorf("%d of %d: %d times", i, n, times)
			}
		}
	}
}

// TestRunParallelRestoresAffinity: no thread stays bound to one processor.
func TestRunParallelRestoresAffinity(t *testing.T) {
	k := newKernel(t, false)
	for range 20 {
		k.RunParallel(5000, func(*procfs.FS, int) {})
	}
	allowed := func() (lists []string) {
		files, err := filepath.Glob("/proc/self/task/*/status")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			status, _ := os.ReadFile(file)
			_, list, _ := strings.Cut(string(status), "Cpus_allowed_list:")
			list, _, _ = strings.Cut(list, "\n")
			if list != "" {
				lists = append(lists, list)
			}
		}
		slices.Sort(lists)
		return slices.Compact(lists)
	}
	for began := time.Now(); len(allowed()) > 1; time.Sleep(time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("threads with %q", allowed())
		}
	}
}

// TestOpenBatch: Open returns the same with and without OpenBatch, and Close leaves no descriptor open.
func TestOpenBatch(t *testing.T) {
	alive, zombie, ended := start(t), start(t, "true"), start(t, "true")
	zombie.zombie()
	ended.reap()
	for _, path := range []string{"pidfd", "no pidfd", "few descriptors"} {
		t.Run(path, func(t *testing.T) {
			pids := []int{alive.pid, zombie.pid, ended.pid, unix.Gettid(), 1 << 30}
			for len(pids) < 3000 {
				pids = append(pids, os.Getpid())
			}
			pids = append(pids, alive.pid)
			k, plain := newKernel(t, path == "no pidfd"), newKernel(t, path == "no pidfd")
			if path == "few descriptors" {
				few := openDescriptors(t) + 100 // earlier tests have descriptors open
				k.probe.nofile, plain.probe.nofile = few, few
			}
			descriptors := openDescriptors(t)
			k.OpenBatch(pids)
			opened := openDescriptors(t)
			if batchOpened := opened > descriptors; batchOpened != (path != "no pidfd") {
				t.Errorf("OpenBatch opened processes: %t", batchOpened)
			}
			// If the test process has descriptors above the limit, more than 100 of those below the limit are free.
			if path == "few descriptors" && opened > descriptors+150 {
				t.Errorf("%d descriptors", opened)
			}
			for _, pid := range pids {
				got, gotErr := k.Open(pid)
				want, wantErr := plain.Open(pid)
				if got.ID != want.ID || !errors.Is(gotErr, wantErr) && gotErr.Error() != wantErr.Error() {
					t.Fatalf("%d: %v, %v; want %v, %v", pid, got.ID, gotErr, want.ID, wantErr)
				}
			}
			var ids []procfs.ID
			for id, p := range plain.procs {
				ids = append(ids, id)
				// With few descriptors, the batch has taken most of them, so Open may leave a process unpinned.
				if k.procs[id] == nil || k.procs[id].kind != p.kind && path != "few descriptors" {
					t.Errorf("%v: %+v, want as without OpenBatch: %+v", id, k.procs[id], p)
				}
			}
			for _, id := range ids {
				k.Close(id)
				plain.Close(id)
			}
			if now := openDescriptors(t); now != descriptors {
				t.Errorf("%d descriptors, then %d", descriptors, now)
			}
			if len(ids) != 3 {
				t.Errorf("%d opened: %v", len(ids), ids)
			}
		})
	}
}

// TestOpenBatchOutOfOrder: Open opens a process that is not the next of the batch.
func TestOpenBatchOutOfOrder(t *testing.T) {
	alive := start(t)
	pids := make([]int, 2000)
	for i := range pids {
		pids[i] = os.Getpid()
	}
	k := newKernel(t, false)
	k.OpenBatch(pids)
	st, err := k.Open(alive.pid)
	if err != nil || st.PID != alive.pid {
		t.Fatalf("%+v, %v", st, err)
	}
	if err := k.Signal(st.ID, signals.Null); err != nil {
		t.Error(err)
	}
	k.Close(st.ID)
	for _, a := range k.batch {
		a.unpin()
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

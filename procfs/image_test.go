package procfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"killbox/procfs"
	"killbox/procfs/procfstest"
	"killbox/test/harness"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// buildImages returns a /proc with this process, 3, whose thread 4 has the flags, and with the process p. The files of
// p show that it has an image.
func buildImages(t *testing.T, flags uint64, p procfstest.Proc) (root string) {
	t.Helper()
	root = procfstest.Build(t, procfstest.Proc{PID: 3, Threads: 2, Flags: pfRandomize}, p)
	// The kernel shows a thread in /proc as well, although it does not list it there.
	procfstest.Add(t, root, procfstest.Proc{PID: 4, Threads: 2, Flags: flags})
	procfstest.AddThread(t, root, 3, procfstest.Proc{PID: 4, Threads: 2, Flags: flags})
	if err := os.RemoveAll(root + "/self"); err != nil {
		t.Fatal(err)
	}
	symlink(t, "3", root+"/self")
	addImage(t, fmt.Sprint(root, "/", p.PID), 0x7ffe1f4f0a39)
	return root
}

// addImage adds the files of an image to the directory of a process or thread.
func addImage(t *testing.T, dir string, random uint64) {
	t.Helper()
	overwrite(t, dir+"/auxv", string(with(atRandom, random)))
	if err := os.Mkdir(dir+"/ns", 0o755); err != nil {
		t.Fatal(err)
	}
	symlink(t, "pid:[4026531836]", dir+"/ns/pid")
}

func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// program is a process whose files show that it has called execve(2).
func program() procfstest.Proc {
	return procfstest.Proc{PID: 9, Start: 77, Flags: pfRandomize, UID: 1000, StartCode: 0x5555_5000, StartStack: 0x7ffe_1f4f_0000}
}

func TestImage(t *testing.T) {
	p := program()
	root := buildImages(t, pfForkNoExec|pfRandomize, p)
	fs := open(t, root)
	want := procfs.Image{ID: procfs.ID{PID: 9, Start: 77}, Auxv: procfs.Auxv(with(atRandom, 0x7ffe1f4f0a39)), UID: [3]int{1000, 1000, 1000},
		PIDNamespace: "pid:[4026531836]", StartCode: p.StartCode, StartStack: p.StartStack}
	if got, err := fs.Image(9); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
	overwrite(t, root+"/9/status", strings.Replace(p.StatusText(), "Uid:\t1000\t1000\t1000\t1000", "Uid:\t1\t2\t3\t4", 1))
	p.Flags |= pfForkNoExec
	overwrite(t, root+"/9/stat", p.StatLine())
	want.Forked, want.UID = true, [3]int{1, 2, 3}
	if got, err := fs.Image(9); err != nil || !cmp.Equal(got, want) {
		t.Errorf("forked: %v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
}

// TestImageOfLivingThread checks that the vector and the namespace are those of a living thread if the leader has
// exited, and the flags and user IDs those of the leader.
func TestImageOfLivingThread(t *testing.T) {
	p := program()
	leader, thread := p, p
	leader.State, leader.Threads, leader.StartCode, leader.StartStack = 'Z', 2, 0, 0
	thread.PID, thread.Threads, thread.Flags, thread.UID = 10, 2, pfRandomize|pfForkNoExec, 7
	root := buildImages(t, pfForkNoExec, leader)
	overwrite(t, root+"/9/auxv", "")
	if err := os.Remove(root + "/9/ns/pid"); err != nil {
		t.Fatal(err)
	}
	procfstest.AddThread(t, root, 9, thread)
	addImage(t, root+"/9/task/10", 0x7fff_0000_0000)
	want := procfs.Image{ID: procfs.ID{PID: 9, Start: 77}, Auxv: procfs.Auxv(with(atRandom, 0x7fff_0000_0000)), UID: [3]int{1000, 1000, 1000},
		PIDNamespace: "pid:[4026531836]", StartCode: p.StartCode, StartStack: p.StartStack}
	if got, err := open(t, root).Image(9); err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
}

// TestNoImage has a row for each condition under which a process has no image.
func TestNoImage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*procfstest.Proc)
		vector []byte // that of program if nil
		want   error
	}{
		{"a zombie", func(p *procfstest.Proc) { p.State, p.StartCode, p.StartStack = 'Z', 0, 0 }, []byte{}, procfs.ErrNoImage},
		{"a zombie that shows all", func(p *procfstest.Proc) { p.State = 'Z' }, nil, procfs.ErrNoImage},
		{"a kernel thread", func(p *procfstest.Proc) { *p = procfstest.Proc{PID: 9, Flags: 0x00200000} }, []byte{}, procfs.ErrNoImage},
		{"not randomised", func(p *procfstest.Proc) { p.Flags = 0 }, nil, procfs.ErrNoImage},
		{"a hidden layout", func(p *procfstest.Proc) { p.StartCode, p.StartStack = 1, 1 }, nil, procfs.ErrNoImage},
		{"no stack", func(p *procfstest.Proc) { p.StartStack = 0 }, nil, procfs.ErrNoImage},
		{"a vector of 32 bits", func(*procfstest.Proc) {}, vectorOf32Bits(22), procfs.ErrNoImage},
		{"half a vector", func(*procfstest.Proc) {}, auxvBytes(x86Vector())[:160], procfs.ErrNoImage},
		{"a vector that is too long", func(*procfstest.Proc) {}, vectorOf(65), procfs.ErrNoImage},
		{"a vector that fills the buffer", func(*procfstest.Proc) {}, append(vectorOf(64), make([]byte, 1<<15)...), procfs.ErrNoImage},
	} {
		p := program()
		tt.change(&p)
		root := buildImages(t, pfForkNoExec, p)
		if tt.vector != nil {
			overwrite(t, root+"/9/auxv", string(tt.vector))
		}
		if got, err := open(t, root).Image(9); !errors.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

// TestImageDuringExecve changes the stat file while the vector is read, as execve(2) does, and PID reuse would if the
// files were not read through one descriptor.
func TestImageDuringExecve(t *testing.T) {
	for name, change := range map[string]func(*procfstest.Proc){
		"another code address":  func(p *procfstest.Proc) { p.StartCode++ },
		"another stack address": func(p *procfstest.Proc) { p.StartStack++ },
		"other flags":           func(p *procfstest.Proc) { p.Flags |= pfForkNoExec },
		"another start time":    func(p *procfstest.Proc) { p.Start++ },
		"not randomised":        func(p *procfstest.Proc) { p.Flags = 0 },
		"ended":                 func(p *procfstest.Proc) { p.State = 'Z' },
	} {
		p := program()
		root := buildImages(t, pfForkNoExec, p)
		change(&p)
		whileRead(t, root+"/9/auxv", auxvBytes(x86Vector()), func() error { return os.WriteFile(root+"/9/stat", []byte(p.StatLine()), 0) })
		if got, err := open(t, root).Image(9); !errors.Is(err, procfs.ErrNoImage) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// whileRead replaces a file by a named pipe. The next reader gets the content after change has been called.
func whileRead(t *testing.T, path string, content []byte, change func() error) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
		if err == nil {
			if err = change(); err == nil {
				_, err = f.Write(content)
			}
			err = errors.Join(err, f.Close())
		}
		done <- err
	}()
	t.Cleanup(func() {
		// If nothing has read the file, the goroutine still waits.
		reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err := errors.Join(err, <-done, reader.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestImageErrors(t *testing.T) {
	for file, want := range map[string]error{"": procfs.ErrNoProcess, "stat": procfs.ErrNoProcess, "auxv": procfs.ErrNoProcess,
		"status": procfs.ErrNoProcess, "ns/pid": procfs.ErrNoProcess} {
		root := buildImages(t, pfForkNoExec, program())
		if err := os.RemoveAll(filepath.Join(root, "9", file)); err != nil {
			t.Fatal(err)
		}
		if got, err := open(t, root).Image(9); !errors.Is(err, want) || !cmp.Equal(got, procfs.Image{}) {
			t.Errorf("without %q: %+v, %v, want %v", file, got, err, want)
		}
	}
	// Files that cannot be read or parsed. The error must not be one of those that refute no witness.
	for _, file := range []string{"stat", "auxv", "status", "ns/pid"} {
		root := buildImages(t, pfForkNoExec, program())
		path := filepath.Join(root, "9", file)
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
			t.Fatal(err)
		}
		_, err := open(t, root).Image(9)
		if err == nil || errors.Is(err, procfs.ErrNoImage) || errors.Is(err, procfs.ErrNoProcess) {
			t.Errorf("unreadable %s: %v", file, err)
		}
	}
	root := buildImages(t, pfForkNoExec, program())
	overwrite(t, root+"/9/status", "Uid:\tx\n")
	if _, err := open(t, root).Image(9); err == nil || errors.Is(err, procfs.ErrNoImage) || errors.Is(err, procfs.ErrNoProcess) {
		t.Errorf("malformed status: %v", err)
	}
}

// TestUnknownForkFlag checks that no process has an image if this process does not show that PF_FORKNOEXEC has the
// expected value.
func TestUnknownForkFlag(t *testing.T) {
	for name, change := range map[string]func(root string) error{
		"a thread lacks the flag": func(root string) error {
			return os.WriteFile(root+"/4/stat", []byte(procfstest.Proc{PID: 4, Threads: 2}.StatLine()), 0)
		},
		"the leader has the flag": func(root string) error {
			return os.WriteFile(root+"/3/stat", []byte(procfstest.Proc{PID: 3, Threads: 2, Flags: pfForkNoExec}.StatLine()), 0)
		},
		"this process has no other thread": func(root string) error { return os.RemoveAll(root + "/3/task/4") },
		"no threads are shown":             func(root string) error { return os.RemoveAll(root + "/3/task") },
		"this process is not shown":        func(root string) error { return os.RemoveAll(root + "/3") },
		"/proc is of another namespace":    func(root string) error { return os.Remove(root + "/self") },
	} {
		root := buildImages(t, pfForkNoExec, program())
		if err := change(root); err != nil {
			t.Fatal(err)
		}
		if got, err := open(t, root).Image(9); !errors.Is(err, procfs.ErrNoImage) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// imageOf returns the image of a running process.
func imageOf(t *testing.T, fs *procfs.FS, pid int) procfs.Image {
	t.Helper()
	img, err := fs.Image(pid)
	if err != nil {
		t.Fatalf("image of %d: %v", pid, err)
	}
	s, err := fs.Stat(pid)
	if err != nil {
		t.Fatal(err)
	}
	status, err := fs.Status(pid)
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := fs.Namespace(pid, "pid")
	if err != nil {
		t.Fatal(err)
	}
	want := procfs.Image{ID: s.ID, Forked: s.Forked(), Auxv: img.Auxv, UID: [3]int(status.UID[:3]), PIDNamespace: namespace,
		StartCode: s.StartCode, StartStack: s.StartStack}
	if diff := cmp.Diff(want, img); diff != "" {
		t.Errorf("%d (-want +got):\n%s", pid, diff)
	}
	return img
}

// needsImages skips the test if the processes of this system have no images.
func needsImages(t *testing.T) *procfs.FS {
	t.Helper()
	fs := realProc(t)
	auxv, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		t.Fatal(err)
	}
	self, err := fs.Stat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := procfs.ParseAuxv(auxv); err != nil || self.Flags&pfRandomize == 0 {
		harness.Skip(t, fmt.Sprintf("the address space of this process is not random, or has 32 bits: flags %#x, %v", self.Flags, err))
	}
	return fs
}

// TestKernelImage checks that the image of this process can be read, which needs PF_FORKNOEXEC to have the expected
// value, and that each execve(2) of a program makes another image.
func TestKernelImage(t *testing.T) {
	fs := needsImages(t)
	one, _ := start(t, "wait", nil, nil)
	two, _ := start(t, "wait", nil, nil)
	images := []procfs.Image{imageOf(t, fs, os.Getpid()), imageOf(t, fs, one), imageOf(t, fs, two)}
	for i, img := range images {
		if img.Forked {
			t.Errorf("%d has called execve, but is marked as forked", img.PID)
		}
		for _, other := range images[i+1:] {
			if img.Auxv == other.Auxv || img.StartStack == other.StartStack {
				t.Errorf("%+v and %+v have an address in common", img, other)
			}
		}
	}
	if img, err := fs.Image(1 << 30); !errors.Is(err, procfs.ErrNoProcess) {
		t.Errorf("a process that does not exist: %+v, %v", img, err)
	}
}

// TestKernelForked checks that a process that has not called execve(2) has the image of its parent, and that its own
// child has it as well.
func TestKernelForked(t *testing.T) {
	fs := needsImages(t)
	// The words after the subshells keep the shell from running them in the same process.
	shell := startCommand(t, exec.Command("sh", "-c", "( (echo ready; read -r line; :); : ); :"))
	var s procfs.Snapshot
	if err := fs.Snapshot(&s); err != nil {
		t.Fatal(err)
	}
	self := s.Lookup(shell)
	if self == nil {
		t.Fatalf("no process %d", shell)
	}
	tree := s.Descendants(procfs.TreeQuery{Roots: []procfs.ID{self.ID}})
	if len(tree) != 3 {
		t.Fatalf("the shell and its subshells: %v", pidsOf(tree))
	}
	parent := imageOf(t, fs, shell)
	if parent.Forked {
		t.Error("the shell has called execve, but is marked as forked")
	}
	w := procfs.NewWitnesses(kernelImages{fs})
	w.Add(self)
	adopters := make(map[int]bool)
	for _, p := range tree[:len(tree):len(tree)] {
		adopters[p.PID] = true
		if p.PID == shell {
			continue
		}
		want := parent
		want.ID, want.Forked = p.ID, true
		if diff := cmp.Diff(want, imageOf(t, fs, p.PID)); diff != "" {
			t.Errorf("a subshell (-want +got):\n%s", diff)
		}
	}
	// To Witnesses the subshells are orphans if their parents are adopters.
	w.Refute(&s)
	var found []int
	for _, p := range w.Candidates(&s, adopters) {
		if member, ok := w.Attribute(p.ID); ok && member == self.ID {
			found = append(found, p.PID)
		}
	}
	if want := slices.DeleteFunc(pidsOf(tree), func(pid int) bool { return pid == shell }); !slices.Equal(found, want) {
		t.Errorf("attributed: %v, want %v", found, want)
	}
}

// kernelImages is an ImageReader of the real /proc, in which no PID is reused during the test.
type kernelImages struct{ *procfs.FS }

func (k kernelImages) Exists(id procfs.ID) error {
	_, err := k.Stat(id.PID)
	return err
}

func TestKernelImageOfZombie(t *testing.T) {
	fs := needsImages(t)
	pid, _ := start(t, "exit:0", nil, nil)
	until(t, fs, pid, (*procfs.Stat).Gone)
	if img, err := fs.Image(pid); !errors.Is(err, procfs.ErrNoImage) && !errors.Is(err, procfs.ErrNoProcess) {
		t.Errorf("%+v, %v", img, err)
	}
}

// TestKernelImageOfLivingThread checks that a process has an image after its leader has exited.
func TestKernelImageOfLivingThread(t *testing.T) {
	fs := needsImages(t)
	pid, _ := startLeaderExits(t)
	s := until(t, fs, pid, func(s *procfs.Stat) bool { return s.Thread != 0 })
	img, err := fs.Image(pid)
	if err != nil {
		t.Fatal(err)
	}
	auxv, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/auxv", pid, s.Thread))
	if err != nil || img.Forked || img.ID != s.ID || !bytes.Equal([]byte(img.Auxv), auxv) {
		t.Errorf("%+v, %v", img, err)
	}
	imageOf(t, fs, pid)
}

func TestKernelImageWithoutRandomisation(t *testing.T) {
	fs := needsImages(t)
	pid, done := start(t, "fixed", nil, nil)
	if pid == 0 {
		harness.Skip(t, "a program may not turn off the randomisation")
	}
	if img, err := fs.Image(pid); !errors.Is(err, procfs.ErrNoImage) {
		t.Errorf("%+v, %v", img, err)
	}
	if state := done(); state.ExitCode() != 0 {
		t.Errorf("the helper: %v", state)
	}
}

// TestImageUserIDsDuringExecve checks that the user IDs are those of the process that has the vector: a program that is
// executed later may be a set-user-ID program.
func TestImageUserIDsDuringExecve(t *testing.T) {
	p := program()
	root := buildImages(t, pfForkNoExec, p)
	p.StartCode++
	status := strings.ReplaceAll(p.StatusText(), "Uid:\t1000\t1000\t1000\t1000", "Uid:\t0\t0\t0\t0")
	whileRead(t, root+"/9/status", []byte(status), func() error { return os.WriteFile(root+"/9/stat", []byte(p.StatLine()), 0) })
	if got, err := open(t, root).Image(9); !errors.Is(err, procfs.ErrNoImage) {
		t.Errorf("%+v, %v", got, err)
	}
}

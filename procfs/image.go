package procfs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Image is what fork(2) copies to a child and execve(2) replaces: with it, an orphan can be attributed to the process
// that it was forked from, although its parent has exited. Only Witnesses compares images.
type Image struct {
	ID
	// Forked: the process has not called execve(2) since it was forked, so it has the image of its parent.
	Forked bool
	Auxv   Auxv
	// UID holds the real, effective and saved user ID.
	UID [3]int
	// PIDNamespace is the name of the PID namespace, as FS.Namespace returns it.
	PIDNamespace string
	// StartCode and StartStack are as in Stat.
	StartCode, StartStack uint64
}

func (img *Image) layout() layout { return layout{img.StartCode, img.StartStack} }

// sameAs reports whether two images come from the same execve(2), unless one of them is forged.
func (img *Image) sameAs(o *Image) bool { return img.layout() == o.layout() && img.Auxv == o.Auxv }

// forkedFrom reports whether the process was forked from the witness, or from a descendant of it.
func (img *Image) forkedFrom(witness *Image) bool {
	return img.Forked && img.sameAs(witness) && img.PIDNamespace == witness.PIDNamespace && img.Start >= witness.Start &&
		witness.mayExpose(img.UID)
}

// mayExpose reports whether the user IDs are among those of a witness, or the witness is root. Otherwise a witness with
// a forged image could expose a process of another user.
func (img *Image) mayExpose(uids [3]int) bool {
	own := img.UID
	if own == [3]int{} {
		return true
	}
	return !slices.ContainsFunc(uids[:], func(uid int) bool { return !slices.Contains(own[:], uid) })
}

// ErrNoImage is the error of Image for a process without an image that identifies its execve(2): a zombie, a process
// whose addresses are not random (setarch -R, a 32-bit program) or that is in the middle of execve(2).
var ErrNoImage = errors.New("no image that identifies the program's execve")

// pfForkNoExec is PF_FORKNOEXEC of include/linux/sched.h: fork(2) sets it, execve(2) clears it. All threads but the
// first have it, too. The kernel promises no such number: see FS.marksForks.
const pfForkNoExec = 0x40

// Forked reports whether the process has not called execve(2) since it was forked. The flag is that of the leader.
func (s *Stat) Forked() bool { return s.Flags&pfForkNoExec != 0 }

// Image reads the image of a process. All files are read through one descriptor of /proc/PID, so they are those of one
// process, even if the PID is reused meanwhile. To link the image to an opened process, check afterwards that this
// process still exists. The error is ErrNoProcess, ErrNoImage, or that of a system call. Image needs PTRACE_MODE_READ
// access (ptrace(2)).
func (fs *FS) Image(pid int) (Image, error) {
	if !fs.marksForks() {
		return Image{}, ErrNoImage
	}
	dir, err := fs.OpenDir(pid)
	if err != nil {
		return Image{}, err
	}
	at := &FS{root: fs.root + "/" + strconv.Itoa(pid), fd: dir, buf: fs.buf}
	defer at.Close()
	return at.imageHere()
}

// imageHere reads the image of the process of whose directory fs is a descriptor. It reads stat before and after all
// else: both must show the same image, so the process did not call execve(2) in between.
func (fs *FS) imageHere() (Image, error) {
	before, err := fs.StatAt(fs.fd)
	if err != nil {
		return Image{}, err
	}
	b, err := fs.read(threadDir(before.Thread)+"auxv", false, maxAuxv+auxvEntry)
	if err != nil {
		return Image{}, fs.processError("read", "auxv", err)
	}
	auxv, err := ParseAuxv(b)
	if err != nil {
		return Image{}, ErrNoImage
	}
	if b, err = fs.read("status", true, unlimited); err != nil {
		return Image{}, fs.processError("read", "status", err)
	}
	status, err := ParseStatus(b)
	if err != nil {
		return Image{}, fmt.Errorf("%s/status: %w", fs.root, err)
	}
	n, err := unix.Readlinkat(fs.fd, threadDir(before.Thread)+"ns/pid", fs.buf)
	if err != nil {
		return Image{}, fs.processError("readlink", "ns/pid", err)
	}
	namespace := string(fs.buf[:n])
	after, err := fs.StatAt(fs.fd)
	if err != nil {
		return Image{}, err
	}
	here := after.layout()
	if here == (layout{}) || here != before.layout() || before.ID != after.ID || before.Forked() != after.Forked() || after.Gone() {
		return Image{}, ErrNoImage
	}
	return Image{
		ID: after.ID, Forked: after.Forked(), Auxv: auxv, StartCode: here.code, StartStack: here.stack,
		UID: [3]int(status.UID[:3]), PIDNamespace: namespace,
	}, nil
}

// marksForks reports whether PF_FORKNOEXEC has the value that Forked expects. The leader of this process has called
// execve(2), so it must lack the flag; its other threads, of which a Go program has several, must have it.
func (fs *FS) marksForks() bool {
	if fs.forkFlag == nil {
		works := fs.probeForkFlag()
		fs.forkFlag = &works
	}
	return *fs.forkFlag
}

func (fs *FS) probeForkFlag() bool {
	self, err := fs.Self()
	if err != nil {
		return false
	}
	leader, err := fs.Stat(self)
	if err != nil || leader.Forked() {
		return false
	}
	tids, err := fs.Threads(self)
	if err != nil {
		return false
	}
	for _, tid := range tids {
		if thread, err := fs.Stat(tid); err == nil && tid != self {
			return thread.Forked()
		}
	}
	return false
}

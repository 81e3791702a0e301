package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// cgroup is a directory of cgroup v2 that is held open, so that one which gets
// its name later is never taken for it: a supervisor removes the cgroup of a
// service that has ended, and starts it again in another of the same name.
// What is done to a removed one fails with ENOENT or ENODEV.
type cgroup struct {
	// dir leads to the directory through its descriptor. The dot at the end
	// makes it a directory for filepath.WalkDir, and no link.
	dir    string
	freeze *os.File
	events *os.File
}

// OpenCgroup pins the cgroup at dir.
func (k *Kernel) OpenCgroup(dir string) error {
	if k.proc == nil {
		return errors.New("there is no /proc")
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := k.openCgroup(fd); err != nil {
		unix.Close(fd)
		return err
	}
	return nil
}

func (k *Kernel) openCgroup(fd int) error {
	var fsys unix.Statfs_t
	if err := unix.Fstatfs(fd, &fsys); err != nil {
		return err
	}
	if fsys.Type != unix.CGROUP2_SUPER_MAGIC {
		return errors.New("not a cgroup v2")
	}
	dir := fmt.Sprintf("%s/self/fd/%d/.", k.proc.Root(), fd)
	// Read and written through descriptors without Go's poller, which would
	// make them non-blocking for the guardian, too.
	freeze, err := open(filepath.Join(dir, "cgroup.freeze"), unix.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("it has no cgroup.freeze, which needs Linux 5.2")
	}
	if err != nil {
		return fmt.Errorf("cgroup.freeze: %w", err)
	}
	events, err := open(filepath.Join(dir, "cgroup.events"), unix.O_RDONLY)
	if err != nil {
		freeze.Close()
		return fmt.Errorf("cgroup.events: %w", err)
	}
	k.cgroup = &cgroup{dir: dir, freeze: freeze, events: events}
	return nil
}

func open(path string, flags int) (*os.File, error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// CgroupFrozen tells whether the freeze has been asked for.
func (k *Kernel) CgroupFrozen() (bool, error) {
	var b [1]byte
	_, err := unix.Pread(int(k.cgroup.freeze.Fd()), b[:], 0)
	if err == unix.ENODEV {
		return false, nil
	}
	return b[0] == '1', err
}

// GuardianAddCgroup puts the cgroup, which is about to be frozen, on the list of the guardian.
func (k *Kernel) GuardianAddCgroup() error { return k.guard.send(guardCgroup()) }

// FreezeCgroup freezes it and waits until everybody has stopped.
func (k *Kernel) FreezeCgroup(limit time.Duration) (done bool, err error) {
	if err := k.cgroup.write('1'); err != nil {
		return false, fmt.Errorf("cannot freeze the cgroup: %w", err)
	}
	return k.cgroupEvent("frozen 1", limit)
}

// ThawCgroup lets it go on and, with below, those in it that were frozen by
// themselves.
func (k *Kernel) ThawCgroup(below bool) error {
	err := k.cgroup.write('0')
	if !below {
		return err
	}
	_ = filepath.WalkDir(k.cgroup.dir, func(path string, d fs.DirEntry, failed error) error {
		if failed == nil && d.Name() == "cgroup.freeze" {
			failed = thawAt(path)
		}
		// What vanishes meanwhile need not be thawed. Of the others as many
		// are thawed as can be.
		if err == nil && !errors.Is(failed, fs.ErrNotExist) && !errors.Is(failed, unix.ENODEV) {
			err = failed
		}
		return nil
	})
	return err
}

// thawAt writes to a cgroup.freeze that says 1.
func thawAt(path string) error {
	b, err := readFile(path)
	if err != nil || !bytes.HasPrefix(b, []byte("1")) {
		return err
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = File(fd).Write([]byte("0"))
	return err
}

func (c *cgroup) write(value byte) error {
	_, err := unix.Pwrite(int(c.freeze.Fd()), []byte{value}, 0)
	if err == unix.ENODEV {
		return nil // removed: nobody is in it
	}
	return err
}

// KillCgroup kills everybody in it at one stroke.
func (k *Kernel) KillCgroup() error {
	f, err := open(filepath.Join(k.cgroup.dir, "cgroup.kill"), unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = unix.Write(int(f.Fd()), []byte{'1'})
	return err
}

// CgroupMembers lists the processes of the subtree. Outside counts those that
// are in a PID namespace which ours cannot see: the kernel shows them as 0.
func (k *Kernel) CgroupMembers() (pids []int, outside int, err error) {
	err = filepath.WalkDir(k.cgroup.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
				return nil
			}
			return err
		}
		b, err := readFile(filepath.Join(path, "cgroup.procs"))
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV):
			return nil
		case errors.Is(err, unix.EOPNOTSUPP):
			if path == k.cgroup.dir {
				return errors.New("it is a threaded cgroup, which holds threads and not processes")
			}
			return nil // its processes are those of the cgroup above
		case err != nil:
			return err
		}
		for word := range bytes.FieldsSeq(b) {
			pid, err := strconv.Atoi(string(word))
			if err != nil {
				return err
			}
			if pid == 0 {
				outside++
			} else {
				pids = append(pids, pid)
			}
		}
		if len(b) == 0 {
			pids = append(pids, k.movedInto(path)...)
		}
		return nil
	})
	return pids, outside, err
}

// movedInto returns the processes that were moved into a cgroup after their first
// threads had exited. The kernel leaves such a thread in the cgroup where it
// exited, and lists the process there (cgroup_migrate_add_task,
// css_task_iter_advance in kernel/cgroup/cgroup.c). Only cgroup.threads lists their
// other threads.
func (k *Kernel) movedInto(dir string) (pids []int) {
	b, _ := readFile(filepath.Join(dir, "cgroup.threads"))
	for word := range bytes.FieldsSeq(b) {
		tid, _ := strconv.Atoi(string(word))
		status, err := k.proc.Status(tid)
		if err == nil && !slices.Contains(pids, status.TGID) {
			pids = append(pids, status.TGID)
		}
	}
	return pids
}

// CgroupEmpty waits until nobody lives in the subtree.
func (k *Kernel) CgroupEmpty(limit time.Duration) (bool, error) {
	return k.cgroupEvent("populated 0", limit)
}

// cgroupEvent waits until cgroup.events has that line. The kernel wakes the
// poller with POLLPRI whenever the file changes.
func (k *Kernel) cgroupEvent(line string, limit time.Duration) (bool, error) {
	began := time.Now()
	fd := int(k.cgroup.events.Fd())
	buf := make([]byte, 256)
	for {
		n, err := unix.Pread(fd, buf, 0)
		if err == unix.ENODEV {
			return true, nil // removed, which only an empty one can be
		}
		if err != nil && err != unix.EINTR {
			return false, fmt.Errorf("cgroup.events: %w", err)
		}
		for have := range bytes.Lines(buf[:max(n, 0)]) {
			if string(bytes.TrimSpace(have)) == line {
				return true, nil
			}
		}
		if err := k.Interrupted(); err != nil {
			return false, err
		}
		left := limit - time.Since(began)
		if left <= 0 {
			return false, nil
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		if k.notes != nil {
			fds = append(fds, unix.PollFd{Fd: int32(k.notes.fd), Events: unix.POLLIN})
		}
		// Rounded up: waking before the time would only spin.
		if _, err := unix.Poll(fds, int(left/time.Millisecond)+1); err != nil && err != unix.EINTR {
			return false, fmt.Errorf("poll: %w", err)
		}
	}
}

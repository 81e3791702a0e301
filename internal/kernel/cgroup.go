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

// cgroup is a directory of cgroup v2. It is kept open, so that a later cgroup of the same name is not taken for it: a
// supervisor removes the cgroup of a service that has ended, and restarts the service in a new one of the same name.
// Operations on a removed cgroup fail with ENOENT or ENODEV.
type cgroup struct {
	// dir leads to the directory through its descriptor. The dot at the end
	// makes it a directory for filepath.WalkDir, and no link.
	dir    string
	freeze *os.File
	events *os.File
}

// OpenCgroup pins the cgroup v2 at dir. It takes Linux 5.2 (cgroup.freeze).
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
	// Not through Go's poller, which would make the descriptors non-blocking, for the guardian as well.
	freeze, err := openFile(filepath.Join(dir, "cgroup.freeze"), unix.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("it has no cgroup.freeze, which needs Linux 5.2")
	}
	if err != nil {
		return fmt.Errorf("cgroup.freeze: %w", err)
	}
	events, err := openFile(filepath.Join(dir, "cgroup.events"), unix.O_RDONLY)
	if err != nil {
		freeze.Close()
		return fmt.Errorf("cgroup.events: %w", err)
	}
	k.cgroup = &cgroup{dir: dir, freeze: freeze, events: events}
	return nil
}

// openFile opens a file without Go's poller.
func openFile(path string, flags int) (*os.File, error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// CgroupFrozen reports whether a freeze of the cgroup was requested.
func (k *Kernel) CgroupFrozen() (bool, error) {
	var b [1]byte
	_, err := unix.Pread(int(k.cgroup.freeze.Fd()), b[:], 0)
	if err == unix.ENODEV {
		return false, nil
	}
	return b[0] == '1', err
}

// GuardianAddCgroup puts the cgroup, which is about to be frozen, on the list of the guardian.
func (k *Kernel) GuardianAddCgroup() error { return k.guardian.sendRecords(cgroupRecord()) }

// FreezeCgroup freezes the cgroup and waits until all its processes have stopped, for limit at most.
func (k *Kernel) FreezeCgroup(limit time.Duration) (done bool, err error) {
	if err := k.cgroup.setFrozen('1'); err != nil {
		return false, fmt.Errorf("cannot freeze the cgroup: %w", err)
	}
	return k.waitCgroupEvent("frozen 1", limit)
}

// ThawCgroup resumes the cgroup and, with below, the cgroups below it that were frozen by themselves.
func (k *Kernel) ThawCgroup(below bool) error {
	err := k.cgroup.setFrozen('0')
	if !below {
		return err
	}
	_ = filepath.WalkDir(k.cgroup.dir, func(path string, d fs.DirEntry, failed error) error {
		if failed == nil && d.Name() == "cgroup.freeze" {
			failed = thawFile(path)
		}
		// A cgroup that vanishes need not be thawed. After an error, thaw the others.
		if err == nil && !errors.Is(failed, fs.ErrNotExist) && !errors.Is(failed, unix.ENODEV) {
			err = failed
		}
		return nil
	})
	return err
}

// thawFile writes 0 to the cgroup.freeze at path if it contains 1.
func thawFile(path string) error {
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

// setFrozen writes 0 or 1 to cgroup.freeze.
func (c *cgroup) setFrozen(value byte) error {
	_, err := unix.Pwrite(int(c.freeze.Fd()), []byte{value}, 0)
	if err == unix.ENODEV {
		return nil // removed, which only an empty cgroup can be
	}
	return err
}

// KillCgroup kills all processes of the cgroup atomically (cgroup.kill, Linux 5.14).
func (k *Kernel) KillCgroup() error {
	f, err := openFile(filepath.Join(k.cgroup.dir, "cgroup.kill"), unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = unix.Write(int(f.Fd()), []byte{'1'})
	return err
}

// CgroupMembers lists the processes of the subtree. outside counts those that have no PID in the PID namespace of this
// process: the kernel shows them as 0.
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
			pids = append(pids, k.findMigrated(path)...)
		}
		return nil
	})
	return pids, outside, err
}

// findMigrated returns the processes that were moved into a cgroup after their first
// threads had exited. The kernel leaves such a thread in the cgroup where it
// exited, and lists the process there (cgroup_migrate_add_task,
// css_task_iter_advance in kernel/cgroup/cgroup.c). Only cgroup.threads lists their
// other threads.
func (k *Kernel) findMigrated(dir string) (pids []int) {
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

// CgroupEmpty waits until no process lives in the subtree, for limit at most, and reports whether that is so.
func (k *Kernel) CgroupEmpty(limit time.Duration) (bool, error) {
	return k.waitCgroupEvent("populated 0", limit)
}

// waitCgroupEvent waits until cgroup.events has that line, for limit at most, and reports whether it has. poll(2)
// returns POLLPRI whenever the file changes.
func (k *Kernel) waitCgroupEvent(line string, limit time.Duration) (bool, error) {
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
		for present := range bytes.Lines(buf[:max(n, 0)]) {
			if string(bytes.TrimSpace(present)) == line {
				return true, nil
			}
		}
		if err := k.Interrupted(); err != nil {
			return false, err
		}
		remaining := limit - time.Since(began)
		if remaining <= 0 {
			return false, nil
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		if k.caught != nil {
			fds = append(fds, unix.PollFd{Fd: int32(k.caught.fd), Events: unix.POLLIN})
		}
		// Rounded up: waking before the time would only spin.
		if _, err := unix.Poll(fds, int(remaining/time.Millisecond)+1); err != nil && err != unix.EINTR {
			return false, fmt.Errorf("poll: %w", err)
		}
	}
}

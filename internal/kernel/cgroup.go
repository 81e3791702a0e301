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

// cgroup is an open directory of cgroup v2. The descriptor distinguishes the cgroup from a later one of the same name:
// when a service has ended, a supervisor removes its cgroup, and restarts the service in a new cgroup of that name.
// Operations on a removed cgroup fail with ENOENT or ENODEV.
type cgroup struct {
	// dir is the path of the directory through its descriptor: /proc/self/fd/N/. The dot at its end makes
	// filepath.WalkDir see a directory instead of a symbolic link.
	dir    string
	freeze *os.File
	events *os.File
}

// OpenCgroup opens the cgroup v2 at dir, which the other cgroup methods then use. It needs cgroup.freeze (Linux 5.2).
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
	// os.OpenFile would set O_NONBLOCK for the runtime's poller. The guardian, which shares the open file, would have
	// it as well.
	freeze, err := openFile(filepath.Join(dir, "cgroup.freeze"), unix.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("no cgroup.freeze (needs Linux 5.2)")
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

// openFile opens a file without the runtime's poller.
func openFile(path string, flags int) (*os.File, error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// CgroupFrozen reports whether a freeze of the cgroup was requested. Some of its processes may still be running. A
// removed cgroup is not frozen.
func (k *Kernel) CgroupFrozen() (bool, error) {
	var b [1]byte
	_, err := unix.Pread(int(k.cgroup.freeze.Fd()), b[:], 0)
	if err == unix.ENODEV {
		return false, nil
	}
	return b[0] == '1', err
}

// GuardianAddCgroup adds the cgroup to the guardian's list. The caller does this before it freezes the cgroup.
func (k *Kernel) GuardianAddCgroup() error { return k.guardian.sendRecords(cgroupRecord()) }

// FreezeCgroup freezes the cgroup and waits up to limit until all of its processes have stopped. done reports whether
// they have. The error is a *signals.Interrupt if a deferred signal was caught.
func (k *Kernel) FreezeCgroup(limit time.Duration) (done bool, err error) {
	if err := k.cgroup.setFrozen('1'); err != nil {
		return false, fmt.Errorf("cannot freeze the cgroup: %w", err)
	}
	return k.waitCgroupEvent("frozen 1", limit)
}

// ThawCgroup resumes the cgroup. With below, it also resumes the cgroups below it whose own cgroup.freeze is 1. After
// an error it continues with the remaining cgroups, and returns the first error.
func (k *Kernel) ThawCgroup(below bool) error {
	err := k.cgroup.setFrozen('0')
	if !below {
		return err
	}
	_ = filepath.WalkDir(k.cgroup.dir, func(path string, d fs.DirEntry, failed error) error {
		if failed == nil && d.Name() == "cgroup.freeze" {
			failed = thawFile(path)
		}
		// A cgroup that was removed meanwhile is no error.
		if err == nil && !errors.Is(failed, fs.ErrNotExist) && !errors.Is(failed, unix.ENODEV) {
			err = failed
		}
		return nil
	})
	return err
}

// thawFile writes 0 to the cgroup.freeze at path if the file contains 1.
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

// setFrozen writes value, '0' or '1', to cgroup.freeze.
func (c *cgroup) setFrozen(value byte) error {
	_, err := unix.Pwrite(int(c.freeze.Fd()), []byte{value}, 0)
	if err == unix.ENODEV {
		return nil // the cgroup was removed, so it is empty
	}
	return err
}

// KillCgroup sends SIGKILL atomically to all processes of the cgroup and of the cgroups below it (cgroup.kill, Linux
// 5.14).
func (k *Kernel) KillCgroup() error {
	f, err := openFile(filepath.Join(k.cgroup.dir, "cgroup.kill"), unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = unix.Write(int(f.Fd()), []byte{'1'})
	return err
}

// CgroupMembers returns the PIDs of the processes in the cgroup and in the cgroups below it. outside is the number of
// processes that have no PID in the PID namespace of this process; the kernel shows their PID as 0.
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
				return errors.New("a threaded cgroup contains threads, not processes")
			}
			return nil // a threaded cgroup: the nearest domain cgroup above lists its processes
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

// findMigrated returns processes in the cgroup at dir that its cgroup.procs does not list: they were moved into the
// cgroup after their leaders had exited. The kernel leaves an exited leader in its old cgroup, and lists the process
// there (cgroup_migrate_add_task, css_task_iter_advance in kernel/cgroup/cgroup.c). cgroup.threads lists the threads
// that were moved.
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

// CgroupEmpty waits up to limit until no process lives in the cgroup or below it, and reports whether that is so.
func (k *Kernel) CgroupEmpty(limit time.Duration) (bool, error) {
	return k.waitCgroupEvent("populated 0", limit)
}

// waitCgroupEvent waits up to limit until cgroup.events contains line, and reports whether it does. For a removed
// cgroup it returns true. poll(2) returns POLLPRI when the file has changed. The error is a *signals.Interrupt if a
// deferred signal was caught.
func (k *Kernel) waitCgroupEvent(line string, limit time.Duration) (bool, error) {
	began := time.Now()
	fd := int(k.cgroup.events.Fd())
	buf := make([]byte, 256)
	for {
		n, err := unix.Pread(fd, buf, 0)
		if err == unix.ENODEV {
			return true, nil // the cgroup was removed, so it is empty
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
		if _, err := unix.Poll(fds, pollTimeout(remaining)); err != nil && err != unix.EINTR {
			return false, fmt.Errorf("poll: %w", err)
		}
	}
}

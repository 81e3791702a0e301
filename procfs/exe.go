package procfs

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

// Exe returns the path of the program that a process runs (proc_pid_exe(5)),
// without the " (deleted)" that the kernel appends when the file has been removed
// or replaced. A name that really ends in " (deleted)" keeps that, and so does one
// that the caller's rights do not suffice to look up. For zombies and kernel
// threads, which run none, the path is empty. It takes PTRACE_MODE_READ access
// (ptrace(2)).
func (fs *FS) Exe(pid int) (string, error) {
	b, err := fs.ExeBytes(pid)
	return string(b), err
}

// ExeBytes is Exe without a string of its own. The result is good until the
// next use of fs.
func (fs *FS) ExeBytes(pid int) ([]byte, error) {
	thread := ""
	b, err := fs.readLink(pid, "exe")
	if vanished(err) {
		err = fs.throughThread(pid, func(task string) error {
			thread = task
			b, err = fs.readLink(pid, task+"exe")
			return err
		})
	}
	switch {
	case err == nil:
		name, found := bytes.CutSuffix(b, []byte(" (deleted)"))
		if found && fs.keepsSuffix(processPath(pid, thread), string(b)) {
			return b, nil
		}
		return name, nil
	case err == ErrNoProcess:
		return nil, err
	case vanished(err):
		return nil, nil
	}
	return nil, fs.processError("readlink", processPath(pid, "exe"), err)
}

// keepsSuffix reports whether the literal path names the file that the process
// runs, so that the kernel has appended nothing, or whether this cannot be looked
// up. dir is the folder of the process or of a thread, with a slash at the end. It
// does not use fs.buf.
func (fs *FS) keepsSuffix(dir, path string) bool {
	top, err := fs.openTop(dir)
	if err != nil {
		return !vanished(err)
	}
	defer unix.Close(top)
	var named, runs unix.Stat_t
	switch err := fstatat(top, strings.TrimLeft(path, "/"), &named, unix.AT_SYMLINK_NOFOLLOW); err {
	case nil:
	case unix.ENOENT, unix.ENOTDIR:
		return false
	default:
		return true
	}
	err = fstatat(fs.fd, dir+"exe", &runs, 0)
	return err == nil && named.Dev == runs.Dev && named.Ino == runs.Ino
}

// maxDepth is more than the number of directories above any real root directory;
// a path of that many ".." is still shorter than PATH_MAX.
const maxDepth = 1000

// openTop returns a descriptor of the directory at which the paths of the links
// in /proc/PID begin: our own root directory, where the process's is below that,
// and otherwise that of its mount namespace (d_path in fs/d_path.c). Path
// resolution stops at the same place on its way up from the process's root.
func (fs *FS) openTop(dir string) (int, error) {
	path := topPath(dir)
	for {
		fd, err := unix.Openat(fs.fd, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func topPath(dir string) string { return dir + "root" + strings.Repeat("/..", maxDepth) }

func fstatat(dir int, path string, st *unix.Stat_t, flags int) error {
	for {
		if err := unix.Fstatat(dir, path, st, flags); err != unix.EINTR {
			return err
		}
	}
}

package procfs

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

// Exe returns the path of the executable of a process (proc_pid_exe(5)). It removes the suffix " (deleted)", which the
// kernel appends if the file was removed or replaced. It keeps the suffix if the name of the file really ends in it, or
// if the caller has no permission to look the file up. For a zombie or a kernel thread the path is empty. Exe needs
// PTRACE_MODE_READ access (ptrace(2)).
func (fs *FS) Exe(pid int) (string, error) {
	b, err := fs.ExeBytes(pid)
	return string(b), err
}

// ExeBytes is like Exe, but allocates no string. The result is valid until the next use of fs.
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

// keepsSuffix reports whether path, which ends in " (deleted)", names the executable as it stands, so that the kernel
// has appended nothing. It also returns true if the caller may not look the path up. dir is the directory of the
// process or of a thread, with a trailing slash. keepsSuffix does not use fs.buf, because the path of ExeBytes is in
// it.
func (fs *FS) keepsSuffix(dir, path string) bool {
	top, err := fs.openLinkRoot(dir)
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

// maxDepth is more than the number of directories above any real root directory. A path of maxDepth times "/.." is
// still shorter than PATH_MAX, which is 4096 bytes.
const maxDepth = 1000

// openLinkRoot returns a descriptor of the directory at which the paths of the links in /proc/PID begin (d_path in
// fs/d_path.c). This is the caller's root directory if the root directory of the process is the same or below it, and
// otherwise the root of the mount namespace of the process. openLinkRoot follows ".." up from the root directory of the
// process: path resolution does not go above that directory.
func (fs *FS) openLinkRoot(dir string) (int, error) {
	path := linkRootPath(dir)
	for {
		fd, err := unix.Openat(fs.fd, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func linkRootPath(dir string) string { return dir + "root" + strings.Repeat("/..", maxDepth) }

func fstatat(dir int, path string, st *unix.Stat_t, flags int) error {
	for {
		if err := unix.Fstatat(dir, path, st, flags); err != unix.EINTR {
			return err
		}
	}
}

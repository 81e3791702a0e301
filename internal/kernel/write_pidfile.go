package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// WritePidfile puts a file at path that is locked (flock(2)) until remove is called
// or this process ends. It is written under another name first, so that readers
// find all of it or nothing, and a symbolic link in its place is replaced rather
// than followed. A file that another process has locked is an error, one that is
// not locked is replaced, and of several calls at the same time exactly one
// succeeds. remove does not delete a file that has replaced it.
func (k *Kernel) WritePidfile(path, content string) (remove func(), err error) {
	// A device must not make way for a file, nor be removed in the end.
	if _, err := fileType(path); err != nil && err != unix.ENOENT {
		return nil, &fs.PathError{Op: "write", Path: path, Err: err}
	}
	f, err := newPidfile(path, content)
	if err != nil {
		return nil, err
	}
	if err := f.claim(); err != nil {
		f.discard()
		op := "write"
		if errors.As(err, new(*lockedError)) {
			op = "lock"
		}
		return nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	return f.remove, nil
}

// pidfile is a locked file, first at temp and then at path. Its descriptor, and
// with it the lock, is closed on exec.
type pidfile struct {
	path, temp string
	content    string
	fd         int
	identity   unix.Stat_t
}

func newPidfile(path, content string) (*pidfile, error) {
	f := &pidfile{path: path, temp: fmt.Sprintf("%s.%08x", path, rand.Uint32()), content: content}
	var err error
	if f.fd, err = unix.Open(f.temp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644); err != nil {
		return nil, &fs.PathError{Op: "create", Path: f.temp, Err: err}
	}
	op := "write"
	if _, err = File(f.fd).Write([]byte(content)); err == nil {
		err = unix.Fstat(f.fd, &f.identity)
	}
	if err == nil {
		op, err = "lock", lockFile(f.fd)
	}
	if err != nil {
		f.discard()
		return nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	return f, nil
}

// discard deletes a pidfile that has not been renamed to path.
func (f *pidfile) discard() {
	unix.Unlink(f.temp)
	unix.Close(f.fd)
}

// remove unlinks the file while it is locked, so no successor has replaced it
// between the comparison and the call.
func (f *pidfile) remove() {
	if isFile(f.path, &f.identity) {
		unix.Unlink(f.path)
	}
	unix.Close(f.fd)
}

// Replacing a file takes another process microseconds, unless it is stopped.
const (
	claimPause = 5 * time.Millisecond
	claimLimit = 5 * time.Second
)

// errReplaced is why claim tries again.
var errReplaced = errors.New("other processes keep replacing it")

// claim renames the file to path, by calls of tryClaim. If another process changed path at the same time
// it tries again, for at most claimLimit: that process may have ended.
func (f *pidfile) claim() error {
	for began := time.Now(); ; sleep(claimPause) {
		if err := f.tryClaim(); err != errReplaced || time.Since(began) > claimLimit {
			return err
		}
	}
}

// tryClaim makes one attempt. It creates a missing file atomically. It replaces a file that exists only while it has a
// second pidfile, path.lock: a symbolic link cannot be locked, and a file that is locked for its replacement looks like
// one in use.
func (f *pidfile) tryClaim() error {
	_, err := fileType(f.path)
	switch {
	case err == unix.ENOENT:
		return f.claimMissing()
	case err != nil:
		return err
	}
	lockPidfile, err := newPidfile(f.path+".lock", f.content)
	if err != nil {
		return err
	}
	if err := lockPidfile.tryClaimLockFile(); err != nil {
		lockPidfile.discard()
		if err == errReplaced || errors.As(err, new(*lockedError)) {
			return errReplaced
		}
		return fmt.Errorf("%s: %w", lockPidfile.path, err)
	}
	defer lockPidfile.remove()
	mode, err := fileType(f.path)
	switch {
	case err == unix.ENOENT:
		return errReplaced
	case err == nil && mode == unix.S_IFLNK:
		return unix.Rename(f.temp, f.path)
	case err == nil:
		return f.replace()
	}
	return err
}

// tryClaimLockFile renames the lock file itself, without a further lock file. A lock on the old one may be that of a
// process that is about to replace it, so the caller tries again.
func (f *pidfile) tryClaimLockFile() error {
	mode, err := fileType(f.path)
	switch {
	case err == unix.ENOENT:
		return f.claimMissing()
	case err == nil && mode == unix.S_IFLNK:
		return errors.New("is a symbolic link")
	case err == nil:
		return f.replace()
	}
	return err
}

// claimMissing renames the file to path if there is none.
func (f *pidfile) claimMissing() error {
	err := unix.Renameat2(unix.AT_FDCWD, f.temp, unix.AT_FDCWD, f.path, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS || err == unix.EPERM {
		// Before Linux 3.15, a file system without the flag, or a seccomp filter.
		if err = unix.Link(f.temp, f.path); err == nil {
			err = unix.Unlink(f.temp)
		}
	}
	if err == unix.EEXIST {
		return errReplaced
	}
	return err
}

// replace locks the regular file at path and renames the new file, which is locked
// already, over it. Until the rename path names a file that this process has
// locked, and then the new one.
func (f *pidfile) replace() error {
	// O_NONBLOCK: the open of a FIFO that has replaced the file must not wait.
	const flags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := unix.Open(f.path, unix.O_RDWR|flags, 0) // NFS locks only files opened for writing (flock(2))
	if err == unix.EACCES {
		fd, err = unix.Open(f.path, unix.O_RDONLY|flags, 0)
	}
	switch err {
	case nil:
	case unix.ENOENT, unix.ELOOP:
		return errReplaced
	default:
		return err
	}
	defer unix.Close(fd)
	var there unix.Stat_t
	if err := unix.Fstat(fd, &there); err != nil {
		return err
	}
	err = lockFile(fd)
	switch {
	case !isFile(f.path, &there) || there.Mode&unix.S_IFMT != unix.S_IFREG:
		return errReplaced
	case err == unix.EWOULDBLOCK:
		return &lockedError{leadingPID(fd)}
	case err != nil:
		return err
	}
	return unix.Rename(f.temp, f.path)
}

// lockedError says that another process has locked a file.
type lockedError struct{ pid int } // as the file has it; 0: it has none

func (e *lockedError) Error() string {
	if e.pid == 0 {
		return "held by another process"
	}
	return fmt.Sprintf("held by process %d", e.pid)
}

// leadingPID returns the number that a file begins with, or 0.
func leadingPID(fd int) int {
	var b [16]byte
	n, err := unix.Pread(fd, b[:], 0)
	if err != nil {
		return 0
	}
	text := bytes.TrimLeft(b[:n], " \t\n")
	digits := len(text) - len(bytes.TrimLeft(text, "0123456789"))
	pid, _ := strconv.ParseInt(string(text[:digits]), 10, 32)
	return int(pid)
}

// lockFile takes an exclusive lock on a file without waiting. The error is EWOULDBLOCK if another process has
// locked it.
func lockFile(fd int) error {
	for {
		switch err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err {
		case unix.EINTR:
		case unix.ENOLCK, unix.EOPNOTSUPP, unix.ENOSYS, unix.EBADF:
			return fmt.Errorf("the file system cannot lock it (flock): %w", err)
		default:
			return err
		}
	}
}

// isFile reports whether path names that file. It does not follow a symbolic link.
func isFile(path string, file *unix.Stat_t) bool {
	var now unix.Stat_t
	return unix.Lstat(path, &now) == nil && now.Dev == file.Dev && now.Ino == file.Ino
}

// fileType returns the type of what the path names, S_IFREG or S_IFLNK; anything
// else is an error.
func fileType(path string) (uint32, error) {
	var there unix.Stat_t
	if err := unix.Lstat(path, &there); err != nil {
		return 0, err
	}
	switch mode := there.Mode & unix.S_IFMT; mode {
	case unix.S_IFREG, unix.S_IFLNK:
		return mode, nil
	}
	return 0, errors.New("not a regular file")
}

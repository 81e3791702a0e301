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

// WritePidfile creates the file at path and keeps it locked (flock(2)) until remove is called or this process ends. It
// writes the file under another name and then renames it, so a reader finds the whole content or no file, and a
// symbolic link at path is replaced instead of followed. An unlocked file is replaced. If another process has locked
// the file at path, the error contains the PID in the file. Of several calls at the same time exactly one succeeds.
// remove deletes the file unless another file has replaced it. fd is the descriptor that holds the lock.
func (k *Kernel) WritePidfile(path, content string) (fd int, remove func(), err error) {
	// A device must be neither replaced nor deleted.
	if _, err := fileType(path); err != nil && err != unix.ENOENT {
		return -1, nil, &fs.PathError{Op: "write", Path: path, Err: err}
	}
	f, err := newPidfile(path, content)
	if err != nil {
		return -1, nil, err
	}
	if err := f.claim(); err != nil {
		f.discard()
		op := "write"
		if errors.As(err, new(*lockedError)) {
			op = "lock"
		}
		return -1, nil, &fs.PathError{Op: op, Path: path, Err: err}
	}
	return f.fd, f.remove, nil
}

// InheritPidfile is called in the inner half of a pair, which has inherited the descriptor of the file at path, locked
// by the outer half. The lock remains until both halves have closed the descriptor. remove is that of WritePidfile.
func (k *Kernel) InheritPidfile(path string) (remove func(), err error) {
	f := &pidfile{path: path, fd: k.half.lockFD}
	if err := unix.Fstat(f.fd, &f.identity); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return f.remove, nil
}

// pidfile is a locked file, first at temp and then at path. Its descriptor is closed on exec; closing it ends the lock.
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
		return nil, &fs.PathError{Op: "create", Path: path, Err: err}
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

// discard deletes the file at temp. It is for a pidfile that has not been renamed to path.
func (f *pidfile) discard() {
	unix.Unlink(f.temp)
	unix.Close(f.fd)
}

// remove deletes the file at path if that is still this file. It deletes the file before it ends the lock, so no other
// process can have replaced the file after the comparison.
func (f *pidfile) remove() {
	if isFile(f.path, &f.identity) {
		unix.Unlink(f.path)
	}
	unix.Close(f.fd)
}

// claimPause is the time between two attempts of claim, and claimLimit the time for all attempts. Another process
// replaces a file within microseconds, unless a signal such as SIGSTOP stops that process.
const (
	claimPause = 5 * time.Millisecond
	claimLimit = 5 * time.Second
)

// errReplaced says that another process changed the file during tryClaim, so claim tries again.
var errReplaced = errors.New("other processes keep replacing the file")

// claim renames the file to path. If another process changes path at the same time, claim tries again for up to
// claimLimit, because that process may end and leave path unlocked.
func (f *pidfile) claim() error {
	for began := time.Now(); ; sleep(claimPause) {
		if err := f.tryClaim(); err != errReplaced || time.Since(began) > claimLimit {
			return err
		}
	}
}

// tryClaim makes one attempt to rename the file to path. If path does not exist, tryClaim creates it atomically.
// Otherwise tryClaim first claims another pidfile, path.lock. A lock on the existing file is not enough: it may be a
// symbolic link, which cannot be locked, and other processes would take a file locked by tryClaim for the pidfile of a
// running process.
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

// tryClaimLockFile claims path.lock, without a further lock file. If another process has locked path.lock, it may be
// about to replace path, so tryClaim returns errReplaced.
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

// claimMissing renames the file to path if path does not exist. Otherwise the error is errReplaced.
func (f *pidfile) claimMissing() error {
	err := unix.Renameat2(unix.AT_FDCWD, f.temp, unix.AT_FDCWD, f.path, unix.RENAME_NOREPLACE)
	if err == unix.EINVAL || err == unix.ENOSYS || err == unix.EPERM {
		// RENAME_NOREPLACE is refused by Linux before 3.15, by some file systems, and by some seccomp filters.
		if err = unix.Link(f.temp, f.path); err == nil {
			err = unix.Unlink(f.temp)
		}
	}
	if err == unix.EEXIST {
		return errReplaced
	}
	return err
}

// replace locks the regular file at path, and renames this pidfile, which is locked already, over it. So at any time
// path names a file that this process has locked.
func (f *pidfile) replace() error {
	// O_NONBLOCK: if a FIFO has replaced the file, open(2) must not wait for a writer.
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
	var found unix.Stat_t
	if err := unix.Fstat(fd, &found); err != nil {
		return err
	}
	err = lockFile(fd)
	switch {
	case !isFile(f.path, &found) || found.Mode&unix.S_IFMT != unix.S_IFREG:
		return errReplaced
	case err == unix.EWOULDBLOCK:
		return &lockedError{leadingPID(fd)}
	case err != nil:
		return err
	}
	return unix.Rename(f.temp, f.path)
}

// lockedError says that another process has locked a file.
type lockedError struct{ pid int } // the PID that the file begins with; 0: none

func (e *lockedError) Error() string {
	if e.pid == 0 {
		return "held by another process"
	}
	return fmt.Sprintf("held by process %d", e.pid)
}

// leadingPID returns the number with which the file begins, or 0.
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

// lockFile takes an exclusive lock on a file without waiting. The error is EWOULDBLOCK if another process has locked
// the file.
func lockFile(fd int) error {
	for {
		switch err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err {
		case unix.EINTR:
		case unix.ENOLCK, unix.EOPNOTSUPP, unix.ENOSYS, unix.EBADF:
			return fmt.Errorf("the file system cannot lock the file (flock): %w", err)
		default:
			return err
		}
	}
}

// isFile reports whether path names this file. It does not follow a symbolic link.
func isFile(path string, file *unix.Stat_t) bool {
	var now unix.Stat_t
	return unix.Lstat(path, &now) == nil && now.Dev == file.Dev && now.Ino == file.Ino
}

// fileType returns the type of the file at path if that is S_IFREG or S_IFLNK. Any other type is an error.
func fileType(path string) (uint32, error) {
	var found unix.Stat_t
	if err := unix.Lstat(path, &found); err != nil {
		return 0, err
	}
	switch mode := found.Mode & unix.S_IFMT; mode {
	case unix.S_IFREG, unix.S_IFLNK:
		return mode, nil
	}
	return 0, errors.New("not a regular file")
}

package procfs

import (
	"strings"

	"golang.org/x/sys/unix"
)

// FileID identifies a file on this system: device and inode number.
type FileID struct{ Dev, Ino uint64 }

// File is what stat(2) shows of a file.
type File struct {
	FileID
	Mode  uint32 // with the file type
	Links uint32 // hard links; 0 if the file was removed
}

// IsDir reports whether the file is a directory.
func (f *File) IsDir() bool { return f.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsRegular reports whether the file is a regular file.
func (f *File) IsRegular() bool { return f.Mode&unix.S_IFMT == unix.S_IFREG }

// StatFile returns the file at path. It follows symbolic links. The error is a bare errno.
func StatFile(path string) (File, error) { return statFile(unix.AT_FDCWD, path) }

// statFile returns the file at path, relative to dir. AT_STATX_DONT_SYNC keeps a file server that does not answer from
// blocking this process, because any process of the system may have a file open there. Without statx(2), before Linux
// 4.11 or in a sandbox, statFile uses fstatat(2).
func statFile(dir int, path string) (File, error) {
	var x unix.Statx_t
	for {
		err := unix.Statx(dir, path, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, unix.STATX_TYPE|unix.STATX_INO|unix.STATX_NLINK, &x)
		switch err {
		case nil:
			return File{FileID{unix.Mkdev(x.Dev_major, x.Dev_minor), x.Ino}, uint32(x.Mode), x.Nlink}, nil
		case unix.EINTR:
			continue
		case unix.ENOSYS, unix.EPERM:
		default:
			return File{}, err
		}
		var st unix.Stat_t
		if err := fstatat(dir, path, &st, 0); err != nil {
			return File{}, err
		}
		dev := unix.Mkdev(unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)))
		return File{FileID{dev, st.Ino}, st.Mode, uint32(st.Nlink)}, nil
	}
}

// throughLiving calls read with "", and if that finds no file because the leader has exited, with the directory of a
// living thread. path is for the error.
func (fs *FS) throughLiving(pid int, path string, read func(task string) error) error {
	err := read("")
	if wrapsVanished(err) {
		err = fs.throughThread(pid, read)
	}
	if err != nil && err != ErrNoProcess {
		err = fs.processError("stat", processPath(pid, path), err)
	}
	return err
}

// ExeFile returns the executable of a process, also one that was removed or replaced. A zombie or kernel thread has
// none, and the error is ErrNoProcess. ExeFile needs PTRACE_MODE_READ access (ptrace(2)), as do all methods below.
func (fs *FS) ExeFile(pid int) (f File, err error) {
	err = fs.throughLiving(pid, "exe", func(task string) error {
		f, err = statFile(fs.fd, processPath(pid, task+"exe"))
		return err
	})
	return f, err
}

// RemovedExe reports whether the executable of a process was at path before it was removed, or replaced by another
// file. The caller has seen that the executable has no hard link (File.Links), so that its link ends in " (deleted)".
// path is absolute and without symbolic links. top is a directory that contains path, also as seen by the caller, and
// id that directory: a process in another mount namespace may have run another file that had the same path there.
func (fs *FS) RemovedExe(pid int, path, top string, id FileID) (was bool, err error) {
	err = fs.throughLiving(pid, "exe", func(task string) error {
		b, err := fs.readLink(pid, task+"exe")
		if err != nil || string(b) != path+" (deleted)" {
			return err
		}
		root, err := fs.openLinkRoot(processPath(pid, task))
		if err != nil {
			return err
		}
		defer unix.Close(root)
		dir, err := statFile(root, "./"+top)
		was = err == nil && dir.FileID == id
		return nil
	})
	return was, err
}

// CwdIn reports whether the working directory of a process is the directory dir, or below it. It follows ".." up from
// the working directory, so no rename or bind mount on the way matters.
func (fs *FS) CwdIn(pid int, dir FileID) (in bool, err error) {
	err = fs.throughLiving(pid, "cwd", func(task string) error {
		var last FileID
		path := processPath(pid, task+"cwd")
		for range maxDepth {
			f, err := statFile(fs.fd, path)
			if in = f.FileID == dir && err == nil; in || err != nil || f.FileID == last {
				return err // the parent of the root directory is the root directory
			}
			last, path = f.FileID, path+"/.."
		}
		return nil
	})
	return in, err
}

// HasFile reports whether there is a regular file at path, as the process sees it: relative to its working directory,
// or to its root directory if path begins with a slash. An absolute symbolic link on the way leads to a file of the
// caller.
func (fs *FS) HasFile(pid int, path string) (has bool, err error) {
	base := "cwd/"
	if strings.HasPrefix(path, "/") {
		base = "root"
	}
	err = fs.throughLiving(pid, base, func(task string) error {
		// Look at the link first: its error concerns the process, and that of the path concerns the file only.
		dir := processPath(pid, task+base)
		if _, err := statFile(fs.fd, dir); err != nil {
			return err
		}
		f, err := statFile(fs.fd, dir+path)
		has = err == nil && f.IsRegular()
		return nil
	})
	return has, err
}

// RunsFile reports whether the executable of a process is the file at path, which is absolute, as the process sees it.
func (fs *FS) RunsFile(pid int, path string) (runs bool, err error) {
	err = fs.throughLiving(pid, "exe", func(task string) error {
		dir := processPath(pid, task)
		exe, err := statFile(fs.fd, dir+"exe")
		if err != nil {
			return err
		}
		f, err := statFile(fs.fd, dir+"root"+path)
		runs = err == nil && f.FileID == exe.FileID
		return nil
	})
	return runs, err
}

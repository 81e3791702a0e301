package procfs

import (
	"os"
	"strings"
)

// Label returns the security context of a process, as SELinux or AppArmor names
// it (proc_pid_attr(5)). The error is for a kernel that has neither, too.
func (fs *FS) Label(pid int) (string, error) {
	path := processPath(pid, "attr/current")
	b, err := fs.read(path, false, maxMemory)
	if err != nil {
		return "", fs.processError("read", path, err)
	}
	return strings.TrimRight(string(b), "\n\x00"), nil
}

// ExeInfo is what stat(2) tells of the program that a process runs, be it
// removed, so that it can be told from another of the same path.
func (fs *FS) ExeInfo(pid int) (os.FileInfo, error) {
	return fs.linkInfo(pid, "exe")
}

// LinkRootInfo returns stat(2) of the directory at which the paths of the links in /proc/PID begin: see openTop.
func (fs *FS) LinkRootInfo(pid int) (os.FileInfo, error) {
	return os.Stat(fs.root + "/" + topPath(processPath(pid, "")))
}

// RootInfo is what stat(2) tells of a process's root folder. Unlike the path of
// that it can be compared across mount namespaces.
func (fs *FS) RootInfo(pid int) (os.FileInfo, error) {
	return fs.linkInfo(pid, "root/")
}

// linkInfo returns stat(2) of the file that a link in /proc/PID names. If the leader has exited, it uses the
// link of a living thread.
func (fs *FS) linkInfo(pid int, file string) (info os.FileInfo, err error) {
	stat := func(task string) error {
		info, err = os.Stat(fs.root + "/" + processPath(pid, task+file))
		return err
	}
	first := stat("")
	if !wrapsVanished(first) || fs.throughThread(pid, stat) == ErrNoProcess {
		return info, first
	}
	return info, err
}

package procfs

import (
	"os"
	"strings"
)

// Label returns the SELinux or AppArmor context of a process (proc_pid_attr(5)). It fails on a kernel that has neither,
// with ErrNoProcess if the kernel has no security modules at all.
func (fs *FS) Label(pid int) (string, error) {
	path := processPath(pid, "attr/current")
	b, err := fs.read(path, false, maxMemory)
	if err != nil {
		return "", fs.processError("read", path, err)
	}
	return strings.TrimRight(string(b), "\n\x00"), nil
}

// ExeInfo returns stat(2) of the executable of a process, even if the file was removed or replaced. The result
// distinguishes two files that have had the same path.
func (fs *FS) ExeInfo(pid int) (os.FileInfo, error) {
	return fs.linkInfo(pid, "exe")
}

// LinkRootInfo returns stat(2) of the directory at which the paths of the links in /proc/PID begin (see openLinkRoot).
func (fs *FS) LinkRootInfo(pid int) (os.FileInfo, error) {
	return os.Stat(fs.root + "/" + linkRootPath(processPath(pid, "")))
}

// RootInfo returns stat(2) of the root directory of a process. Unlike the path of the directory, the result can be
// compared across mount namespaces.
func (fs *FS) RootInfo(pid int) (os.FileInfo, error) {
	return fs.linkInfo(pid, "root/")
}

// linkInfo returns stat(2) of the file that a link in /proc/PID names. If the leader has exited, linkInfo uses the same
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

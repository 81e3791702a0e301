package procfs

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpenDir returns a descriptor of the directory of a process. After the process has been reaped, reads through the
// descriptor fail, even if the PID was reused.
func (fs *FS) OpenDir(pid int) (int, error) {
	path := strconv.Itoa(pid)
	fd, err := fs.open(path, unix.O_DIRECTORY)
	if err != nil {
		return -1, fs.processError("open", path, err)
	}
	return fd, nil
}

// StatAt reads the stat file in dir, a descriptor that OpenDir returned.
func (fs *FS) StatAt(dir int) (Stat, error) {
	// at shares the buffer with fs, but its paths are relative to dir.
	at := FS{root: fs.root, fd: dir, buf: fs.buf}
	b, err := at.read("stat", true, unlimited)
	if err != nil {
		return Stat{}, fs.processError("read", "stat", err)
	}
	s, err := ParseStat(b)
	if err != nil {
		return Stat{}, fmt.Errorf("%s: %w", fs.root, err)
	}
	if s.leaderExited() {
		at.takeLivingState("", &s)
	}
	return s, nil
}

package procfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"killbox/internal/show"

	"golang.org/x/sys/unix"
)

// TTYNumber returns the number that Stat.TTY has for processes on the named
// terminal: "pts/3", "tty1", or an absolute path. "?" and "-" are 0, for
// processes without any. The device is looked up in this process's /dev, the
// terminal of a process in /proc; a name is an error if there is no such file, or
// it is no character device. /dev/console and /dev/tty stand for other terminals,
// and no process has their numbers.
func (fs *FS) TTYNumber(name string) (uint32, error) {
	switch name {
	case "?", "-":
		return 0, nil
	case "":
		return 0, errors.New("no terminal named")
	}
	path := name
	if !filepath.IsAbs(path) {
		path = "/dev/" + path
	}
	var st unix.Stat_t
	for {
		err := unix.Stat(path, &st)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, &os.PathError{Op: "stat", Path: show.Word(path), Err: err}
		}
		break
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return 0, fmt.Errorf("%s is no terminal", show.Word(path))
	}
	rdev := uint64(st.Rdev) // 32 bits on MIPS
	return ttyNumber(unix.Major(rdev), unix.Minor(rdev)), nil
}

// ttyNumber is the kernel's new_encode_dev (include/linux/kdev_t.h).
func ttyNumber(major, minor uint32) uint32 {
	return minor&0xff | major<<8 | minor&^0xff<<12
}

// TTYName returns the usual name of a terminal, without /dev: "pts/3", "tty1",
// "ttyS0" (Documentation/admin-guide/devices.txt). It is "?" for 0 and
// "MAJOR:MINOR" for numbers whose name only their driver knows.
func TTYName(nr uint32) string {
	major, minor := nr>>8&0xfff, nr&0xff|nr>>20<<8
	switch {
	case nr == 0:
		return "?"
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4 && minor < 256:
		return fmt.Sprintf("ttyS%d", minor-64)
	case major >= 136 && major <= 143:
		// Linux 2.4 spread the pts over eight majors of 256; now the first
		// has them all.
		return fmt.Sprintf("pts/%d", (major-136)<<8+minor)
	case major == 166:
		return fmt.Sprintf("ttyACM%d", minor)
	case major == 188:
		return fmt.Sprintf("ttyUSB%d", minor)
	case major == 204 && minor >= 64 && minor < 80:
		return fmt.Sprintf("ttyAMA%d", minor-64)
	case major == 229:
		return fmt.Sprintf("hvc%d", minor)
	}
	return fmt.Sprintf("%d:%d", major, minor)
}

package procfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"killbox/internal/show"

	"golang.org/x/sys/unix"
)

// TTYNumber returns the device number of a terminal, in the form of Stat.TTY. name is a path in the caller's /dev, such
// as "pts/3" or "tty1", or an absolute path. For "?" and "-", which mean no terminal, the number is 0. TTYNumber
// returns an error if the file does not exist or is not a character device. /dev/console and /dev/tty stand for another
// terminal: Stat.TTY never has their numbers.
func (fs *FS) TTYNumber(name string) (uint32, error) {
	switch name {
	case "?", "-":
		return 0, nil
	case "":
		return 0, errors.New("the name of the terminal is empty")
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
			return 0, &os.PathError{Op: "stat", Path: path, Err: err}
		}
		break
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return 0, fmt.Errorf("%s is not a terminal", show.Word(path))
	}
	rdev := uint64(st.Rdev) // 32 bits on MIPS
	return ttyNumber(unix.Major(rdev), unix.Minor(rdev)), nil
}

// ttyNumber encodes a device number like new_encode_dev of the kernel (include/linux/kdev_t.h).
func ttyNumber(major, minor uint32) uint32 {
	return minor&0xff | major<<8 | minor&^0xff<<12
}

// TTYName returns the usual name of the terminal with the device number nr, without /dev/, such as "pts/3", "tty1" or
// "ttyS0" (Documentation/admin-guide/devices.txt). For 0 it returns "?", and "MAJOR:MINOR" for a number that has no
// usual name.
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
		// Linux 2.4 used the eight majors 136 to 143, with 256 minors each. Since Linux 2.6 all pts have major 136.
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

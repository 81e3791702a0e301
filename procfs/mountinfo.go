package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount is a line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	ID, Parent   int    // the number of the mount, and that of the mount on which it is mounted
	Device       uint64 // the number of the file system, as unix.Mkdev makes it; st_dev of its files may differ (btrfs)
	Propagation  string // the optional fields, such as "shared:2 master:1"
	Root         string // the mounted directory, as a path within its file system
	Point        string // the mount point, relative to the root directory of the caller
	FSType       string // such as "cgroup2" or "fuse.sshfs"
	Source       string
	SuperOptions string // separated by commas; the escapes of the kernel are kept
}

var errMountinfo = errors.New("malformed mountinfo")

// ParseMountInfo parses /proc/PID/mountinfo. It keeps the order of the lines: of two mounts at the same point, the
// later one hides the earlier one.
func ParseMountInfo(b []byte) ([]Mount, error) {
	var mounts []Mount
	for line := range bytes.Lines(b) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		// Any number of optional fields follow the sixth, and a single dash ends them. Spaces in names are escaped, but
		// the source may be empty: two spaces in a row enclose an empty field.
		left, right, ok := bytes.Cut(line, []byte(" - "))
		l := strings.Split(string(left), " ")
		r := strings.SplitN(string(right), " ", 3)
		if !ok || len(l) < 6 || len(r) < 3 {
			return nil, fmt.Errorf("%w: %q", errMountinfo, line)
		}
		id, idErr := strconv.Atoi(l[0])
		parent, parentErr := strconv.Atoi(l[1])
		device, deviceOK := parseDevice(l[2], 10)
		if idErr != nil || parentErr != nil || !deviceOK {
			return nil, fmt.Errorf("%w: %q", errMountinfo, line)
		}
		mounts = append(mounts, Mount{
			ID:           id,
			Parent:       parent,
			Device:       device,
			Propagation:  strings.Join(l[6:], " "),
			Root:         unescapeOctal(l[3]),
			Point:        unescapeOctal(l[4]),
			FSType:       unescapeOctal(r[0]),
			Source:       unescapeOctal(r[1]),
			SuperOptions: r[2],
		})
	}
	return mounts, nil
}

// parseDevice parses a device number, MAJOR:MINOR. mountinfo has decimal numbers, maps hexadecimal ones.
func parseDevice(text string, base int) (device uint64, ok bool) {
	first, second, ok := strings.Cut(text, ":")
	major, majorErr := strconv.ParseUint(first, base, 32)
	minor, minorErr := strconv.ParseUint(second, base, 32)
	return unix.Mkdev(uint32(major), uint32(minor)), ok && majorErr == nil && minorErr == nil
}

// unescapeOctal reverses mangle_path (fs/seq_file.c), which writes a space, tab, newline, backslash or number sign as
// a backslash and three octal digits. A backslash without three octal digits is kept.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && '0' <= s[i+1] && s[i+1] <= '3' && octal(s[i+2]) && octal(s[i+3]) {
			out.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func octal(c byte) bool { return '0' <= c && c <= '7' }

// Mounts returns the mounts that are visible to the caller (/proc/self/mountinfo).
func (fs *FS) Mounts() ([]Mount, error) { return fs.mountsOf("self/mountinfo") }

func (fs *FS) mountsOf(path string) ([]Mount, error) {
	b, err := fs.readSystem(path)
	if err != nil {
		return nil, err
	}
	mounts, err := ParseMountInfo(b)
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", fs.root, path, err)
	}
	return mounts, nil
}

// HidesProcesses reports whether /proc is mounted with hidepid=1 (noaccess), 2 (invisible) or 4 (ptraceable, Linux
// 5.8). Then it does not show processes, or their files, that the caller may not examine (proc(5)). Later calls return
// the result of the first.
func (fs *FS) HidesProcesses() bool {
	if fs.hidepid == nil {
		hides := false
		mounts, _ := fs.Mounts()
		for _, m := range mounts {
			if m.FSType == "proc" && m.Point == fs.root {
				hides = hidesProcesses(m.SuperOptions)
			}
		}
		fs.hidepid = &hides
	}
	return *fs.hidepid
}

func hidesProcesses(options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "hidepid=1", "hidepid=noaccess", "hidepid=2", "hidepid=invisible", "hidepid=4", "hidepid=ptraceable":
			return true
		}
	}
	return false
}

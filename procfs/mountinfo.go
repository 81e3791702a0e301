package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Mount is a line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
type Mount struct {
	Root         string // which directory of the file system is mounted
	Point        string // where, relative to the reader's root
	FSType       string // "cgroup2", "fuse.sshfs"
	Source       string
	SuperOptions string // separated by commas, with the kernel's escapes
}

var errMountinfo = errors.New("malformed mountinfo")

// ParseMountInfo parses /proc/PID/mountinfo. The order is kept: of two mounts at
// one point, the later hides the earlier.
func ParseMountInfo(b []byte) ([]Mount, error) {
	var mounts []Mount
	for line := range bytes.Lines(b) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		// Any number of optional fields stand between the sixth and a lone
		// dash. Spaces in names are escaped, but a source may be empty, so a
		// space more than usual is a field and no padding.
		left, right, ok := bytes.Cut(line, []byte(" - "))
		l := strings.Split(string(left), " ")
		r := strings.SplitN(string(right), " ", 3)
		if !ok || len(l) < 6 || len(r) < 3 {
			return nil, fmt.Errorf("%w: %q", errMountinfo, line)
		}
		mounts = append(mounts, Mount{
			Root:         unescapeOctal(l[3]),
			Point:        unescapeOctal(l[4]),
			FSType:       unescapeOctal(r[0]),
			Source:       unescapeOctal(r[1]),
			SuperOptions: r[2],
		})
	}
	return mounts, nil
}

// unescapeOctal undoes mangle_path (fs/seq_file.c): a backslash and three octal
// digits for space, tab, newline, backslash and the number sign. A backslash that
// begins no such escape stands for itself.
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

// Mounts reads the mounts that this process sees.
func (fs *FS) Mounts() ([]Mount, error) {
	b, err := fs.readSystem("self/mountinfo")
	if err != nil {
		return nil, err
	}
	mounts, err := ParseMountInfo(b)
	if err != nil {
		return nil, fmt.Errorf("%s/self/mountinfo: %w", fs.root, err)
	}
	return mounts, nil
}

// HidesProcesses reports whether /proc was mounted with hidepid=1 (noaccess), 2 (invisible) or 4 (ptraceable,
// Linux 5.8), and so does not show processes that the caller may not examine (proc(5)). The result of the
// first call is kept.
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

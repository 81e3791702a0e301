package dropin

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"killbox/procfs"
)

// cutName is the length in bytes to which the kernel cuts names: TASK_COMM_LEN without the NUL.
const cutName = 15

// match reports whether the process meets the options and matches an operand. shown is its name for messages, hits are
// the indexes of the operands that match. With verbose it reports a process that --exact skips.
func (c *killallCall) match(st *procfs.Stat, verbose bool) (ok bool, shown string, hits []int) {
	if !c.meetsOptions(st) {
		return false, "", nil
	}
	shown, whole := st.Comm, true
	if len(st.Comm) == cutName {
		words, err := c.env.Proc.Cmdline(st.PID)
		if err != nil {
			return false, "", nil
		}
		if shown, whole = fullName(st.Comm, words); !whole && c.o.exact {
			if verbose {
				c.say("%s: skipping partial match %s(%d)", c.name, terminalSafe(st.Comm), st.PID)
			}
			return false, "", nil
		}
	}
	for i := range c.names {
		if c.matchesName(&c.names[i], st.PID, shown, whole) {
			hits = append(hits, i)
		}
	}
	return len(hits) > 0 || len(c.names) == 0, shown, hits
}

// meetsOptions reports whether the process has the user, PID namespace, security context and age that options ask for.
func (c *killallCall) meetsOptions(st *procfs.Stat) bool {
	proc := c.env.Proc
	if c.o.hasUID {
		if status, err := proc.Status(st.PID); err != nil || status.UID[0] != c.o.uid {
			return false
		}
	}
	if c.ns != "" {
		if ns, err := proc.Namespace(st.PID, "pid"); err != nil || ns != c.ns {
			return false
		}
	}
	if c.o.context != nil {
		if label, err := proc.Label(st.PID); err != nil || !c.o.context.MatchString(label) {
			return false
		}
	}
	age := max(c.uptime-procfs.Ticks(st.Start), 0)
	return !(c.o.younger > 0 && age > c.o.younger || c.o.older > 0 && age < c.o.older)
}

// fullName looks in the command line for the full form of comm, which the kernel has cut. It returns the base name of a
// word, if that base name begins with comm. It tries one word after the other up to an empty one, because the name of a
// script follows that of its interpreter. If no base name begins with comm, it returns comm.
func fullName(comm string, words []string) (name string, found bool) {
	for _, word := range words {
		if word == "" {
			break
		}
		if base := word[strings.LastIndexByte(word, '/')+1:]; strings.HasPrefix(base, comm) {
			return base, true
		}
	}
	return comm, false
}

// matchesName reports whether the operand matches the process. name is that of the process; whole is false if the rest
// of a cut name was not found.
func (c *killallCall) matchesName(n *killallName, pid int, name string, whole bool) bool {
	if n.re != nil {
		return n.re.MatchString(name)
	}
	if n.paths != nil {
		if info, err := c.env.Proc.ExeInfo(pid); err == nil && n.file != nil && os.SameFile(info, n.file) {
			return true
		}
		// Compare the path as well: the file may have been removed or replaced since the process was started, for
		// example by an upgrade. Compare it only if both processes have the same mounts: in a container the same path
		// names another file.
		exe, err := c.env.Proc.Exe(pid)
		return err == nil && slices.Contains(n.paths, exe) && c.sameMounts(pid)
	}
	want := n.text
	if !whole && len(want) > cutName {
		want = want[:cutName]
	}
	if c.o.ignoreCase {
		return strings.EqualFold(name, want)
	}
	return name == want
}

// sameMounts reports whether a path in /proc/PID/exe names the same file for this process: both processes have the same
// mount namespace and the same root directory.
func (c *killallCall) sameMounts(pid int) bool {
	own, err := c.env.Proc.Namespace(c.env.PID, "mnt")
	ns, other := c.env.Proc.Namespace(pid, "mnt")
	if err != nil || other != nil || ns != own {
		return false
	}
	ours, err := c.env.Proc.LinkRootInfo(c.env.PID)
	theirs, other := c.env.Proc.LinkRootInfo(pid)
	return err == nil && other == nil && os.SameFile(ours, theirs)
}

// programPath returns the path that /proc/PID/exe shows for a process that was started as word: absolute, with the
// symbolic links of the directory resolved. The file need not exist.
func programPath(word string) string {
	dir, base := filepath.Split(word)
	dir, err := filepath.EvalSymlinks(cmp.Or(dir, "."))
	path := filepath.Join(dir, base)
	if err != nil { // the directory has been removed as well
		path = filepath.Clean(word)
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

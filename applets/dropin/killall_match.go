package dropin

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"killbox/procfs"
)

// cutName is the length at which the kernel cuts names (TASK_COMM_LEN).
const cutName = 15

// match judges a process. hits are the operands that it answers to, and shown
// is the name that it goes by.
func (c *killallCall) match(st *procfs.Stat, tell bool) (ok bool, shown string, hits []int) {
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
			if tell {
				c.say("%s: skipping partial match %s(%d)", c.name, printed(st.Comm), st.PID)
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

// meetsOptions reports whether the process has the user, namespace, security context and age asked for.
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

// fullName looks for a name that was cut among the words of the command line:
// that of a script is behind its interpreter's.
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

// matchesName tells whether the operand means the process.
func (c *killallCall) matchesName(n *killallName, pid int, name string, whole bool) bool {
	if n.re != nil {
		return n.re.MatchString(name)
	}
	if n.paths != nil {
		if info, err := c.env.Proc.ExeInfo(pid); err == nil && n.file != nil && os.SameFile(info, n.file) {
			return true
		}
		// The file may have been removed or replaced since, as by an upgrade. In a container the same path
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

// sameMounts reports whether the links in /proc/PID name files by the same paths as those of this process:
// both are in one mount namespace, and below one root directory.
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

// programPath returns the path that /proc/PID/exe shows for the program that word names, also after its
// file was removed: symbolic links in the directory are resolved.
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

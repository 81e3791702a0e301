package kernel

// AncestorsChildren returns the PIDs of all children of the ancestors of some processes, whose PPIDs are in parents. It
// follows the PPIDs up to PID 1 and reads the children of each ancestor (/proc/PID/task/TID/children,
// CONFIG_PROC_CHILDREN). It returns nil if there is no /proc or if a file cannot be read. The kernel may omit a child
// from such a file if a sibling exits during the read (proc(5)).
func (k *Kernel) AncestorsChildren(parents []int) map[int]bool {
	if k.proc == nil {
		return nil
	}
	found, seen := make(map[int]bool), make(map[int]bool)
	for _, pid := range parents {
		for pid != 0 && !seen[pid] {
			seen[pid] = true
			st, err := k.proc.Stat(pid)
			if err != nil {
				return nil
			}
			children, err := k.proc.Children(pid)
			if err != nil {
				return nil
			}
			for _, child := range children {
				found[child] = true
			}
			pid = st.PPID
		}
	}
	return found
}

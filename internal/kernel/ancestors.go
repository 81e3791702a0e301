package kernel

// AncestorsChildren returns the children of all ancestors of the processes whose parents are given, or nil if
// some cannot be read (/proc/PID/task/TID/children, CONFIG_PROC_CHILDREN). A child that exits meanwhile can
// hide others.
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

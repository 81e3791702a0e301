package target

import (
	"path"
	"slices"
	"strings"

	"killbox/procfs"
)

// Names returns names by which Selector.Name, with Scripts, finds a process: comm, or if the kernel has cut that off,
// the base names of argv[0] and of the executable; and the script that an interpreter runs.
func Names(proc *procfs.FS, st *procfs.Stat) (names []string) {
	add := func(file string) {
		if file != "" && !slices.Contains(names, path.Base(file)) {
			names = append(names, path.Base(file))
		}
	}
	args, _ := proc.Cmdline(st.PID) // nothing can be read of a process that is gone
	if len(st.Comm) < maxComm {
		add(st.Comm)
	} else {
		exe, _ := proc.Exe(st.PID)
		if len(args) > 0 && strings.HasPrefix(path.Base(args[0]), st.Comm) {
			add(args[0])
		} else if strings.HasPrefix(path.Base(exe), st.Comm) {
			add(exe)
		} else if shebangScript(args, st.Comm) == "" {
			add(st.Comm)
		}
		add(shebangScript(args, st.Comm))
	}
	add(scriptOperand(args))
	return names
}

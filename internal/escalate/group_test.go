package escalate

import "killbox/internal/signals"
import "killbox/procfs"

// The scripted kernel's groups: as long as a number has members, it means the group that was opened.

func (w *world) members(pgid int) []*process {
	var list []*process
	for _, p := range w.first {
		if p.PGID == pgid && w.procs[p.PID] == p {
			list = append(list, p)
		}
	}
	return list
}

func (w *world) OpenGroup(pgid int) error {
	w.call("opengroup %d", pgid)
	if len(w.members(pgid)) == 0 {
		return procfs.ErrNoProcess
	}
	return nil
}

func (w *world) GroupLives(pgid int, _ []procfs.ID) bool {
	w.call("grouplives %d", pgid)
	return len(w.members(pgid)) > 0
}

func (w *world) SignalGroup(pgid int, _ []procfs.ID, s signals.Signal) error {
	w.call("signalgroup %d %v", pgid, s)
	list := w.members(pgid)
	if len(list) == 0 {
		return procfs.ErrNoProcess
	}
	for _, p := range list {
		p.deliver(s)
	}
	return nil
}

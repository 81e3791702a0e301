package kernel

import (
	"os"

	"killbox/procfs"
)

// ahead is a process that was opened before its Open.
type ahead struct {
	process
	stat procfs.Stat
}

// Ahead does the work of the calls of Open that follow, for these numbers in this order, with all processors: where they
// are thousands, opening is half of what we do. Whoever cannot be opened like this is left to Open.
func (k *Kernel) OpenBatch(pids []int) {
	const many = 1000
	if len(pids) < many || k.proc == nil || !k.pidfds() {
		return
	}
	if self, err := pidfdOpen(os.Getpid()); err == nil {
		k.makeRoom(self, self+len(pids)+reserve)
		closeFD(self)
	}
	k.ahead = make([]ahead, len(pids))
	limit := k.probe.limit() - reserve
	k.RunParallel(len(pids), func(proc *procfs.FS, i int) {
		k.ahead[i].open(proc, pids[i], limit)
		if k.ahead[i].kind == pidfd {
			k.ahead[i].inode = k.inode(k.ahead[i].fd)
			k.ahead[i].stat.Inode = k.ahead[i].inode
		}
	})
}

// open is Kernel.Open for who has a pidfd to be had and a stat to be read; others stay loose.
func (a *ahead) open(proc *procfs.FS, pid, limit int) {
	a.fd, a.id.PID = -1, pid
	fd, err := pidfdOpen(pid)
	if err != nil {
		return
	}
	a.fd, a.kind = fd, pidfd
	if a.stat, err = proc.Stat(pid); err == nil {
		err = exists(fd)
	}
	if err != nil || fd >= limit {
		a.close()
		return
	}
	a.id = a.stat.ID
}

// takeAhead returns the next of those opened ahead, if it has this number.
func (k *Kernel) takeAhead(pid int) (*process, procfs.Stat) {
	if len(k.ahead) == 0 || k.ahead[0].id.PID != pid {
		return nil, procfs.Stat{}
	}
	a := &k.ahead[0]
	k.ahead = k.ahead[1:]
	if a.kind == loose {
		return nil, procfs.Stat{}
	}
	return &a.process, a.stat
}

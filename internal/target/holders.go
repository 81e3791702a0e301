package target

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"

	"killbox/internal/show"
	"killbox/procfs"
)

// Holders is the condition of --port, --open and --mount: the process holds what all given options name.
type Holders struct {
	port struct {
		number int // 0 without --port
		udp    bool
	}
	open, mount string // as the user has written them; empty without --open and --mount
	objects     procfs.Objects
	sockets     []procfs.Socket // those with the port when the call began

	mu         sync.Mutex            // protects the fields below during a parallel scan
	scanned    map[int][]procfs.Hold // by PID, what the parallel scan has found
	seen       map[uint64]bool       // the sockets that a process holds
	holds      map[procfs.ID][]procfs.Hold
	unexamined map[procfs.ID]procfs.Stat // processes whose descriptors this process may not read
	hidden     int                       // processes of which not even the stat can be read
}

// NewHolders returns a condition that SetPort, SetOpen and SetMount complete.
func NewHolders() *Holders {
	return &Holders{
		scanned: make(map[int][]procfs.Hold), seen: make(map[uint64]bool), holds: make(map[procfs.ID][]procfs.Hold),
		unexamined: make(map[procfs.ID]procfs.Stat),
	}
}

// SetPort adds --port. The sockets that have the port now count, and no later ones.
func (h *Holders) SetPort(proc *procfs.FS, udp bool, number int) (err error) {
	h.port.udp, h.port.number = udp, number
	h.sockets, err = proc.Sockets(udp, number)
	h.setSockets(h.sockets)
	return err
}

func (h *Holders) setSockets(sockets []procfs.Socket) {
	h.objects.Sockets = make(map[uint64]bool)
	for i := range sockets {
		h.objects.Sockets[sockets[i].Inode] = true
	}
}

// SetOpen adds --open. Any error but a *MissingError or a *PathError means that the file is of a wrong kind.
func (h *Holders) SetOpen(file string) (err error) {
	h.open = file
	h.objects.File, err = procfs.FindFile(file)
	return pathError(file, err)
}

// SetMount adds --mount. Any error but a *MissingError or a *PathError means that the directory is no mount point, or
// one that is refused.
func (h *Holders) SetMount(proc *procfs.FS, dir string) (err error) {
	h.mount = dir
	h.objects.Mount, err = proc.FindMount(dir)
	return pathError(dir, err)
}

// pathError returns the error of procfs.FindFile or procfs.FindMount with the path.
func pathError(path string, err error) error {
	if err == nil {
		return nil
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return newPathError(path, errno)
	}
	return fmt.Errorf("%s %w", show.Word(path), err)
}

// single reports whether only one of the options was given.
func (h *Holders) single() bool {
	kinds := h.objects.Kinds()
	return kinds&(kinds-1) == 0
}

// Lasting reports whether a process that meets the condition later has the object from a process that met it before: it
// holds a socket that had the port when the call began. A process that opens a file later is not to be ended.
func (h *Holders) Lasting() bool { return h.open == "" && h.mount == "" }

// hasNoSocket reports whether no socket has the port, so that no process can meet the condition.
func (h *Holders) hasNoSocket() bool { return h.port.number != 0 && len(h.sockets) == 0 }

// Mount returns the mount of --mount, nil without it.
func (h *Holders) Mount() *procfs.MountObject { return h.objects.Mount }

// Port returns the name of the port for a message, such as "tcp port 8080"; "" without --port.
func (h *Holders) Port() string {
	switch {
	case h.port.number == 0:
		return ""
	case h.port.udp:
		return fmt.Sprintf("udp port %d", h.port.number)
	}
	return fmt.Sprintf("tcp port %d", h.port.number)
}

// Nothing returns the reason if no process meets the condition.
func (h *Holders) Nothing() string {
	switch {
	case len(h.sockets) > 0 && h.open == "" && h.mount == "":
		return "no visible process holds the socket of " + h.Port()
	case h.port.number != 0 && h.port.udp:
		return "nothing is bound to " + h.Port()
	case h.port.number != 0:
		return "nothing listens on " + h.Port()
	case h.mount != "":
		return "nothing uses the mount " + show.Word(h.mount)
	}
	return "nothing has " + show.Word(h.open) + " open"
}

// Why returns how a process holds what the options name, "" if it was not found to.
func (h *Holders) Why(id procfs.ID) string { return h.describe(h.holds[id]) }

func (h *Holders) describe(holds []procfs.Hold) string {
	var parts []string
	for _, hold := range holds {
		part := ""
		link := hold.Link[strings.LastIndexByte(hold.Link, '/')+1:]
		mapped := strings.Contains(hold.Link, "map_files/")
		switch {
		case hold.Object == procfs.HeldSocket:
			part = h.describeSocket(hold.Socket)
		case hold.Object == procfs.HeldFile && (mapped || link == "exe"):
			part = "maps " + show.Word(h.open)
		case hold.Object == procfs.HeldFile:
			part = "has " + show.Word(h.open) + " open"
		case link == "cwd":
			part = "has its working directory on " + show.Word(h.mount)
		case link == "root":
			part = "has its root directory on " + show.Word(h.mount)
		case link == "exe" || mapped:
			part = "maps a file on " + show.Word(h.mount)
		case hold.Socket != 0:
			part = "has a UNIX socket on " + show.Word(h.mount)
		default:
			part = "has a file open on " + show.Word(h.mount)
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

func (h *Holders) describeSocket(inode uint64) string {
	what, protocol := "listens on", "tcp"
	if h.port.udp {
		what, protocol = "is bound to", "udp"
	}
	i := slices.IndexFunc(h.sockets, func(s procfs.Socket) bool { return s.Inode == inode })
	if i < 0 {
		return what + " " + h.Port()
	}
	return fmt.Sprintf("%s %s %s:%d", what, protocol, h.sockets[i].Address, h.port.number)
}

// Unexamined counts the processes that may hold what the options name, except those of which exclude returns a reason.
// If each socket of --port has a holder, these are no others.
func (h *Holders) Unexamined(exclude func(*procfs.Stat) string) int {
	if h.port.number != 0 && len(h.Unseen()) == 0 {
		return 0
	}
	n := h.hidden
	for _, st := range h.unexamined {
		if exclude(&st) == "" {
			n++
		}
	}
	return n
}

// Unseen returns the sockets of --port that no examined process holds.
func (h *Holders) Unseen() (sockets []procfs.Socket) {
	for _, s := range h.sockets {
		if !h.seen[s.Inode] {
			sockets = append(sockets, s)
		}
	}
	return sockets
}

// Incomplete reports whether an unknown process may meet the condition: a socket of --port has no holder, or /proc
// hides processes. With hides, /proc does so.
func (h *Holders) Incomplete(hides bool) bool {
	if h.port.number != 0 {
		return len(h.Unseen()) > 0
	}
	return hides
}

// dropClosed removes the sockets that have been closed since the call began. It reports whether a socket is left that
// no examined process holds.
func (h *Holders) dropClosed(proc *procfs.FS) bool {
	if len(h.Unseen()) == 0 {
		return false
	}
	now, err := proc.Sockets(h.port.udp, h.port.number)
	if err != nil {
		return false
	}
	h.sockets = slices.DeleteFunc(h.sockets, func(s procfs.Socket) bool {
		same := func(other procfs.Socket) bool { return other.Inode == s.Inode }
		return !h.seen[s.Inode] && !slices.ContainsFunc(now, same)
	})
	return len(h.Unseen()) > 0
}

// mayHold examines a process, and reports whether it may meet the condition. Several goroutines may call it.
func (h *Holders) mayHold(proc *procfs.FS, pid int) bool {
	holds, err := proc.Holds(pid, &h.objects)
	if err != nil && !errors.Is(err, procfs.ErrNoProcess) {
		return true // matches reports the error
	}
	if len(holds) > 0 {
		h.mu.Lock()
		h.scanned[pid] = holds
		h.markSeen(holds)
		h.mu.Unlock()
	}
	return h.holdsAll(holds)
}

func (h *Holders) markSeen(holds []procfs.Hold) {
	for _, hold := range holds {
		if hold.Object == procfs.HeldSocket {
			h.seen[hold.Socket] = true
		}
	}
}

// holdsAll reports whether there is a hold for each of the given options.
func (h *Holders) holdsAll(holds []procfs.Hold) bool {
	var kinds procfs.HeldObject
	for _, hold := range holds {
		kinds |= hold.Object
	}
	return kinds == h.objects.Kinds()
}

// matches reports whether a process meets the condition. What the parallel scan has found need not be searched again:
// matches only verifies it.
func (h *Holders) matches(proc *procfs.FS, st *procfs.Stat) (bool, error) {
	delete(h.unexamined, st.ID)
	delete(h.holds, st.ID)
	holds := slices.DeleteFunc(slices.Clone(h.scanned[st.PID]), func(hold procfs.Hold) bool {
		return !proc.StillHolds(st.PID, &h.objects, hold)
	})
	if !h.holdsAll(holds) {
		var err error
		if holds, err = proc.Holds(st.PID, &h.objects); err != nil {
			if errors.Is(err, fs.ErrPermission) && h.mayBeUnexamined(proc, st) {
				h.unexamined[st.ID] = *st
			}
			return false, dropProcessErrors(err)
		}
		h.markSeen(holds)
	}
	if !h.holdsAll(holds) {
		return false, nil
	}
	h.holds[st.ID] = holds
	return true, nil
}

// mayBeUnexamined reports whether a process whose descriptors cannot be read may have some: the files of a zombie or of
// a kernel thread belong to root.
func (h *Holders) mayBeUnexamined(proc *procfs.FS, st *procfs.Stat) bool {
	now, err := proc.Stat(st.PID)
	return !st.KernelThread() && !errors.Is(err, procfs.ErrNoProcess) && (err != nil || now.ID == st.ID && !now.Gone())
}

// Holding is a process that still, or again, holds what --port, --open or --mount names.
type Holding struct {
	procfs.Stat
	Why string
}

// Remaining says what holds the object of the condition after the call.
type Remaining struct {
	// Sockets have the port now. Later reports whether one of them was made since the call began.
	Sockets []procfs.Socket
	Later   bool
	Holders []Holding
}

// None reports whether nothing holds the object.
func (r *Remaining) None() bool { return len(r.Sockets)+len(r.Holders) == 0 }

// Remaining finds out what holds the object now. For a port it does not find the holders: see FindHolders.
func (h *Holders) Remaining(proc *procfs.FS, kernel Scanner, self int) (r Remaining, err error) {
	if h.port.number == 0 {
		r.Holders, err = h.findHolders(proc, kernel, &h.objects, self)
		return r, err
	}
	r.Sockets, err = proc.Sockets(h.port.udp, h.port.number)
	for i := range r.Sockets {
		r.Later = r.Later || !h.objects.Sockets[r.Sockets[i].Inode]
	}
	return r, err
}

// FindHolders finds the processes that hold the sockets in r.
func (h *Holders) FindHolders(proc *procfs.FS, kernel Scanner, r *Remaining) (err error) {
	h.sockets = r.Sockets
	h.setSockets(r.Sockets)
	r.Holders, err = h.findHolders(proc, kernel, &h.objects, 0)
	return err
}

// findHolders returns the processes except self that hold one of the objects.
func (h *Holders) findHolders(proc *procfs.FS, kernel Scanner, o *procfs.Objects, self int) (list []Holding, err error) {
	pids, err := proc.PIDs(nil)
	if err != nil {
		return nil, err
	}
	if o.Mount != nil {
		if err := proc.FindSockets(o.Mount); err != nil {
			return nil, err
		}
	}
	found := make([][]procfs.Hold, len(pids))
	var exhausted error
	kernel.RunParallel(len(pids), func(proc *procfs.FS, i int) {
		if pids[i] == self {
			return
		}
		var err error
		if found[i], err = proc.Holds(pids[i], o); procfs.Exhausted(err) {
			h.mu.Lock()
			exhausted = err
			h.mu.Unlock()
		}
	})
	for i, holds := range found {
		if len(holds) == 0 {
			continue
		}
		if st, err := proc.Stat(pids[i]); err == nil {
			list = append(list, Holding{st, h.describe(holds)})
		}
	}
	return list, exhausted
}

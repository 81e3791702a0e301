package target

import (
	"errors"
	"io/fs"
	"slices"

	"killbox/procfs"
)

// Identifier reads processes that are not opened.
type Identifier interface {
	// Identify reads the stat, with the inode, of the process that has the PID now, as Opener.Open does, but does not
	// open the process. The error is procfs.ErrNoProcess if no process has the PID.
	Identify(pid int) (procfs.Stat, error)
}

// Owners is the condition of --owner-gone: the process has an owner mark in its environment, and the owner is gone. A
// process chooses its own environment, so a mark is testimony and no proof: it concerns only the process that has it.
type Owners struct {
	kernel    Identifier
	namespace uint64
	boot      string
	// byStart: a mark without an inode names its owner by the start time, and start times have no offset here.
	byStart bool
	marks   map[procfs.ID]OwnerMark   // of the processes that the condition matches
	left    map[procfs.ID]leftProcess // processes that it does not match, although they have a mark or may have one
	states  map[OwnerMark]ownerState  // of the owners that were looked up
	hidden  int                       // processes whose files could not be read in the scan of the process table
}

// ownerState is what is known about the owner that a mark names.
type ownerState int

const (
	ownerAlive ownerState = iota
	ownerGone
	ownerUnknown     // /proc does not show the process that has the PID
	otherNamespace   // the PID is not of this PID namespace
	otherBoot        // the mark was made before the last boot
	malformedMark    // the text is no mark, or names a process that cannot have existed
	unreadableMark   // the environment cannot be read
	ownerStateNumber // the number of the constants above
)

// leftProcess is a process that is left alone, and the reason.
type leftProcess struct {
	procfs.Stat
	state ownerState
}

// LeftAlone counts the processes that --owner-gone has left alone: by their marks, and those whose environment could
// not be read.
type LeftAlone struct{ OtherNamespace, OtherBoot, Malformed, Unknown, Unexamined int }

// NewOwners returns the condition. It is an error if marks of this PID namespace or boot cannot be told from others.
func NewOwners(proc *procfs.FS, kernel Identifier) (*Owners, error) {
	o := &Owners{kernel: kernel, marks: make(map[procfs.ID]OwnerMark), left: make(map[procfs.ID]leftProcess), states: make(map[OwnerMark]ownerState)}
	var err error
	o.namespace, o.boot, err = here(proc)
	o.byStart = err == nil && !proc.ShiftsStart()
	return o, err
}

// Mark returns the owner mark of a process that the condition matches.
func (o *Owners) Mark(id procfs.ID) (m OwnerMark, ok bool) {
	m, ok = o.marks[id]
	return m, ok
}

// LeftAlone counts the processes that were left alone, except those of which exclude returns a reason.
func (o *Owners) LeftAlone(exclude func(*procfs.Stat) string) LeftAlone {
	var count [ownerStateNumber]int
	for _, p := range o.left {
		if exclude(&p.Stat) == "" {
			count[p.state]++
		}
	}
	return LeftAlone{
		OtherNamespace: count[otherNamespace], OtherBoot: count[otherBoot], Malformed: count[malformedMark],
		Unknown: count[ownerUnknown], Unexamined: count[unreadableMark] + o.hidden,
	}
}

// matches reports whether the process meets the condition, and remembers the reason if it may have a mark and does not.
func (o *Owners) matches(proc *procfs.FS, st *procfs.Stat) (bool, error) {
	delete(o.left, st.ID)
	delete(o.marks, st.ID)
	if st.KernelThread() || st.Gone() {
		return false, nil
	}
	values, err := readMarks(proc, st)
	switch {
	case errors.Is(err, fs.ErrPermission):
		o.left[st.ID] = leftProcess{*st, unreadableMark}
		return false, nil
	case err != nil || len(values) == 0:
		return false, dropProcessErrors(err)
	}
	mark, err := ParseOwnerMark(values[0])
	state := malformedMark
	if err == nil && len(values) == 1 { // of several marks it is not known which one the program uses
		if state, err = o.find(mark); err != nil {
			return false, dropProcessErrors(err)
		}
	}
	switch state {
	case ownerAlive:
	case ownerGone:
		o.marks[st.ID] = mark
	default:
		o.left[st.ID] = leftProcess{*st, state}
	}
	return state == ownerGone, nil
}

// readMarks returns the values of OwnerVariable in the environment of a process, except empty ones, which are no marks:
// that is how a process is started without the mark of its parent. The error is fs.ErrPermission only for a
// process that is alive: the files of a zombie belong to root.
func readMarks(proc *procfs.FS, st *procfs.Stat) ([]string, error) {
	if st.Hidden() {
		return nil, fs.ErrPermission
	}
	env, err := proc.EnvironBytes(st.PID)
	if errors.Is(err, fs.ErrPermission) {
		now, statErr := proc.Stat(st.PID)
		if statErr == procfs.ErrNoProcess || statErr == nil && (now.ID != st.ID || now.Gone()) {
			return nil, procfs.ErrNoProcess
		}
	}
	values := procfs.EnvValues(env, OwnerVariable)
	return slices.DeleteFunc(values, func(value string) bool { return value == "" }), err
}

// find returns the state of the owner. It looks up each owner once: an owner that is gone stays gone, and an owner that
// ends during the call counts as alive.
func (o *Owners) find(m OwnerMark) (state ownerState, err error) {
	switch {
	case m.Boot != o.boot:
		return otherBoot, nil
	case m.PIDNamespace != o.namespace:
		return otherNamespace, nil
	}
	state, known := o.states[m]
	if known {
		return state, nil
	}
	// While a thread other than the leader calls execve(2), the PID passes to that thread, and a read may show the old
	// leader, which is a zombie. Therefore a second read must confirm that the owner is gone.
	for range 2 {
		if state, err = o.lookUp(m); err != nil || state != ownerGone {
			break
		}
	}
	if m.PID == 1 && state == ownerGone {
		state = malformedMark // PID 1 ends after all other processes of its PID namespace, and its PID is not reused
	}
	if err == nil {
		o.states[m] = state
	}
	return state, err
}

// lookUp compares the owner with the process that has its PID now.
func (o *Owners) lookUp(m OwnerMark) (ownerState, error) {
	st, err := o.kernel.Identify(m.PID)
	sameInode := m.Inode != 0 && m.Inode == st.Inode
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		return ownerGone, nil
	case errors.Is(err, fs.ErrPermission):
		return ownerUnknown, nil
	case err != nil:
		return ownerUnknown, err
	case m.Inode != 0 && st.Inode != 0 && !sameInode:
		return ownerGone, nil
	case sameInode:
		// The start time need not be the same: it may have been read in another time namespace.
	case !o.byStart || st.Start < m.Start:
		// A process that reuses the PID has a later start time. An earlier one is that of another time namespace, and 0
		// that of a process that /proc does not show.
		return ownerUnknown, nil
	case st.Start != m.Start:
		return ownerGone, nil
	}
	if st.Gone() {
		return ownerGone, nil
	}
	return ownerAlive, nil
}

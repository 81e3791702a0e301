package procfs

import "errors"

// Witnesses attributes orphans to a tree. A witness is the image of a member of the tree that has called execve(2)
// itself: the image belongs to that execve(2) alone, so an orphan that has it was forked from the member or from one of
// the member's descendants. An image that has been read counts even when the member has ended or has called execve(2)
// again.
//
// A process without privileges can make its image equal to that of any other process (PR_SET_MM_MAP in prctl(2)). Two
// rules make that useless:
//
//   - The user IDs of an orphan must be among those of the witness, unless the witness is root. So a member with a
//     forged image exposes no process that it could not signal itself.
//   - If another process that has called execve(2) has the same image, one of the two is forged, and the witness is
//     refuted for good.
type Witnesses struct {
	k        ImageReader
	byLayout map[layout][]*witness
	rejected map[ID]bool // processes with the layout of a witness, but not its image
}

// ImageReader is what Witnesses needs of the system.
type ImageReader interface {
	// Image reads the image of the process that has the PID now, like FS.Image.
	Image(pid int) (Image, error)
	// Exists returns nil if the process with the ID has not been reaped. The ID alone does not tell, because another
	// process has the same if the PID is reused within a clock tick.
	Exists(ID) error
}

// witness is a member that has called execve(2).
type witness struct {
	ID
	image   *Image // nil until it is needed: reading it takes longer than all else that a scan does for a process
	refuted bool   // the image is not that of the member alone, or could not be read
}

// NewWitnesses returns Witnesses without a witness.
func NewWitnesses(k ImageReader) *Witnesses {
	return &Witnesses{k: k, byLayout: make(map[layout][]*witness), rejected: make(map[ID]bool)}
}

// Empty reports whether there is no witness, so that no orphan can be attributed.
func (w *Witnesses) Empty() bool { return len(w.byLayout) == 0 }

// Add makes a member of the tree a witness, if st shows that it has called execve(2). Its image is read when it is
// needed: see Read.
func (w *Witnesses) Add(st *Stat) { w.findOrAdd(st) }

// Read is Add, and reads the image now: the member may end, and its orphans are to be attributed even then.
func (w *Witnesses) Read(st *Stat) {
	if member := w.findOrAdd(st); member != nil {
		w.read(member)
	}
}

// ReadFor reads the images of the witnesses that have the memory layout of a candidate.
func (w *Witnesses) ReadFor(candidate *Stat) {
	for _, member := range w.byLayout[candidate.layout()] {
		w.read(member)
	}
}

// findOrAdd returns the witness for the present image of a member, a new one if necessary. It returns nil if the member
// has not called execve(2), or has no image that identifies an execve(2).
func (w *Witnesses) findOrAdd(st *Stat) *witness {
	key := st.layout()
	if st.Forked() || st.Gone() || key == (layout{}) {
		return nil
	}
	for _, member := range w.byLayout[key] {
		if member.ID == st.ID {
			return member
		}
	}
	member := &witness{ID: st.ID}
	w.byLayout[key] = append(w.byLayout[key], member)
	return member
}

// read reads the image of a witness, unless that has been done. It reports whether the witness counts.
func (w *Witnesses) read(member *witness) bool {
	if member.image == nil && !member.refuted {
		img, err := w.imageOf(member.ID)
		member.image, member.refuted = &img, err != nil || img.Forked
	}
	return !member.refuted
}

// imageOf reads the image of the process with the ID.
func (w *Witnesses) imageOf(id ID) (Image, error) {
	img, err := w.k.Image(id.PID)
	if err == nil && img.ID != id {
		err = ErrNoProcess
	}
	if err == nil {
		err = w.k.Exists(id)
	}
	return img, err
}

// Candidates returns the processes of a scan that may be orphans of the tree: the parent of each is an adopter, and its
// memory layout is that of a witness. Candidates reads nothing; Attribute reads the images.
func (w *Witnesses) Candidates(s *Snapshot, adopters map[int]bool) (list []*Stat) {
	if w.Empty() {
		return nil
	}
	for i := range s.Procs {
		if st := &s.Procs[i]; w.mayDescend(st) && adopters[st.PPID] {
			list = append(list, st)
		}
	}
	return list
}

// mayDescend reports whether the process has the memory layout of a witness that is not refuted and not younger.
func (w *Witnesses) mayDescend(st *Stat) bool {
	if !st.Forked() || st.Gone() || w.rejected[st.ID] {
		return false
	}
	for _, member := range w.byLayout[st.layout()] {
		if !member.refuted && member.Start <= st.Start {
			return true
		}
	}
	return false
}

// Attribute reports whether a candidate has the image of a witness, and which member that is. If it has not, or an
// image cannot be read, the process is no candidate any more.
func (w *Witnesses) Attribute(id ID) (from ID, ok bool) {
	if img, err := w.imageOf(id); err == nil {
		for _, member := range w.byLayout[img.layout()] {
			if w.read(member) && img.forkedFrom(member.image) {
				return member.ID, true
			}
		}
	}
	w.Reject(id)
	return ID{}, false
}

// Reject makes sure that the process is no candidate any more.
func (w *Witnesses) Reject(id ID) { w.rejected[id] = true }

// Refute refutes each witness whose image another process has that has called execve(2). Call it for each scan, before
// orphans in it are attributed.
func (w *Witnesses) Refute(s *Snapshot) {
	if w.Empty() {
		return
	}
	for i := range s.Procs {
		st := &s.Procs[i]
		if st.Forked() {
			continue
		}
		for _, member := range w.byLayout[st.layout()] {
			if member.ID != st.ID && w.read(member) && w.isTwin(member, st) {
				member.refuted = true
			}
		}
	}
}

// isTwin reports whether the process, which has the layout of the witness, has its image as well. A single line of stat
// proves no twin: the kernel may have printed the layout before and the flags after an execve(2).
func (w *Witnesses) isTwin(member *witness, st *Stat) bool {
	img, err := w.k.Image(st.PID)
	if errors.Is(err, ErrNoProcess) || errors.Is(err, ErrNoImage) {
		return false
	}
	return err != nil || !img.Forked && img.sameAs(member.image)
}

// Adopters returns the PIDs of the processes that can adopt orphans of the trees below the roots: PID 1 and the
// ancestors of the roots.
func (s *Snapshot) Adopters(roots []ID) map[int]bool {
	adopters := map[int]bool{1: true}
	for _, root := range roots {
		for _, id := range s.Ancestors(root.PID) {
			adopters[id.PID] = true
		}
	}
	return adopters
}

// AdoptersAbove returns the PIDs of the processes that can adopt orphans of a process with this parent, which may have
// ended itself: PID 1, the parent and its ancestors.
func (s *Snapshot) AdoptersAbove(parent int) map[int]bool {
	adopters := s.Adopters([]ID{{PID: parent}})
	adopters[parent] = true
	return adopters
}

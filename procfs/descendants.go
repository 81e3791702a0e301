package procfs

// TreeQuery is the argument of Snapshot.Descendants: the roots of a tree, and what earlier scans found of the tree.
type TreeQuery struct {
	Roots []ID
	// Known holds the members that earlier scans found, including those that have exited. Descendants does not change
	// Known: the caller adds the members found.
	Known map[ID]bool
	// Sessions holds the IDs of the sessions that a member leads, or led before it exited. Descendants adds those that
	// it finds, unless the map is nil.
	Sessions map[int]bool
	// IncludeSessions adds all processes in sessions that a member leads, or led before it exited. These include
	// strays: orphans, whose parent no longer links them to the tree.
	IncludeSessions bool
}

// Descendants returns the members of a tree that are in the snapshot, including the roots, in ascending order of PID.
// A process is a member if one of these holds:
//
//   - Roots or Known contains its ID. The start time must match, so a process that reuses the PID is not a member.
//   - Its parent is a member that is in the snapshot.
//   - IncludeSessions is set, and a member that is in the snapshot leads its session. A process can enter a session
//     only by being forked in it, or as its leader by setsid(2).
//   - IncludeSessions is set, and Sessions contains its session, unless an unrelated process has the session ID as its
//     PID. The kernel allocates no PID that is in use as a session ID (alloc_pid in kernel/pid.c). So the unrelated
//     process proves that the session of the tree has ended, and that a new session has the same ID. But while a
//     process of Roots or Known is in the session, the session has not ended.
//
// For n processes it takes time of order n log n.
//
// Descendants does not compare the start times of parent and child: a child may be older than its parent, after a
// subreaper or init has adopted the child (PR_SET_CHILD_SUBREAPER in prctl(2)). The comparison would matter only if
// a PID were allocated twice during one scan: first to the parent of an unrelated process, and then to a member.
// A caller that signals processes of a snapshot must open and verify them anyway.
func (s *Snapshot) Descendants(f TreeQuery) []*Stat {
	w := s.newTreeWalk()
	roots := make(map[ID]bool, len(f.Roots))
	for _, id := range f.Roots {
		roots[id] = true
	}
	for i := range s.Procs {
		p := &s.Procs[i]
		if !roots[p.ID] && !f.Known[p.ID] {
			continue
		}
		w.add(i)
		if f.IncludeSessions && f.Sessions[p.SID] {
			w.addSession(p.SID)
		}
	}
	if f.IncludeSessions {
		for sid := range f.Sessions {
			if _, used := s.find(sid); !used {
				w.addSession(sid)
			}
		}
	}
	for len(w.queue) > 0 {
		i := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		for child := w.firstChild[i]; child != none; child = w.nextChild[child] {
			w.add(int(child))
		}
		p := &s.Procs[i]
		// A process leads its session if its SID equals its PID. A SID of 0 means a session from outside of the PID
		// namespace, and -1 a process that is being reaped.
		if p.SID != p.PID {
			continue
		}
		if f.Sessions != nil {
			f.Sessions[p.SID] = true
		}
		if f.IncludeSessions {
			w.addSession(p.SID)
		}
	}

	var members []*Stat
	for i, isMember := range w.member {
		if isMember {
			members = append(members, &s.Procs[i])
		}
	}
	return members
}

// none marks the end of a linked list of indices.
const none = -1

// treeWalk is the state of Descendants. It refers to a process by its index in Snapshot.Procs. The children of a
// process, and the processes in a session, are lists that are linked through slices: one pass builds all lists with
// few allocations.
type treeWalk struct {
	s                     *Snapshot
	member                []bool
	queue                 []int // members whose children have not been added
	firstChild, nextChild []int32
	// session holds the first process of each session, nextInSID the next process in the same session. The first call
	// of addSession builds both. addSession deletes a session from the map once its processes have been added.
	session   map[int]int32
	nextInSID []int32
}

// newTreeWalk builds the lists of children.
func (s *Snapshot) newTreeWalk() *treeWalk {
	n := len(s.Procs)
	w := &treeWalk{s: s, member: make([]bool, n), firstChild: make([]int32, n), nextChild: make([]int32, n)}
	for i := range w.firstChild {
		w.firstChild[i] = none
	}
	for i := range s.Procs {
		if parent, ok := s.find(s.Procs[i].PPID); ok {
			w.nextChild[i] = w.firstChild[parent]
			w.firstChild[parent] = int32(i)
		}
	}
	return w
}

// add adds the process with index i to the members.
func (w *treeWalk) add(i int) {
	if !w.member[i] {
		w.member[i] = true
		w.queue = append(w.queue, i)
	}
}

// addSession adds all processes in the session to the members.
func (w *treeWalk) addSession(sid int) {
	if w.session == nil {
		w.session = make(map[int]int32)
		w.nextInSID = make([]int32, len(w.s.Procs))
		for i := range w.s.Procs {
			head, ok := w.session[w.s.Procs[i].SID]
			if !ok {
				head = none
			}
			w.nextInSID[i] = head
			w.session[w.s.Procs[i].SID] = int32(i)
		}
	}
	head, ok := w.session[sid]
	if !ok {
		return
	}
	delete(w.session, sid)
	for i := head; i != none; i = w.nextInSID[i] {
		w.add(int(i))
	}
}

package procfs

// TreeQuery says which tree Snapshot.Descendants looks for, and what earlier scans found of it.
type TreeQuery struct {
	Roots []ID
	// Known holds the members that earlier scans found, including those that have exited. Descendants only
	// reads it: the caller adds what was found.
	Known map[ID]bool
	// Sessions holds the sessions that a member leads or has led. Descendants adds those that it finds,
	// unless it is nil.
	Sessions map[int]bool
	// IncludeSessions makes members of all processes in such sessions: strays that have lost their parent.
	IncludeSessions bool
}

// Descendants returns the members of a tree that are in the snapshot, including the roots, in ascending order
// of PID. A process is a member if
//
//   - Roots or Known contains its ID. The start time must match, so a process that reuses the PID is none;
//   - its parent is a member that is in the snapshot;
//   - with IncludeSessions, a member that is in the snapshot leads its session, since a process enters a
//     session only by being forked in it (or by setsid(2), as its leader);
//   - with IncludeSessions, Sessions contains its session, unless an unrelated process has that PID. The
//     kernel allocates no PID that is in use as a session ID (alloc_pid in kernel/pid.c), so an unrelated
//     process with that PID proves that the session has ended and that this is another one. While a member of
//     Roots or Known is in the session, it has not ended.
//
// It takes time linear in the size of the snapshot, and a binary search for each process.
//
// A child may be older than its parent, after a subreaper or init has adopted it (PR_SET_CHILD_SUBREAPER), so
// start times refute no parenthood. They would matter only if a PID were allocated twice during one scan: first
// to the parent of an unrelated process, and then to a member. A caller that signals processes of a snapshot
// must open and verify them anyway.
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
		// The leader's own session is 0 outside of its PID namespace, and -1
		// while it is being reaped: neither is its number.
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
	for i, is := range w.member {
		if is {
			members = append(members, &s.Procs[i])
		}
	}
	return members
}

// none ends a list of indices.
const none = -1

// treeWalk is the state of Descendants: indices into Snapshot.Procs, and lists of indices that are linked
// through slices, so that one pass builds them in three allocations.
type treeWalk struct {
	s                     *Snapshot
	member                []bool
	queue                 []int
	firstChild, nextChild []int32
	// The first call of addSession builds the lists of sessions. It deletes a session once that has been
	// added.
	session   map[int]int32
	nextInSID []int32
}

// newTreeWalk links the lists of children.
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

// add makes a member of the process with that index.
func (w *treeWalk) add(i int) {
	if !w.member[i] {
		w.member[i] = true
		w.queue = append(w.queue, i)
	}
}

// addSession makes members of all processes in the session.
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

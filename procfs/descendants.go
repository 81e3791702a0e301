package procfs

// Family says whose descendants Snapshot.Family looks for, and what is known
// about them from earlier readings.
type Family struct {
	Roots []ID
	// Known holds the members found by earlier readings, those that have died
	// included. It is only read: the caller adds what was found.
	Known map[ID]bool
	// Sessions holds the sessions that a member leads or has led. Those found
	// in a reading are added, unless it is nil.
	Sessions map[int]bool
	// Strays makes members of the processes in such sessions.
	Strays bool
}

// Family returns the members of a family that are present, the roots among them,
// in ascending order of PID. A member is
//
//   - who is in Roots or Known, by the whole ID, so that a number that was used
//     again brings nobody in;
//   - whose parent in this snapshot is a member that is present in it;
//   - with Strays, whose session is led by a member that is present, since a
//     session is only ever entered by being forked in it; or whose session is in
//     Sessions, unless a stranger has its number by now. The kernel hands out
//     no number that is in use as a session's (alloc_pid), so a stranger with
//     the number means that the session has ended and that this is another. If
//     one of Roots or Known is present in it, it cannot have ended.
//
// and so on, from each member found. The time it takes is linear in the size of
// the snapshot, but for a binary search each.
//
// A child may be older than its parent, when a subreaper or init has adopted it
// (PR_SET_CHILD_SUBREAPER), so start times refute no parenthood. They would be
// needed only if a number were handed out twice within one reading, to a member
// after it was the parent's of a stranger read before. A caller that acts on a
// snapshot must look again at whom it acts on in any case.
func (s *Snapshot) Family(f Family) []*Stat {
	w := s.walk()
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
		if f.Strays && f.Sessions[p.SID] {
			w.addSession(p.SID)
		}
	}
	if f.Strays {
		for sid := range f.Sessions {
			if _, used := s.index(sid); !used {
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
		if f.Strays {
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

// none ends a list.
const none = -1

// walk is the state of growing a family: indices into Snapshot.Procs, and lists
// of them threaded through slices, which one pass builds in three allocations.
type walk struct {
	s                     *Snapshot
	member                []bool
	queue                 []int
	firstChild, nextChild []int32
	// The lists of sessions are made when the first is asked for. A session
	// is taken off when it has been added.
	session   map[int]int32
	nextInSID []int32
}

func (s *Snapshot) walk() *walk {
	n := len(s.Procs)
	w := &walk{s: s, member: make([]bool, n), firstChild: make([]int32, n), nextChild: make([]int32, n)}
	for i := range w.firstChild {
		w.firstChild[i] = none
	}
	for i := range s.Procs {
		if parent, ok := s.index(s.Procs[i].PPID); ok {
			w.nextChild[i] = w.firstChild[parent]
			w.firstChild[parent] = int32(i)
		}
	}
	return w
}

func (w *walk) add(i int) {
	if !w.member[i] {
		w.member[i] = true
		w.queue = append(w.queue, i)
	}
}

func (w *walk) addSession(sid int) {
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

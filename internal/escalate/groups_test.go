package escalate

import (
	"slices"
	"testing"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// The scripted kernel's groups: a number means the group that was opened as long as it has members without a break. Each
// call that asks for one sees to that.

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
	if w.asked != nil {
		w.asked(pgid)
	}
	return len(w.members(pgid)) > 0 && !w.ended[pgid]
}

func (w *world) SignalGroup(pgid int, _ []procfs.ID, s signals.Signal) error {
	w.call("signalgroup %d %v", pgid, s)
	list := w.members(pgid)
	if len(list) == 0 || w.ended[pgid] {
		return procfs.ErrNoProcess
	}
	for _, p := range list {
		if p.refuses == nil {
			p.deliver(s)
		}
	}
	return nil
}

// signallingGroups is what pgkill plans.
func signallingGroups(ladder string, pgids ...int) *Plan {
	return &Plan{
		Ladder: must(ParseLadder(ladder, signals.TERM)), Prove: time.Second,
		Groups: &Groups{PGIDs: pgids},
	}
}

// group adds processes in a group of their own, the first of which leads it.
func (w *world) group(list ...process) []*process {
	var members []*process
	for _, p := range list {
		members = append(members, w.add(p))
		members[len(members)-1].PGID = members[0].PID
	}
	return members
}

// count returns how many calls there were with that beginning.
func (w *world) count(call string) int {
	n := 0
	for _, line := range w.log {
		if line == call {
			n++
		}
	}
	return n
}

func TestGroupOutcomes(t *testing.T) {
	bubble(t, "atomically", func(t *testing.T) {
		w := newWorld(t)
		list := w.group(process{}, process{}, process{})
		out := carryOut(w, signallingGroups("TERM/5/KILL/2", list[0].PID), list...)
		out.ended()
		if n := w.count("signalgroup 100 TERM"); n != 1 || out.Rung != 1 {
			t.Errorf("%d strokes, rung %d", n, out.Rung)
		}
	})
	bubble(t, "up the ladder", func(t *testing.T) {
		w := newWorld(t)
		list := w.group(process{}, process{handle: ignores(signals.TERM)})
		out := carryOut(w, signallingGroups("TERM/5/KILL/2", list[0].PID), list...)
		out.ended()
		if out.Rung != 2 || out.Elapsed.Round(10*time.Millisecond) != 5*time.Second {
			t.Errorf("rung %d after %v", out.Rung, out.Elapsed)
		}
		if slices.Contains(list[0].got, signals.KILL) {
			t.Error("the process that was gone got the KILL")
		}
	})
	bubble(t, "newcomers of the signal", func(t *testing.T) {
		w := newWorld(t)
		heir := func() process { return process{} }
		list := w.group(process{handle: func(p *process, s signals.Signal) bool {
			if s == signals.TERM {
				w.fork(p, heir())
			}
			return false
		}})
		out := carryOut(w, signallingGroups("TERM/5/KILL/2", list[0].PID), list...)
		out.ended()
		if len(out.Results) != 2 || out.Rung != 1 || !out.Proved {
			t.Errorf("%d results, rung %d, proved %v", len(out.Results), out.Rung, out.Proved)
		}
	})
	bubble(t, "zombies that are never reaped", func(t *testing.T) {
		w := newWorld(t)
		list := w.group(process{reap: -1}, process{reap: -1})
		carryOut(w, signallingGroups("TERM/5/KILL/2", list[0].PID), list...).ended()
	})
	bubble(t, "some refused", func(t *testing.T) {
		w := newWorld(t)
		list := w.group(process{}, process{refuses: errPerm})
		out := carryOut(w, signallingGroups("TERM/5/KILL/2", list[0].PID), list...)
		if out.Count(Gone) != 1 || out.Count(Refused) != 1 || out.Elapsed > time.Second {
			t.Errorf("%d gone, %d refused after %v", out.Count(Gone), out.Count(Refused), out.Elapsed)
		}
	})
	bubble(t, "an excluded member", func(t *testing.T) {
		w := newWorld(t)
		member := w.add(process{Stat: procfs.Stat{PGID: 40}})
		out := carryOut(w, signallingGroups("TERM/5/KILL/2", 40), member)
		out.ended()
		if n := w.count("signalgroup 40 TERM"); n != 0 {
			t.Errorf("%d strokes at a group with an ancestor in it", n)
		}
		if w.procs[40] == nil || w.procs[selfPID] == nil {
			t.Error("an ancestor was hit")
		}
	})
	bubble(t, "a number used again", func(t *testing.T) {
		w := newWorld(t)
		list := w.group(process{})
		other := w.group(process{handle: ignores(signals.TERM)})
		var unrelated *process
		w.after(time.Second, func() {
			w.ended = map[int]bool{list[0].PID: true}
			unrelated = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: list[0].PID, Start: 9999}, PGID: list[0].PID}})
		})
		out := carryOut(w, signallingGroups("TERM/5/KILL/2", list[0].PID, other[0].PID), list[0], other[0])
		if out.Count(Gone) != 2 || unrelated.Stat.Gone() || len(unrelated.got) > 0 {
			t.Errorf("%d gone, the unrelated process got %v", out.Count(Gone), unrelated.got)
		}
	})
	bubble(t, "reborn for ever, within a limit", func(t *testing.T) {
		w := newWorld(t)
		var heir func() process
		handle := func(p *process, s signals.Signal) bool {
			if s == signals.TERM {
				w.fork(p, heir())
			}
			return false
		}
		heir = func() process { return process{handle: handle} }
		list := w.group(heir())
		p := signallingGroups("TERM/forever", list[0].PID)
		p.Limit = 3 * time.Second
		out := carryOut(w, p, list...)
		if !out.LimitReached || out.Elapsed > 4*time.Second || out.Count(Survived) != 1 {
			t.Errorf("limit %v after %v, %d left", out.LimitReached, out.Elapsed, out.Count(Survived))
		}
	})
}

func TestSessionGroups(t *testing.T) {
	bubble(t, "a group made by the signal", func(t *testing.T) {
		w := newWorld(t)
		leader := w.add(process{handle: func(p *process, s signals.Signal) bool {
			if s == signals.TERM {
				w.fork(p, process{Stat: procfs.Stat{PGID: w.lastPID + 1}})
			}
			return false
		}})
		leader.setsid()
		p := signallingGroups("TERM/5/KILL/2", leader.PID)
		p.Groups.Sessions = []procfs.ID{leader.ID}
		out := carryOut(w, p, leader)
		out.ended()
		if len(out.Results) != 2 {
			t.Errorf("%d results", len(out.Results))
		}
	})
	bubble(t, "a member moves on while it is looked for", func(t *testing.T) {
		w := newWorld(t)
		var kid *process
		leader := w.add(process{handle: func(p *process, s signals.Signal) bool {
			if s == signals.TERM && kid == nil {
				kid = w.fork(p, process{Stat: procfs.Stat{PGID: p.PID}})
			}
			return false
		}})
		leader.setsid()
		// After the table was read, and before the group is asked for.
		w.asked = func(int) {
			if kid != nil {
				kid.PGID = kid.PID
			}
		}
		p := signallingGroups("TERM/5/KILL/2", leader.PID)
		p.Groups.Sessions = []procfs.ID{leader.ID}
		out := carryOut(w, p, leader)
		out.ended()
		if len(out.Results) != 2 || !out.Proved {
			t.Errorf("%d results, proved %v", len(out.Results), out.Proved)
		}
	})
	bubble(t, "another session with the number", func(t *testing.T) {
		w := newWorld(t)
		leader := w.add(process{})
		leader.setsid()
		var unrelated *process
		leader.handle = func(p *process, s signals.Signal) bool {
			p.die()
			w.ended = map[int]bool{p.PID: true}
			unrelated = w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: p.PID, Start: 9999}}})
			unrelated.setsid()
			return true
		}
		p := signallingGroups("TERM/5/KILL/2", leader.PID)
		p.Groups.Sessions = []procfs.ID{leader.ID}
		carryOut(w, p, leader)
		if len(unrelated.got) > 0 {
			t.Errorf("the unrelated process got %v", unrelated.got)
		}
	})
}

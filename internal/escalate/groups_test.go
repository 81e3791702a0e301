package escalate

import (
	"slices"
	"testing"
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// The process groups of the scripted kernel. A PGID means the opened group until that group has no member; then
// world.ended marks the PGID as reused.

// members returns the processes whose group is pgid.
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

// signallingGroups returns the plan of pgkill.
func signallingGroups(ladder string, pgids ...int) *Plan {
	return &Plan{
		Ladder: must(ParseLadder(ladder, signals.TERM)), Prove: time.Second,
		Groups: &Groups{PGIDs: pgids},
	}
}

// group adds processes in a new group, whose leader is the first one.
func (w *world) group(list ...process) []*process {
	var members []*process
	for _, p := range list {
		members = append(members, w.add(p))
		members[len(members)-1].PGID = members[0].PID
	}
	return members
}

// count returns how often the log has the call.
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
			t.Errorf("the group was signalled %d times, rung %d", n, out.Rung)
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
			t.Error("the process that was gone before got KILL")
		}
	})
	bubble(t, "a member that forks on the signal", func(t *testing.T) {
		w := newWorld(t)
		list := w.group(process{handle: func(p *process, s signals.Signal) bool {
			if s == signals.TERM {
				w.fork(p, process{})
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
			t.Errorf("a group with an ancestor was signalled %d times", n)
		}
		if w.procs[40] == nil || w.procs[selfPID] == nil {
			t.Error("an ancestor was killed")
		}
	})
	bubble(t, "a reused PGID", func(t *testing.T) {
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
	bubble(t, "each member forks on the signal, within a limit", func(t *testing.T) {
		w := newWorld(t)
		var forker func() process
		handle := func(p *process, s signals.Signal) bool {
			if s == signals.TERM {
				w.fork(p, forker())
			}
			return false
		}
		forker = func() process { return process{handle: handle} }
		list := w.group(forker())
		p := signallingGroups("TERM/forever", list[0].PID)
		p.Limit = 3 * time.Second
		out := carryOut(w, p, list...)
		if !out.LimitReached || out.Elapsed > 4*time.Second || out.Count(Survived) != 1 {
			t.Errorf("limit %v after %v, %d survivors", out.LimitReached, out.Elapsed, out.Count(Survived))
		}
	})
}

func TestSessionGroups(t *testing.T) {
	bubble(t, "a member that forks a new group on the signal", func(t *testing.T) {
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
	bubble(t, "a member changes its group during the sweep", func(t *testing.T) {
		w := newWorld(t)
		var child *process
		leader := w.add(process{handle: func(p *process, s signals.Signal) bool {
			if s == signals.TERM && child == nil {
				child = w.fork(p, process{Stat: procfs.Stat{PGID: p.PID}})
			}
			return false
		}})
		leader.setsid()
		// GroupLives is called after the scan.
		w.asked = func(int) {
			if child != nil {
				child.PGID = child.PID
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
	bubble(t, "a reused session ID", func(t *testing.T) {
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

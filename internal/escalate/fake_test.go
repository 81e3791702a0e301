package escalate

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"killbox/internal/duration"
	"killbox/internal/signals"
	"killbox/procfs"
)

// world is a scripted kernel. Its processes act only while Run calls one of its methods. Inside synctest, time passes
// only in such a call and takes no real time. At each call world checks these rules, and reports a call that breaks
// one:
//
//   - Only opened processes are signalled.
//   - A process is on the list of the guardian before it is stopped, and until it is resumed.
//   - A process that a third party has stopped is never on that list.
//   - If the plan freezes, no running process is signalled, except for masters (Plan.Mixed).
//   - No process is resumed before all frozen processes have been sent the signal.
//   - At the end no process is left frozen.
type world struct {
	*cgroupFake // nil without a cgroup
	policy      policyFake
	onFrozen    func([]*Result) // called by Observer.Frozen

	t      testing.TB
	procs  map[int]*process // by PID: the processes that /proc shows
	opened map[procfs.ID]*process
	first  []*process // all processes, in the order of add

	lastPID int
	reader  time.Duration // duration of a scan
	strict  bool          // the plan freezes

	calls   int              // number of calls so far
	log     []string         // the calls
	at      map[int]func()   // by number of the call: called right before it
	reading func(n int)      // called during scan n, after all entries have been read
	entered func(n, pid int) // called when scan n has read the entry of pid
	reads   int              // number of scans so far

	events           []event
	gone, reaped     []procfs.ID
	interrupt        error
	wakes            bool // the next Wait returns at once, as after Kernel.Wake
	panicked         bool // the observer has panicked
	waitErr          error
	guard            guardFake
	boosts           int  // number of boosts that have not ended
	wantStopped      bool // the signal of the plan stops processes, so they stay stopped
	statusAtReap     bool // the exit status is known only after the process has been reaped
	noStatus         bool // the exit status is never known
	hook             func(env map[string]string) error
	hooked           []string
	scanNewErr       error
	snapshotErr      error
	hideLoadavg      bool
	hideChildren     bool
	hidden           int            // Snapshot.Hidden of each scan
	prepareWaitErr   error          // returned by PrepareWait
	prepareFreezeErr error          // returned by PrepareFreeze
	sameTick         bool           // everything happens within one clock tick
	allocatesPIDs    bool           // a PID is allocated during each scan, as by an unrelated process that forks
	ended            map[int]bool   // PGIDs that another group has reused
	asked            func(pgid int) // called by GroupLives
}

// policyFake is the policy. A nil exclude means excludeUsual.
type policyFake struct {
	exclude  func(*procfs.Stat) string
	selects  func(*procfs.Stat) bool
	inCgroup func(*procfs.Stat) bool
	over     func() bool // true ends a plan with FreezeOnly
}

func (p *policyFake) Exclude(st *procfs.Stat) string {
	if p.exclude != nil {
		return p.exclude(st)
	}
	return excludeUsual(st)
}

func (p *policyFake) Selects(st *procfs.Stat) bool { return p.selects(st) }

func (p *policyFake) IsAncestor(*procfs.Stat) bool { return false }

func (p *policyFake) InCgroup(st *procfs.Stat) bool { return p.inCgroup(st) }

func (p *policyFake) KeepFrozen() bool { return !p.over() }

// guardFake is the guardian.
type guardFake struct {
	pid      int // 0 if it does not run
	startErr error
	tellErr  error // returned by the calls that change the list
	list     map[procfs.ID]bool
	started  int // how often it was started
}

// event is a function to be called at a time.
type event struct {
	at time.Time
	do func()
}

// process is a process of the world, and its behaviour. By default it dies at once of every signal that ends a process,
// and is reaped at once.
type process struct {
	procfs.Stat
	w *world

	linger    time.Duration                           // from a signal that ends it to its end
	handle    func(p *process, s signals.Signal) bool // signal handler; true if the default action is not taken
	blocks    map[signals.Signal]bool
	vforks    bool             // in state D, waiting for a vfork child
	threads   bool             // a thread other than the first still runs after SIGSTOP
	blocksAll func() bool      // whether it blocks all signals now, as around fork(2)
	reap      time.Duration    // from its end to its reaping; negative: never reaped
	stopping  time.Duration    // from SIGSTOP to state T
	immune    bool             // in uninterruptible sleep
	refuses   error            // returned for every signal
	noOpen    error            // returned by Open
	opening   func(p *process) // called by Open
	onRun     func()           // called when it is resumed
	image     procfs.Auxv      // empty if it cannot be read
	subreaper bool
	last      bool // Target.Last: an ancestor of this process
	worker    bool // with Plan.Mixed, no master even if it is a target
	master    bool // Target.Master
	hops      bool // forks and exits during each scan: the scan shows only that a process has vanished

	born             int  // number of the last scan before it was added: no scan has shown it if that is the last one
	leaderLeft       bool // the first thread has exited, and another has not
	isReaped         bool
	pending          []signals.Signal
	stoppedByRun     bool             // Run has sent it SIGSTOP, and no SIGCONT since
	sentStepSignal   bool             // has been sent the signal of the step since that SIGSTOP
	sentEndingSignal bool             // has been sent a signal that ends processes
	got              []signals.Signal // all signals that it was sent
	status           uint32           // exit status, as wait(2) returns it
}

const (
	selfPID = 50
	initPID = 1
)

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, procs: make(map[int]*process), opened: make(map[procfs.ID]*process), at: make(map[int]func()),
		lastPID: 99, reader: 200 * time.Microsecond,
	}
	w.guard.list = make(map[procfs.ID]bool)
	w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: initPID}, Comm: "init", PGID: 1, SID: 1}})
	w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: 40}, Comm: "sh", PPID: initPID, PGID: 40, SID: 40}})
	w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: selfPID}, Comm: "killbox", PPID: 40, PGID: 40, SID: 40}})
	return w
}

// add adds a process to the world. Fields that are zero get defaults: a sleeping child of the shell, PID 40.
func (w *world) add(p process) *process {
	q := &p
	q.w, q.born = w, w.reads
	if q.PID == 0 {
		w.lastPID++
		q.PID = w.lastPID
	}
	if q.Start == 0 {
		q.Start = uint64(1000 + q.PID)
	}
	if q.Comm == "" {
		q.Comm = fmt.Sprintf("p%d", q.PID)
	}
	if q.State == 0 {
		q.State = 'S'
	}
	if q.Threads == 0 {
		q.Threads = 1
	}
	if q.PPID == 0 && q.PID != initPID {
		q.PPID = 40
	}
	if q.PGID == 0 {
		q.PGID = 40
	}
	if q.SID == 0 {
		q.SID = 40
	}
	if q.State == 'Z' && q.Threads > 1 {
		q.State, q.leaderLeft = 'S', true
	}
	w.lastPID = max(w.lastPID, q.PID)
	w.procs[q.PID] = q
	w.first = append(w.first, q)
	return q
}

// chain adds processes with these PIDs. The first is a child of PID 40, and each other one is a child of the one
// before.
func (w *world) chain(pids ...int) []*process {
	var list []*process
	ppid := 40
	for _, pid := range pids {
		list = append(list, w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: pid}, PPID: ppid}}))
		ppid = pid
	}
	return list
}

// fork adds a child of p. It returns nil if p does not run.
func (w *world) fork(p *process, child process) *process {
	if !p.runs() {
		return nil
	}
	child.PPID = p.PID
	if child.PGID == 0 {
		child.PGID = p.PGID
	}
	if child.SID == 0 {
		child.SID = p.SID
	}
	if child.Comm == "" {
		child.Comm = p.Comm
	}
	child.PID = w.lastPID + 1
	return w.add(child)
}

// hop replaces p by a child of p: the child has the next PID, and is an orphan, because p has exited.
func (p *process) hop() {
	delete(p.w.procs, p.PID)
	p.w.lastPID++
	p.PID, p.PPID, p.Start = p.w.lastPID, initPID, p.Start+1
	p.w.procs[p.PID] = p
}

// setsid makes p lead a session.
func (p *process) setsid() { p.PGID, p.SID = p.PID, p.PID }

// shown returns what /proc/PID/stat of p shows.
func (p *process) shown() procfs.Stat {
	st := p.Stat
	if p.leaderLeft && !st.Gone() {
		st.Thread = 1<<20 + st.PID
	}
	for sig, is := range p.blocks {
		if is {
			st.Blocked |= 1 << (sig - 1)
		}
	}
	if p.handle != nil {
		st.Caught = ^uint32(0)
	}
	if p.blocksAll != nil {
		st.Blocked = ^uint32(0) // mayBlock must not rule the process out; Blocks decides
	}
	return st
}

func (p *process) runs() bool { return !p.Stat.Gone() && !p.isReaped && p.State != 'T' }

// every calls f every d while p lives and runs.
func (p *process) every(d time.Duration, f func()) {
	p.w.after(d, func() {
		if p.Stat.Gone() || p.isReaped {
			return
		}
		if p.runs() {
			f()
		}
		p.every(d, f)
	})
}

// after calls f after the time d.
func (w *world) after(d time.Duration, f func()) {
	e := event{time.Now().Add(d), f}
	i := slices.IndexFunc(w.events, func(o event) bool { return o.at.After(e.at) })
	if i < 0 {
		i = len(w.events)
	}
	w.events = slices.Insert(w.events, i, e)
}

// errForever is the panic of a wait without a limit while no event is scheduled.
var errForever = errors.New("a wait without a limit, and no event to end it")

// pass lets time pass until stop returns true, for at most d.
func (w *world) pass(d time.Duration, stop func() bool) {
	var deadline time.Time
	if d != duration.Forever {
		deadline = time.Now().Add(d)
	}
	for {
		for len(w.events) > 0 && !w.events[0].at.After(time.Now()) {
			do := w.events[0].do
			w.events = w.events[1:]
			do()
		}
		if stop() || d != duration.Forever && !time.Now().Before(deadline) {
			return
		}
		switch {
		case len(w.events) > 0 && (d == duration.Forever || w.events[0].at.Before(deadline)):
			time.Sleep(time.Until(w.events[0].at))
		case d == duration.Forever:
			panic(errForever)
		default:
			time.Sleep(time.Until(deadline))
		}
	}
}

func never() bool { return false }

// deliver records a signal that p is sent, and lets the kernel act on it.
func (p *process) deliver(s signals.Signal) {
	if s != 0 {
		p.got = append(p.got, s)
	}
	p.take(s)
}

// take does what the kernel does with a signal: it stops, resumes or kills p, keeps the signal pending, or lets p act.
func (p *process) take(s signals.Signal) {
	switch {
	case p.Stat.Gone() || s == 0:
	case s == signals.KILL:
		if p.immune {
			p.pending = append(p.pending, s)
			return
		}
		p.status = uint32(signals.KILL)
		p.die()
	case s == signals.STOP:
		if p.immune {
			return
		}
		if p.stopping == 0 {
			p.State = 'T'
			return
		}
		p.w.after(p.stopping, func() {
			if p.stoppedByRun && !p.Stat.Gone() {
				p.State = 'T'
			}
		})
	case s == signals.CONT:
		if p.State == 'T' {
			p.State = 'S'
			if p.onRun != nil {
				p.State = 'R'
				p.onRun()
			}
		}
		p.flush()
	case p.State == 'T' || p.immune || p.blocks[s] || p.blocksAll != nil && p.blocksAll():
		p.pending = append(p.pending, s)
	default:
		p.act(s)
	}
}

// flush delivers the pending signals.
func (p *process) flush() {
	pending := p.pending
	p.pending = nil
	for _, s := range pending {
		if p.runs() {
			p.take(s)
		}
	}
}

// act calls the handler of p, or takes the default action.
func (p *process) act(s signals.Signal) {
	if p.handle != nil && p.handle(p, s) {
		return
	}
	switch {
	case s.Stops():
		p.State = 'T'
	case s.Ends() && p.linger > 0:
		p.w.after(p.linger, func() {
			if !p.Stat.Gone() {
				p.status = uint32(s)
				p.die()
			}
		})
	case s.Ends():
		p.status = uint32(s)
		p.die()
	}
}

// die makes p a zombie. Its children are reparented to the nearest subreaper, or to init.
func (p *process) die() {
	w := p.w
	if p.Stat.Gone() {
		return
	}
	p.State, p.Threads = 'Z', 1
	adopter := initPID
	for q := w.procs[p.PPID]; q != nil && q.PID != initPID; q = w.procs[q.PPID] {
		if q.subreaper && !q.Stat.Gone() {
			adopter = q.PID
			break
		}
	}
	for _, q := range w.procs {
		if q.PPID == p.PID {
			q.PPID = adopter
		}
	}
	if w.opened[p.ID] == p {
		w.gone = append(w.gone, p.ID)
	}
	switch {
	case p.reap == 0:
		p.collect()
	case p.reap > 0:
		w.after(p.reap, p.collect)
	}
	if parent := w.procs[p.PPID]; parent != nil && parent.handle != nil && !parent.Stat.Gone() {
		if parent.runs() {
			parent.handle(parent, signals.CHLD)
		} else {
			parent.pending = append(parent.pending, signals.CHLD)
		}
	}
}

// collect reaps p.
func (p *process) collect() {
	if p.isReaped {
		return
	}
	p.isReaped = true
	if p.w.procs[p.PID] == p {
		delete(p.w.procs, p.PID)
	}
	if p.w.opened[p.ID] == p {
		p.w.reaped = append(p.w.reaped, p.ID)
	}
}

// call begins a method of Kernel. It logs the call and checks the list of the guardian.
func (w *world) call(format string, args ...any) {
	w.calls++
	w.log = append(w.log, fmt.Sprintf(format, args...))
	if do := w.at[w.calls]; do != nil {
		do()
	}
	// This process can be killed at any time, so the list of the guardian must name every stopped process whenever
	// Run calls the kernel.
	if w.guard.pid != 0 && w.guard.tellErr == nil {
		for _, p := range w.first {
			if p.stoppedByRun && p.runsNoMore() && !w.guard.list[p.ID] {
				w.t.Errorf("call %d (%s): %d is frozen but not on the list of the guardian", w.calls, w.log[len(w.log)-1], p.PID)
			}
		}
	}
}

// runsNoMore reports whether p lives and needs SIGCONT to run on. It is called for processes that Run has sent SIGSTOP.
func (p *process) runsNoMore() bool {
	return !p.Stat.Gone() && !p.isReaped && !p.immune && !p.wantedStopped()
}

// wantedStopped reports whether p is stopped by the signal of the plan, and so is to stay stopped.
func (p *process) wantedStopped() bool { return p.w.wantStopped && p.sentStepSignal }

func (w *world) Open(pid int) (procfs.Stat, error) {
	w.call("open %d", pid)
	p := w.procs[pid]
	if p != nil && p.opening != nil {
		p.opening(p)
		p = w.procs[pid]
	}
	if p == nil {
		return procfs.Stat{}, procfs.ErrNoProcess
	}
	if p.noOpen != nil {
		return procfs.Stat{}, p.noOpen
	}
	if w.opened[p.ID] == nil && p.Stat.Gone() {
		w.gone = append(w.gone, p.ID)
	}
	w.opened[p.ID] = p
	return p.shown(), nil
}

func (w *world) Close(id procfs.ID) {
	w.call("close %d", id.PID)
	delete(w.opened, id)
}

func (w *world) Stat(id procfs.ID) (procfs.Stat, error) {
	w.call("stat %d", id.PID)
	if p := w.procs[id.PID]; p != nil && p.ID == id {
		return p.shown(), nil
	}
	return procfs.Stat{}, procfs.ErrNoProcess
}

func (w *world) Exists(id procfs.ID) error {
	w.call("exists %d", id.PID)
	if p := w.opened[id]; p == nil || p.isReaped {
		return procfs.ErrNoProcess
	}
	return nil
}

func (w *world) Signal(id procfs.ID, s signals.Signal) error {
	w.call("%v %d", s, id.PID)
	p := w.opened[id]
	if p == nil {
		w.t.Errorf("%v is sent to %v, which has not been opened", s, id)
		return procfs.ErrNoProcess
	}
	if p.isReaped {
		return procfs.ErrNoProcess
	}
	if p.refuses != nil {
		return p.refuses
	}
	w.check(p, s)
	p.deliver(s)
	return nil
}

// check checks the rules of world for a signal.
func (w *world) check(p *process, s signals.Signal) {
	switch s {
	case signals.STOP:
		switch {
		case p.last:
			w.t.Errorf("an ancestor, %d, is stopped", p.PID)
		case w.guard.pid != 0 && w.guard.tellErr == nil && !w.guard.list[p.ID] && !w.wantStopped:
			w.t.Errorf("%d is stopped before it is on the list of the guardian", p.PID)
		}
		p.sentStepSignal = w.wantStopped && p.stoppedByRun
		p.stoppedByRun = true
	case signals.CONT:
		// After an error, Run resumes all members that it has frozen, whether or not they have been sent the
		// signal.
		if p.stoppedByRun && p.sentStepSignal && !w.givenUp() {
			for _, q := range w.first {
				if q.stoppedByRun && !q.sentStepSignal && !q.Stat.Gone() && !q.isReaped {
					w.t.Errorf("%d is resumed before %d has been sent the signal", p.PID, q.PID)
				}
			}
		}
		if !p.stoppedByRun && p.State == 'T' && !p.sentEndingSignal {
			w.t.Errorf("%d was stopped by a third party and is resumed, but was sent no signal that ends it", p.PID)
		}
		p.stoppedByRun, p.sentStepSignal = false, false
	default:
		if w.strict && !p.last && !p.master && p.born < w.reads && !p.stoppedByRun && p.runs() {
			w.t.Errorf("%v is sent to %d, which runs", s, p.PID)
		}
		p.sentStepSignal = true
		p.sentEndingSignal = p.sentEndingSignal || s.Ends()
	}
}

// givenUp reports whether Run has to end early.
func (w *world) givenUp() bool { return w.interrupt != nil || w.snapshotErr != nil || w.panicked }

func (w *world) Blocks(id procfs.ID, s signals.Signal) (blocked, all bool) {
	w.call("blocks %d", id.PID)
	p := w.opened[id]
	if p == nil {
		return false, false
	}
	all = p.blocksAll != nil && p.blocksAll()
	return all || p.blocks[s], all
}

func (w *world) Halted(id procfs.ID) bool {
	w.call("halted %d", id.PID)
	p := w.opened[id]
	return p == nil || !p.threads
}

func (w *world) Vforks(id procfs.ID) bool {
	w.call("vforks %d", id.PID)
	p := w.opened[id]
	return p != nil && p.vforks
}

func (w *world) Wait(timeout time.Duration) (gone, reaped []procfs.ID, err error) {
	w.call("wait")
	if w.waitErr != nil {
		return nil, nil, w.waitErr
	}
	w.pass(timeout, func() bool { return len(w.gone)+len(w.reaped) > 0 || w.wakes || w.interrupt != nil })
	w.wakes = false
	if w.interrupt != nil {
		return nil, nil, w.interrupt
	}
	open := func(ids []procfs.ID) []procfs.ID {
		return slices.DeleteFunc(ids, func(id procfs.ID) bool { return w.opened[id] == nil })
	}
	gone, reaped = open(w.gone), open(w.reaped)
	w.gone, w.reaped = nil, nil
	if len(gone)+len(reaped) == 0 {
		w.pass(0, never)
	}
	return gone, reaped, nil
}

func (w *world) Status(id procfs.ID) (signals.Status, error) {
	w.call("status %d", id.PID)
	p := w.opened[id]
	switch {
	case p == nil || w.noStatus:
		return signals.Status{}, signals.ErrNoStatus
	case w.statusAtReap && !p.isReaped:
		return signals.Status{}, signals.ErrNotReaped
	}
	return signals.FromWait(p.status), nil
}

func (w *world) Snapshot(s *procfs.Snapshot) error {
	w.call("snapshot")
	w.reads++
	if w.snapshotErr != nil {
		return w.snapshotErr
	}
	s.FirstPID, s.Began = w.lastPID, math.MaxUint64
	if w.sameTick {
		s.Began = 0
	}
	w.pass(w.reader/2, never)
	s.Procs, s.Vanished = s.Procs[:0], 0
	for _, p := range slices.SortedFunc(maps.Values(w.procs), func(a, b *process) int { return a.PID - b.PID }) {
		if p.hops && p.runs() {
			p.hop()
			s.Vanished++
			continue
		}
		s.Procs = append(s.Procs, p.shown())
		if w.entered != nil {
			w.entered(w.reads, p.PID)
		}
	}
	slices.SortFunc(s.Procs, func(a, b procfs.Stat) int { return a.PID - b.PID })
	if w.reading != nil {
		w.reading(w.reads)
	}
	w.pass(w.reader/2, never)
	if w.allocatesPIDs {
		w.lastPID++
	}
	s.LastPID, s.Hidden = w.lastPID, w.hidden
	if w.hideLoadavg {
		s.FirstPID, s.LastPID = 0, 0
	}
	return nil
}

func (w *world) Interrupted() error {
	w.call("interrupted")
	return w.interrupt
}

func (w *world) PrepareWait() error { return w.prepareWaitErr }

func (w *world) ScanNew(s *procfs.Snapshot) (*procfs.Snapshot, bool, error) {
	w.call("scan new")
	if w.scanNewErr != nil {
		return nil, false, w.scanNewErr
	}
	fresh := &procfs.Snapshot{FirstPID: w.lastPID, LastPID: w.lastPID, Ordered: true}
	for pid, p := range w.procs {
		if pid > s.FirstPID {
			fresh.Procs = append(fresh.Procs, p.shown())
		}
	}
	slices.SortFunc(fresh.Procs, func(a, b procfs.Stat) int { return a.PID - b.PID })
	return fresh, !w.hideLoadavg, nil
}

// Image returns the image of a process: an image given by image, or that of the parent from which it was forked.
func (w *world) Image(pid int) (procfs.Image, error) {
	w.call("image %d", pid)
	p := w.procs[pid]
	switch {
	case p == nil:
		return procfs.Image{}, procfs.ErrNoProcess
	case p.image == "" || p.Stat.Gone():
		return procfs.Image{}, procfs.ErrNoImage
	}
	return procfs.Image{
		ID: p.ID, Forked: p.Stat.Forked(), Auxv: p.image, StartCode: p.StartCode, StartStack: p.StartStack, PIDNamespace: "pid:[1]",
	}, nil
}

func (w *world) AncestorsChildren(parents []int) map[int]bool {
	w.call("children")
	if w.hideChildren {
		return nil
	}
	found := make(map[int]bool)
	for _, pid := range parents {
		for p := w.procs[pid]; p != nil; p = w.procs[p.PPID] {
			for _, q := range w.procs {
				if q.PPID == p.PID {
					found[q.PID] = true
				}
			}
		}
	}
	return found
}

func (w *world) PrepareFreeze() error {
	w.call("prepare")
	return w.prepareFreezeErr
}

func (w *world) StartGuardian() (int, error) {
	w.call("guard")
	w.guard.started++
	if w.guard.startErr != nil {
		return 0, w.guard.startErr
	}
	p := w.add(process{Stat: procfs.Stat{Comm: "killbox", PPID: selfPID}})
	p.setsid()
	w.guard.pid = p.PID
	return p.PID, nil
}

func (w *world) GuardianAdd(ids []procfs.ID) error {
	w.call("tell %d", len(ids))
	if w.guard.pid == 0 {
		w.t.Error("a process is added to the list, but no guardian runs")
	}
	if w.guard.tellErr != nil {
		return w.guard.tellErr
	}
	for _, id := range ids {
		if p := w.opened[id]; p != nil && p.State == 'T' && !p.stoppedByRun {
			w.t.Errorf("%d is added to the list of the guardian, but a third party has stopped it", id.PID)
		}
		w.guard.list[id] = true
	}
	return nil
}

func (w *world) GuardianClear() error {
	w.call("clear")
	if w.guard.tellErr != nil {
		return w.guard.tellErr
	}
	clear(w.guard.list)
	return nil
}

func (w *world) StopGuardian() {
	w.call("unguard")
	if p := w.procs[w.guard.pid]; p != nil {
		p.status = 0
		p.die()
	}
	w.guard.pid = 0
}

func (w *world) Boost() func() {
	w.call("boost")
	w.boosts++
	return func() { w.boosts-- }
}

func (w *world) Pause(d time.Duration) {
	w.call("pause")
	w.pass(d, never)
}

func (w *world) Hooks(command string, envs [][]string, limit time.Duration) []error {
	errs := make([]error, len(envs))
	for i, env := range envs {
		vars := make(map[string]string)
		for _, entry := range env {
			name, value, _ := strings.Cut(entry, "=")
			vars[name] = value
		}
		w.hooked = append(w.hooked, fmt.Sprintf("%s %s before %s", command, vars["KILLBOX_PID"], vars["KILLBOX_NEXT"]))
		if w.hook != nil {
			errs[i] = w.hook(vars)
		}
	}
	return errs
}

// finish checks the rules for the end of Run.
func (w *world) finish() {
	w.t.Helper()
	for _, p := range w.first {
		if p.Stat.Gone() || p.isReaped {
			continue
		}
		if p.stoppedByRun && !p.wantedStopped() && !p.immune {
			w.t.Errorf("%d is left stopped", p.PID)
		}
	}
	if w.guard.pid != 0 {
		w.t.Error("the guardian is left behind")
	}
	if w.boosts != 0 {
		w.t.Errorf("%d boosts of the priority have not ended", w.boosts)
	}
	if p := w.procs[selfPID]; p == nil || len(p.got) > 0 {
		w.t.Error("this process was signalled")
	}
}

// alive returns the PIDs of the living processes, except those that newWorld has added.
func (w *world) alive() []int {
	var list []int
	for pid, p := range w.procs {
		if !p.Stat.Gone() && pid != initPID && pid != 40 && pid != selfPID {
			list = append(list, pid)
		}
	}
	slices.Sort(list)
	return list
}

// recorder is the observer. It records each event as a line, and checks that no process is signalled twice on a step.
type recorder struct {
	w       *world
	began   time.Time
	lines   []string
	rungs   map[string]bool // process and number of the step: has been signalled
	failed  int             // number of failures
	tick    time.Duration
	panicAt int // number of the event at which it panics; 0 for never
	n       int // number of events

	firstWaits []*FirstWait
}

// note records an event, or panics.
func (o *recorder) note(format string, args ...any) {
	if o.n++; o.n == o.panicAt {
		o.w.panicked = true
		panic(errObserver)
	}
	at := time.Since(o.began).Round(10 * time.Millisecond)
	o.lines = append(o.lines, fmt.Sprintf("%v ", at)+fmt.Sprintf(format, args...))
}

var errObserver = errors.New("the observer panics")

func (o *recorder) Signalled(r *Result, s signals.Signal, rung int, _ time.Duration) {
	key := fmt.Sprint(r.ID, rung)
	if o.rungs[key] {
		o.w.t.Errorf("%d is signalled twice on step %d", r.PID, rung)
	}
	o.rungs[key] = true
	o.note("%v %d", s, r.PID)
}

func (o *recorder) Gone(r *Result) {
	if r.Status != nil {
		o.note("gone %d: %v", r.PID, *r.Status)
		return
	}
	o.note("gone %d", r.PID)
}

func (o *recorder) Failed(r *Result, err error) {
	o.failed++
	if r == nil {
		o.note("failed: %v", err)
		return
	}
	o.note("failed %d: %v", r.PID, err)
}

func (o *recorder) Attributed(r *Result) { o.note("attributed %d: %s", r.PID, r.Evidence) }

func (o *recorder) Frozen(list []*Result) {
	if o.w.onFrozen != nil {
		o.w.onFrozen(list)
	}
}

func (o *recorder) Skipped(s Skip) { o.note("skipped %d: %s", s.PID, s.Reason) }

func (o *recorder) FirstWait(w *FirstWait) { o.firstWaits = append(o.firstWaits, w) }

func (o *recorder) Waiting(p Progress) {
	in := "forever"
	if p.In != duration.Forever {
		in = p.In.Round(time.Millisecond).String()
	}
	o.note("waiting: %d of %d, %v in %s", p.Gone, p.Total, p.Next, in)
}

func (o *recorder) Tick() time.Duration { return o.tick }

// outcome is the result of a call of Run, and what the observer has recorded.
type outcome struct {
	*Summary
	w     *world
	o     *recorder
	lines []string
	err   error
	panic any
}

// carryOut opens the targets and runs the plan in the world.
func carryOut(w *world, p *Plan, targets ...*process) *outcome {
	w.t.Helper()
	return carryOutWith(w, p, &recorder{}, targets...)
}

func carryOutWith(w *world, p *Plan, o *recorder, targets ...*process) *outcome {
	w.t.Helper()
	o.w, o.began, o.rungs = w, time.Now(), make(map[string]bool)
	for _, target := range targets {
		st, err := w.Open(target.PID)
		if err != nil {
			w.t.Fatal(err)
		}
		target.master = p.Mixed && !target.worker
		p.Targets = append(p.Targets, Target{Stat: st, Name: fmt.Sprint(target.PID), Last: target.last, Master: target.master})
	}
	w.strict = p.Freeze && w.prepareFreezeErr == nil
	out := &outcome{w: w, o: o}
	func() {
		defer func() { out.panic = recover() }()
		out.Summary, out.err = Run(Call{Plan: p, Kernel: w, Policy: &w.policy, Observer: o})
	}()
	if out.panic != nil && out.panic != errObserver {
		w.t.Fatalf("panic: %v\n%s\n%s", out.panic, strings.Join(o.lines, "\n"), strings.Join(w.log, "\n"))
	}
	out.lines = o.lines
	w.finish()
	if w.t.Failed() {
		w.t.Logf("calls:\n%s", strings.Join(w.log, "\n"))
	}
	return out
}

// excludeUsual excludes PID 1, this process and its parent, as every applet does.
func excludeUsual(st *procfs.Stat) string {
	switch st.PID {
	case initPID:
		return "PID 1"
	case selfPID:
		return "this process"
	case 40:
		return "an ancestor of this process"
	}
	return ""
}

// freezing returns the plan of tkill.
func freezing(ladder string) *Plan {
	return &Plan{Ladder: must(ParseLadder(ladder, signals.TERM)), Tree: &Tree{Sessions: true}, Freeze: true, Guardian: true, Prove: time.Second}
}

// waiting returns the plan of killwait.
func waiting(ladder string) *Plan { return &Plan{Ladder: must(ParseLadder(ladder, signals.TERM))} }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// ignores returns a handler that ignores these signals.
func ignores(which ...signals.Signal) func(*process, signals.Signal) bool {
	return func(_ *process, s signals.Signal) bool { return slices.Contains(which, s) }
}

// forksOn returns a handler that forks a child for each such signal, and does not die of it.
func forksOn(which signals.Signal, child func() process) func(*process, signals.Signal) bool {
	return func(p *process, s signals.Signal) bool {
		if s == which {
			p.w.fork(p, child())
			return true
		}
		return false
	}
}

var errPerm error = os.ErrPermission

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

// world is a scripted kernel. Things happen in it only at a call of Run, or as time passes in such a call; inside synctest
// that takes no time. It checks what must hold whatever happens, and reports the call that broke it:
//
//   - only opened processes are signalled;
//   - a process is on the list of the guardian before it is stopped, and as long as the run keeps it stopped;
//   - a process that a third party has stopped is never on that list;
//   - if the plan freezes, no running process is signalled;
//   - no process is resumed before all frozen ones have the signal;
//   - at the end no process is left frozen.
type world struct {
	*cgroupFake // nil where there is no cgroup
	policy      policyFake
	onFrozen    func([]*Result) // of the observer

	t      testing.TB
	procs  map[int]*process // by number: those that /proc shows
	opened map[procfs.ID]*process
	first  []*process // as they were added

	lastPID int
	reader  time.Duration // what a reading of the table takes
	strict  bool          // the plan freezes

	calls   int
	log     []string
	at      map[int]func()   // what happens right before the call of that number
	reading func(n int)      // happens in the middle of reading n
	entered func(n, pid int) // happens when reading n has read the entry of pid
	reads   int

	events       []event
	gone, reaped []procfs.ID
	interrupt    error
	wakes        bool // the next Wait, as by Kernel.Wake
	panicked     bool
	waitErr      error
	guard        guardFake
	boosts       int
	wantStopped  bool // the run is to leave processes stopped
	statusAtReap bool // a status is there only once reaped
	noStatus     bool
	hook         func(env map[string]string) error
	hooked       []string
	snapshotErr  error
	hideLoadavg  bool
	hideChildren bool
	hidden       int
	deaf         error          // of PrepareWait
	unprepared   error          // of PrepareFreeze
	sameTick     bool           // everything happens within one clock tick
	breathing    bool           // PIDs are allocated elsewhere all the time
	ended        map[int]bool   // groups whose number is another's by now
	asked        func(pgid int) // happens when a group is asked for
}

// policyFake is the policy. What it leaves out is the usual.
type policyFake struct {
	exclude  func(*procfs.Stat) string
	selects  func(*procfs.Stat) bool
	inCgroup func(*procfs.Stat) bool
	over     func() bool // of a plan that only freezes
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
	pid      int
	startErr error
	tellErr  error
	list     map[procfs.ID]bool
	started  int
}

type event struct {
	at time.Time
	do func()
}

// process is one of the world's, with how it behaves. The zero behaviour is to
// die of whatever ends a process, at once, and to be reaped at once.
type process struct {
	procfs.Stat
	w *world

	linger    time.Duration                           // between an ending signal and the end
	handle    func(p *process, s signals.Signal) bool // true: it is dealt with
	blocks    map[signals.Signal]bool
	vforks    bool          // in state D, for a child
	threads   bool          // a thread that is not the first runs on for the moment
	blocksAll func() bool   // as around a fork
	reap      time.Duration // after its end; never if negative
	stopping  time.Duration // between SIGSTOP and being seen stopped
	immune    bool          // in uninterruptible sleep
	refuses   error         // of every signal
	noOpen    error
	opening   func(p *process) // happens as it is opened
	onRun     func()           // happens when it is resumed
	subreaper bool
	last      bool
	hops      bool // forks and exits without end: each scan shows only that a process has vanished

	leaderLeft bool // the first thread has exited, and another has not
	isReaped   bool
	pending    []signals.Signal
	byRun      bool // sent SIGSTOP by the run, and no SIGCONT since
	armed      bool // has the rung's signal since
	sentenced  bool // was ever sent a signal that ends
	got        []signals.Signal
	status     uint32
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

// add puts a process into the world. What it leaves out is the usual.
func (w *world) add(p process) *process {
	q := &p
	q.w = w
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

// family adds a root and n more, each the child of the one before.
func (w *world) chain(pids ...int) []*process {
	var list []*process
	ppid := 40
	for _, pid := range pids {
		list = append(list, w.add(process{Stat: procfs.Stat{ID: procfs.ID{PID: pid}, PPID: ppid}}))
		ppid = pid
	}
	return list
}

// fork makes a child of p, which must run.
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

// hop makes p its own child, whose parent is gone.
func (p *process) hop() {
	delete(p.w.procs, p.PID)
	p.w.lastPID++
	p.PID, p.PPID, p.Start = p.w.lastPID, initPID, p.Start+1
	p.w.procs[p.PID] = p
}

// setsid makes p lead a session.
func (p *process) setsid() { p.PGID, p.SID = p.PID, p.PID }

// shown is what /proc has of p.
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
	if p.blocksAll != nil {
		st.Blocked = ^uint32(0) // now and then
	}
	return st
}

func (p *process) runs() bool { return !p.Stat.Gone() && !p.isReaped && p.State != 'T' }

// every does f as long as p lives, whenever it runs.
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

func (w *world) after(d time.Duration, f func()) {
	e := event{time.Now().Add(d), f}
	i := slices.IndexFunc(w.events, func(o event) bool { return o.at.After(e.at) })
	if i < 0 {
		i = len(w.events)
	}
	w.events = slices.Insert(w.events, i, e)
}

// errForever is the panic of a wait that nothing would ever end.
var errForever = errors.New("waits for ever for nothing")

// pass lets time go by until stop holds, at most d.
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

// deliver is what the kernel does with a signal.
func (p *process) deliver(s signals.Signal) {
	if s != 0 {
		p.got = append(p.got, s)
	}
	p.take(s)
}

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
			if p.byRun && !p.Stat.Gone() {
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

func (p *process) flush() {
	pending := p.pending
	p.pending = nil
	for _, s := range pending {
		if p.runs() {
			p.take(s)
		}
	}
}

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

// die makes p a zombie, whose children pass to the next subreaper.
func (p *process) die() {
	w := p.w
	if p.Stat.Gone() {
		return
	}
	p.State, p.Threads = 'Z', 1
	heir := initPID
	for q := w.procs[p.PPID]; q != nil && q.PID != initPID; q = w.procs[q.PPID] {
		if q.subreaper && !q.Stat.Gone() {
			heir = q.PID
			break
		}
	}
	for _, q := range w.procs {
		if q.PPID == p.PID {
			q.PPID = heir
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

// collect is the parent's wait.
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

// call is the beginning of every call.
func (w *world) call(format string, args ...any) {
	w.calls++
	w.log = append(w.log, fmt.Sprintf(format, args...))
	if do := w.at[w.calls]; do != nil {
		do()
	}
	// A SIGKILL could hit us now.
	if w.guard.pid != 0 && w.guard.tellErr == nil {
		for _, p := range w.first {
			if p.byRun && p.runsNoMore() && !w.guard.list[p.ID] {
				w.t.Errorf("call %d (%s): %d is frozen, and not on the list of the guardian", w.calls, w.log[len(w.log)-1], p.PID)
			}
		}
	}
}

// runsNoMore: it lives and is stopped, or is about to be.
func (p *process) runsNoMore() bool {
	return !p.Stat.Gone() && !p.isReaped && !p.immune && !p.wantedStopped()
}

func (p *process) wantedStopped() bool { return p.w.wantStopped && p.armed }

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
		w.t.Errorf("%v to %v, which has not been opened", s, id)
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

// check holds a signal to what every run must keep to.
func (w *world) check(p *process, s signals.Signal) {
	switch s {
	case signals.STOP:
		switch {
		case p.last:
			w.t.Errorf("an ancestor, %d, is stopped", p.PID)
		case w.guard.pid != 0 && w.guard.tellErr == nil && !w.guard.list[p.ID] && !w.wantStopped:
			w.t.Errorf("%d is stopped before the guardian has been told", p.PID)
		}
		p.armed = w.wantStopped && p.byRun
		p.byRun = true
	case signals.CONT:
		// A run that is given up resumes all that it has frozen, also those that have the signal of the rung
		// before.
		if p.byRun && p.armed && !w.givenUp() {
			for _, q := range w.first {
				if q.byRun && !q.armed && !q.Stat.Gone() && !q.isReaped {
					w.t.Errorf("%d is resumed before %d has the signal", p.PID, q.PID)
				}
			}
		}
		if !p.byRun && p.State == 'T' && !p.sentenced {
			w.t.Errorf("%d was stopped by a third party, and is resumed although it is not to die", p.PID)
		}
		p.byRun, p.armed = false, false
	default:
		if w.strict && !p.last && !p.byRun && p.runs() {
			w.t.Errorf("%v is sent to %d, which runs", s, p.PID)
		}
		p.armed = true
		p.sentenced = p.sentenced || s.Ends()
	}
}

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
	if w.breathing {
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

func (w *world) PrepareWait() error { return w.deaf }

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
	return w.unprepared
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
		w.t.Error("there is no guardian to tell")
	}
	if w.guard.tellErr != nil {
		return w.guard.tellErr
	}
	for _, id := range ids {
		if p := w.opened[id]; p != nil && p.State == 'T' && !p.byRun {
			w.t.Errorf("%d is put on the list of the guardian, and a third party has stopped it", id.PID)
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

// finish checks what must hold at the end of every run.
func (w *world) finish() {
	w.t.Helper()
	for _, p := range w.first {
		if p.Stat.Gone() || p.isReaped {
			continue
		}
		if p.byRun && !p.wantedStopped() && !p.immune {
			w.t.Errorf("%d is left stopped", p.PID)
		}
	}
	if w.guard.pid != 0 {
		w.t.Error("the guardian is left behind")
	}
	if w.boosts != 0 {
		w.t.Errorf("the nice value was taken %d times more than given back", w.boosts)
	}
	if p := w.procs[selfPID]; p == nil || len(p.got) > 0 {
		w.t.Error("killbox itself was signalled")
	}
}

// alive returns the PIDs of the living processes, except those that existed from the start.
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

// recorder is the observer, which keeps its own account of which processes were signalled in which rung.
type recorder struct {
	w       *world
	began   time.Time
	lines   []string
	rungs   map[string]bool
	failed  int
	tick    time.Duration
	panicAt int
	n       int
}

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
		o.w.t.Errorf("%d is signalled twice in rung %d", r.PID, rung)
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

func (o *recorder) Frozen(list []*Result) {
	if o.w.onFrozen != nil {
		o.w.onFrozen(list)
	}
}

func (o *recorder) Skipped(s Skip) { o.note("skipped %d: %s", s.PID, s.Reason) }

func (o *recorder) Waiting(p Progress) {
	in := "forever"
	if p.In != duration.Forever {
		in = p.In.Round(time.Millisecond).String()
	}
	o.note("waiting: %d of %d, %v in %s", p.Gone, p.Total, p.Next, in)
}

func (o *recorder) Tick() time.Duration { return o.tick }

// outcome is all that came of a run.
type outcome struct {
	*Summary
	w     *world
	o     *recorder
	lines []string
	err   error
	panic any
}

// carryOut runs a plan in the world, whose targets are opened first.
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
		p.Targets = append(p.Targets, Target{Stat: st, Name: fmt.Sprint(target.PID), Last: target.last})
	}
	w.strict = p.Freeze && w.unprepared == nil
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

// freezing is what tkill plans.
func freezing(ladder string) *Plan {
	return &Plan{Ladder: must(ParseLadder(ladder, signals.TERM)), Tree: &Tree{Sessions: true}, Freeze: true, Guardian: true, Prove: time.Second}
}

// waiting is what killwait plans.
func waiting(ladder string) *Plan { return &Plan{Ladder: must(ParseLadder(ladder, signals.TERM))} }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Behaviours.

func ignores(which ...signals.Signal) func(*process, signals.Signal) bool {
	return func(_ *process, s signals.Signal) bool { return slices.Contains(which, s) }
}

// forksOn makes a child of that kind for each such signal, and lives on.
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

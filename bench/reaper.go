package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// limit is how long bench waits for a process or its output before it gives up.
const limit = 90 * time.Second

// exit records how a process ended, and its context switches, including those of the children that it had reaped.
type exit struct {
	at       time.Time
	status   syscall.WaitStatus
	switches int64
}

// reaper reaps every child of this PID 1: the processes that it has started, and all orphans.
type reaper struct {
	mu      sync.Mutex
	changed *sync.Cond
	known   map[int]chan exit
	orphans map[int]exit
	started int
	idle    bool // no child remains
}

func newReaper() *reaper {
	r := &reaper{known: map[int]chan exit{}, orphans: map[int]exit{}, idle: true}
	r.changed = sync.NewCond(&r.mu)
	go r.reap()
	return r
}

func (r *reaper) reap() {
	runtime.LockOSThread()
	for {
		r.mu.Lock()
		for r.idle {
			r.changed.Wait()
		}
		started := r.started
		r.mu.Unlock()

		var e exit
		var usage syscall.Rusage
		pid, err := syscall.Wait4(-1, &e.status, 0, &usage)
		e.at = time.Now()
		e.switches = int64(usage.Nvcsw) + int64(usage.Nivcsw)

		r.mu.Lock()
		switch done := r.known[pid]; {
		case err == syscall.EINTR:
		case err != nil:
			r.idle = r.started == started
			r.changed.Broadcast()
		case done != nil:
			delete(r.known, pid)
			done <- e
		default:
			r.orphans[pid] = e
		}
		r.mu.Unlock()
	}
}

// waitIdle waits until no other process remains, and returns the orphans that were reaped since forget.
func (r *reaper) waitIdle() (map[int]exit, error) {
	timer := time.AfterFunc(limit, func() { r.changed.Broadcast() })
	defer timer.Stop()
	end := time.Now().Add(limit)
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.idle {
		if time.Now().After(end) {
			return nil, errors.New("a process is still there")
		}
		r.changed.Wait()
	}
	return r.orphans, nil
}

func (r *reaper) forget() {
	r.mu.Lock()
	r.orphans = map[int]exit{}
	r.mu.Unlock()
}

// killAll kills all other processes of the namespace and waits until they are reaped.
func (r *reaper) killAll() error {
	// No fork evades this kill(2): the kernel holds the lock under which a fork becomes visible. ESRCH: there is no
	// other process.
	_ = syscall.Kill(-1, syscall.SIGKILL)
	_, err := r.waitIdle()
	r.forget()
	return err
}

type command struct {
	argv   []string
	stdout *os.File
	stderr *os.File
	fd3    *os.File
	stdin  *os.File
	setsid bool
	flags  uintptr
}

type child struct {
	argv  []string
	pid   int
	begun time.Time
	done  chan exit
}

func (r *reaper) start(c command) (*child, error) {
	path, err := lookPath(c.argv[0])
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	files := []uintptr{null.Fd(), null.Fd(), null.Fd()}
	if os.Getenv("BENCH_DEBUG") != "" {
		files[2] = 2
	}
	if c.stderr != nil {
		files[2] = c.stderr.Fd()
	}
	if c.stdin != nil {
		files[0] = c.stdin.Fd()
	}
	if c.stdout != nil {
		files[1] = c.stdout.Fd()
	}
	if c.fd3 != nil {
		files = append(files, c.fd3.Fd())
	}
	attr := &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: c.setsid, Cloneflags: c.flags},
	}
	// Without the lock, the reaper could take the child for an orphan.
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := time.Now()
	pid, err := syscall.ForkExec(path, c.argv, attr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p := &child{c.argv, pid, begun, make(chan exit, 1)}
	r.known[pid] = p.done
	r.started++
	r.idle = false
	r.changed.Broadcast()
	return p, nil
}

// wait returns how the child ended. An exit status that is not in ok is an error.
func (p *child) wait(ok ...int) (exit, error) {
	select {
	case e := <-p.done:
		if !e.status.Exited() || !slices.Contains(ok, e.status.ExitStatus()) {
			return e, fmt.Errorf("%q ended with wait status %#x", p.argv[:min(3, len(p.argv))], uint32(e.status))
		}
		return e, nil
	case <-time.After(limit):
		return exit{}, fmt.Errorf("%q still runs after %v", p.argv[:min(3, len(p.argv))], limit)
	}
}

// timed runs a command and returns the milliseconds from before its start until it is reaped.
func (r *reaper) timed(c command, ok ...int) (float64, error) {
	p, err := r.start(c)
	if err != nil {
		return 0, err
	}
	e, err := p.wait(ok...)
	return ms(e.at.Sub(p.begun)), err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

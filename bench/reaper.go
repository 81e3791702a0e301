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

// limit is how long anything may take before it is given up.
const limit = 90 * time.Second

// exit is how a process ended, and what it and those that it waited for had done by then.
type exit struct {
	at       time.Time
	status   syscall.WaitStatus
	switches int64
}

// reaper waits for every child of this PID 1: those that it has started, and all the orphans.
type reaper struct {
	mu      sync.Mutex
	changed *sync.Cond
	known   map[int]chan exit
	orphans map[int]exit
	started int
	idle    bool // no child is left
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

// quiet waits until nobody is left but this process, and returns who was reaped since forget.
func (r *reaper) quiet() (map[int]exit, error) {
	timer := time.AfterFunc(limit, func() { r.changed.Broadcast() })
	defer timer.Stop()
	end := time.Now().Add(limit)
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.idle {
		if time.Now().After(end) {
			return nil, errors.New("somebody is still there")
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

// clear ends all the processes of the namespace.
func (r *reaper) clear() error {
	// No fork escapes it: the kernel holds the lock that a fork needs to become visible. Nobody there is ESRCH.
	_ = syscall.Kill(-1, syscall.SIGKILL)
	_, err := r.quiet()
	r.forget()
	return err
}

type command struct {
	argv   []string
	stdout *os.File
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
	// Under the lock, or the reaper could take the child for an orphan.
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

// wait returns how the child has ended; any status but those in ok is an error.
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

// timed runs a command and returns the milliseconds from before its start until it was reaped.
func (r *reaper) timed(c command, ok ...int) (float64, error) {
	p, err := r.start(c)
	if err != nil {
		return 0, err
	}
	e, err := p.wait(ok...)
	return ms(e.at.Sub(p.begun)), err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

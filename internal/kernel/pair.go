package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"killbox/internal/child"
	"killbox/internal/signals"

	"golang.org/x/sys/unix"
)

// half is this process as one half of a pair (child.Outer). The halves share a stream socket pair. The outer half first
// sends a 64-bit number and as many bytes: the descriptor of the pidfile and the command line of the inner half, each
// word ended by a zero byte. So /proc/PID/cmdline of the inner half does not contain the command, and pkill -f does not
// find it. From then on both send messages: the kind and the value, each a 32-bit number in native byte order.
//
// While the runtime of the inner half starts, the socket is its standard error: if the runtime fails, its trace goes to
// the outer half, which starts the command itself instead.
type half struct {
	fd    int
	outer int // in the inner half, the PID of the outer half, or 0 if it is in another PID namespace
	group int // in the inner half, the process group of the outer half, or 0
	inner int // in the outer half, the PID of the inner half; 0 in the inner half

	lockFD int // in the inner half, the descriptor of the pidfile; -1 without one

	unread      []byte // the beginning of a message
	watched     bool   // watchHalf has succeeded: the socket does not block
	lost        bool   // the other half is gone
	lossIgnored bool   // IgnoreLostHalf was called
}

// messageSize is the size of a message in bytes.
const messageSize = 8

// StartInner implements child.Pair.
func (k *Kernel) StartInner(argv, env []string, o child.InnerOptions) (int, error) {
	if err := k.testRoom(); err != nil {
		return 0, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socketpair", err)
	}
	stderr, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		unix.Close(pair[0])
		unix.Close(pair[1])
		return 0, os.NewSyscallError("fcntl", err)
	}
	l := child.NewSpec([]string{child.InnerName, strconv.Itoa(stderr)}, env)
	l.Path, l.ErrorFD, l.InheritFDs = k.opts.Self, pair[1], []int{stderr}
	if o.LockFD >= 0 {
		l.InheritFDs = append(l.InheritFDs, o.LockFD)
	}
	// The group of the outer half has no PGID in a new PID namespace, nor after setns(2) into one (nsenter -p). There
	// the command can only inherit the group, and the inner half leaves the group when it has started the command.
	l.Group, l.PIDNamespace = !o.PIDNamespace && unix.Getpgrp() != 0, o.PIDNamespace
	if !o.PIDNamespace {
		l.DeathSignal = signals.CONT // SIGSTOP may have stopped the inner half, which would not read the end of file
	}
	pid, err := k.Launch(l)
	unix.Close(pair[1])
	unix.Close(stderr)
	if err != nil {
		unix.Close(pair[0])
		if e := new(child.LaunchError); errors.As(err, &e) && e.Code != child.Failed {
			return 0, &os.PathError{Op: "exec", Path: k.opts.Self, Err: e.Err}
		}
		return 0, errors.Unwrap(err)
	}
	k.startAllThreads() // while the runtime of the inner half starts
	k.half = &half{fd: pair[0], inner: pid}
	list := strconv.Itoa(o.LockFD) + "\x00" + strings.Join(argv, "\x00") + "\x00"
	k.half.send(binary.NativeEndian.AppendUint64(nil, uint64(len(list))), 0)
	k.half.send([]byte(list), 0)
	return pid, nil
}

// testRoom returns an error if a low limit of processes leaves no room for the threads of both halves and for the
// command: then this process must start no thread in vain. The test takes a millisecond, so it is left out if the limit
// is high.
func (k *Kernel) testRoom() error {
	if !k.lowProcessLimit() {
		return nil
	}
	return tryForks(2*(maxThreads+2) + 2 - max(k.countThreads(), 1))
}

// AwaitInner implements child.Pair.
func (k *Kernel) AwaitInner() (killed bool, err error) {
	_ = unix.SetNonblock(k.half.fd, true) // if that fails, watchHalf returns the error
	var message [messageSize]byte
	n, _ := awaitInput(k.half.fd, k.half.inner, message[:])
	if n == len(message) && decode(message[:]).Kind == child.Joined {
		return false, k.watchHalf()
	}
	unix.Close(k.half.fd)
	if n > 0 { // a trace of the runtime
		unix.Kill(k.half.inner, unix.SIGKILL) // it may be stopped, or about to stop
	}
	ws, _ := reap(k.half.inner)
	k.half, k.commandPID = nil, 0
	if n == 0 && ws.Signaled() && ws.Signal() == unix.SIGKILL {
		return true, nil
	}
	return false, errors.New("it could not start (process or memory limit?)")
}

// JoinPair is called first in every process. In the inner half it restores standard error, and returns the command line
// that the outer half has sent; if the outer half is gone, it ends this process. In any other process it returns argv.
func (k *Kernel) JoinPair(argv []string) []string {
	if len(argv) != 2 || argv[0] != child.InnerName {
		return argv
	}
	stderr, err := strconv.Atoi(argv[1])
	if err != nil || !fromParent(2) {
		return argv // a caller has chosen this argv[0]
	}
	if argv, err = k.joinPair(stderr); err != nil {
		os.Exit(child.Failed)
	}
	k.SetProcessName(child.InnerName)
	return argv
}

// joinPair is JoinPair in the inner half. stderr is the descriptor that becomes standard error.
func (k *Kernel) joinPair(stderr int) (argv []string, err error) {
	// Start the threads now: while the socket is standard error, the outer half takes the place of an inner half whose
	// runtime fails.
	k.startAllThreads()
	h := &half{outer: unix.Getppid()}
	if h.fd, err = unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return nil, err
	}
	if err := unix.Dup3(stderr, 2, 0); err != nil {
		return nil, err
	}
	unix.Close(stderr)
	if h.outer != 0 {
		if h.group, err = unix.Getpgid(h.outer); err != nil {
			return nil, child.ErrHalfLost
		}
	}
	var size [8]byte
	if h.receive(size[:]) < len(size) {
		return nil, child.ErrHalfLost
	}
	list := make([]byte, binary.NativeEndian.Uint64(size[:]))
	if h.receive(list) < len(list) {
		return nil, child.ErrHalfLost
	}
	words := strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00")
	if h.lockFD, err = strconv.Atoi(words[0]); err != nil {
		return nil, err
	}
	if h.lockFD >= 0 {
		unix.CloseOnExec(h.lockFD)
	}
	k.half = h
	return words[1:], nil
}

// fromParent reports whether fd is one end of a socket pair that the parent of this process has created.
func fromParent(fd int) bool {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	return err == nil && int(peer.Pid) == unix.Getppid()
}

// IsInner reports whether this process is the inner half of a pair.
func (k *Kernel) IsInner() bool { return k.half != nil && k.half.inner == 0 }

// StartInnerReaper makes the inner half a subreaper and its Kernel a reaper, as StartReaper does, but ignores all
// signals: those that the outer half forwards are events. It then waits until the outer half sends Start.
func (k *Kernel) StartInnerReaper(details bool) error {
	if err := becomeSubreaper(); err != nil {
		return err
	}
	k.ignoreAllSignals(unix.SIGCHLD) // a process that ignores CHLD cannot wait for its children (wait(2))
	if err := k.startReaper(details, func(syscall.Signal) bool { return false }, nil); err != nil {
		return err
	}
	if err := k.DeferSignals(); err != nil { // so that Output.Write does not block when the outer half is gone
		return err
	}
	if err := k.SendToHalf(child.Message{Kind: child.Joined}); err != nil {
		return child.ErrHalfLost
	}
	var message [messageSize]byte
	if n := k.half.receive(message[:]); n < len(message) || decode(message[:]).Kind != child.Start {
		return child.ErrHalfLost
	}
	return k.watchHalf()
}

// SendToHalf implements child.Pair.
func (k *Kernel) SendToHalf(m child.Message) error {
	var b [messageSize]byte
	binary.NativeEndian.PutUint32(b[:], uint32(m.Kind))
	binary.NativeEndian.PutUint32(b[4:], uint32(m.Value))
	// Without waiting: SIGSTOP may have stopped the other half. The socket has room for some hundred messages.
	return k.half.send(b[:], unix.MSG_DONTWAIT)
}

func decode(b []byte) child.Message {
	return child.Message{
		Kind:  child.MessageKind(binary.NativeEndian.Uint32(b)),
		Value: int32(binary.NativeEndian.Uint32(b[4:])),
	}
}

// send sends all of b.
func (h *half) send(b []byte, flags int) error {
	for len(b) > 0 {
		n, err := unix.SendmsgN(h.fd, b, nil, nil, flags|unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("sendmsg", err)
		}
		b = b[n:]
	}
	return nil
}

// receive waits until it has filled b, and returns the number of bytes that it has read. That is less than len(b) if
// the other half is gone.
func (h *half) receive(b []byte) (n int) {
	for n < len(b) {
		m := readOnce(h.fd, b[n:])
		if m == 0 {
			break
		}
		n += m
	}
	return n
}

// watchHalf adds the socket to the epoll set. From now on WaitAndReap returns the messages of the other half as events.
func (k *Kernel) watchHalf() error {
	if err := unix.SetNonblock(k.half.fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(k.half.fd)}
	if err := epollCtl(k.epoll, unix.EPOLL_CTL_ADD, k.half.fd, &event); err != nil {
		return fmt.Errorf("cannot wait for the second process: epoll_ctl: %w", err)
	}
	k.fdCallbacks[int32(k.half.fd)] = k.readHalf
	k.half.watched = true
	return nil
}

// readHalf reads the messages of the other half, and adds their events.
func (k *Kernel) readHalf() {
	h := k.half
	for !h.lost {
		var b [64 * messageSize]byte
		n, err := unix.Read(h.fd, b[:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return
		case n <= 0 || err != nil:
			h.lost = true
			k.eventOnce(h.fd, child.HalfLost)
		default:
			h.unread = append(h.unread, b[:n]...)
			for ; len(h.unread) >= messageSize; h.unread = h.unread[messageSize:] {
				k.reaper.addMessage(decode(h.unread))
			}
		}
	}
}

// addMessage adds the event of a message. A signal or end that the outer half reports is an event of that kind.
func (q *reaper) addMessage(m child.Message) {
	e := child.Event{Kind: child.FromHalf, Message: m}
	switch m.Kind {
	case child.Forward:
		e.Kind, e.Signal = child.Signal, signals.Signal(m.Value)
	case child.ParentGone:
		e.Kind = child.Orphaned
	case child.InputClosed:
		e.Kind = child.Hangup
	}
	q.add(&e)
}

// askToStop makes the outer half stop, and waits until that half was resumed. It returns what StopSelf returns there.
// Events of messages that arrive meanwhile are kept, but a TSTP is discarded if the outer half was resumed after it.
func (k *Kernel) askToStop(group bool) bool {
	m := child.Message{Kind: child.Stop}
	if group {
		m.Value = 1
	}
	if k.SendToHalf(m) != nil {
		return false
	}
	for !k.half.lost {
		unix.Poll([]unix.PollFd{{Fd: int32(k.half.fd), Events: unix.POLLIN}}, -1)
		k.readHalf()
		q := k.reaper
		for i := range q.events {
			if e := &q.events[i]; e.Kind == child.FromHalf && e.Message.Kind == child.Resumed {
				stopped := e.Message.Value == 1
				q.events = append(q.events[:i], q.events[i+1:]...)
				if stopped {
					q.discardStopEvents(i)
				}
				return stopped
			}
		}
	}
	return false
}

// jobGroup returns the process group of the shell job to which this process belongs: its own, or that of the outer
// half.
func (k *Kernel) jobGroup() int {
	if k.IsInner() && k.half.group != 0 {
		return k.half.group
	}
	return unix.Getpgrp()
}

// halfLost returns an error if the other half is gone, until IgnoreLostHalf is called. It reads the socket: a ladder
// may run hooks for minutes without waiting for events.
func (k *Kernel) halfLost() error {
	h := k.half
	if h == nil || h.lossIgnored {
		return nil
	}
	if h.watched {
		k.readHalf()
	}
	if !h.lost {
		return nil
	}
	return &signals.Interrupt{Signal: signals.KILL}
}

// IgnoreLostHalf implements child.HalfWatcher.
func (k *Kernel) IgnoreLostHalf() {
	if k.half != nil {
		k.half.lossIgnored = true
	}
}

// DropTerminalSignals makes this process ignore a SIGINT or SIGQUIT that the terminal sends (^C, ^\): the command is in
// the same process group, so the terminal sends it the signal as well. A signal that a process sends is still caught.
// In a build without the tag exactsignals it does nothing.
func (k *Kernel) DropTerminalSignals() {
	for _, sig := range []syscall.Signal{unix.SIGINT, unix.SIGQUIT} {
		if k.caught.handled[signals.Signal(sig)] {
			// The runtime's handler passes a signal without this flag on only if kill(2) or tgkill(2) has sent it.
			setReaction(sig, reactDrop)
		}
	}
}

package child

import (
	"errors"

	"killbox/internal/duration"
	"killbox/internal/signals"
)

// reapwait runs as a pair of processes, so that no process that the command has started outlives a SIGKILL to one of
// them. The outer half is the process that the caller has started. The inner half is its child, starts the command and
// does the work of a Supervisor. Both halves are subreapers, and share a socket pair:
//
//   - If the inner half is killed, its children become children of the outer half, which ends them by KILL.
//   - If the outer half is killed, the inner half reads end of file, and ends its descendants by KILL.
//
// The surviving half then ends itself by KILL. If that is the outer half, its parent sees the signal. The inner half
// has a process group and a name of its own, so that a signal to the group or the name of reapwait reaches one half
// only. The inner half ignores all signals, and acts on those that the outer half forwards to it.

// InnerName is the argv[0] and the process name of the inner half.
const InnerName = "killbox-reaper"

// Message is a message from one half of a pair to the other.
type Message struct {
	Kind  MessageKind
	Value int32
}

// MessageKind is the kind of a Message.
type MessageKind uint32

// The kinds of messages. Those from Start to Resumed are sent by the outer half, the others by the inner half.
const (
	Start       MessageKind = iota + 1 // start the command
	Forward                            // the outer half has received the signal Value
	ParentGone                         // the parent of the outer half is gone
	InputClosed                        // the other end of standard input was closed
	Resumed                            // answers Stop; Value is 1 if the outer half was stopped and resumed
	Joined                             // the inner half runs
	Launched                           // the command was started
	Stop                               // stop as SIGTSTP does; Value is 1 if the whole process group is to stop
	Finished                           // the call is over, and Value is its exit status
)

// ErrHalfLost is the error of the inner half if the outer half is gone before the command has been started.
var ErrHalfLost = errors.New("the other half of the pair is gone")

// Pair is the part of the kernel that the outer half needs to start and reach the inner half.
type Pair interface {
	// StartInner starts this program again as the inner half, whose command line is argv, and returns its PID.
	StartInner(argv, env []string, o InnerOptions) (pid int, err error)
	// AwaitInner waits until the inner half runs. From then on WaitAndReap returns the messages of the inner half as
	// events, the last one before the event of its end. If the inner half could not start, AwaitInner returns an error;
	// if KILL has ended the inner half, killed is true.
	AwaitInner() (killed bool, err error)
	// SendToHalf sends a message to the other half, without waiting. An error means that the other half is gone, which
	// WaitAndReap reports by HalfLost, or that it has left hundreds of messages unread.
	SendToHalf(Message) error
}

// InnerOptions say how StartInner starts the inner half.
type InnerOptions struct {
	// PIDNamespace: the inner half is PID 1 of a new PID namespace, with a /proc of its own.
	PIDNamespace bool
	// LockFD is the descriptor of a locked pidfile, which the inner half inherits; -1 without one.
	LockFD int
}

// Outer is the outer half of a pair.
type Outer struct {
	Kernel interface {
		Pair
		Reaper
		Terminal
	}
	Inner int // the PID of the inner half
	// OnLaunched is called when the command has been started.
	OnLaunched func()

	resumed   bool // this process was stopped and resumed while the current events are handled
	continued bool // CONT has followed the last TSTP
}

// errNotKilled is the error of Run if the inner half ended without a signal and without a result.
var errNotKilled = errors.New("the second process has failed")

// Run forwards signals to the inner half until that half has ended, and returns the exit status that the inner half has
// sent. If the inner half ended without sending one, lost is the signal that ended it, and the children of the inner
// half have become children of this process.
func (o *Outer) Run() (code int, lost signals.Signal, err error) {
	finished := false
	var events []Event
	for {
		events, err = o.Kernel.WaitAndReap(duration.Forever, events)
		if err != nil {
			return Failed, 0, err
		}
		o.resumed = false
		for i := range events { // all of them first: CONT may follow the Stop that it cancels
			o.noteContinued(&events[i])
		}
		for i := range events {
			e := &events[i]
			switch {
			case o.resumed && e.IsSignal(signals.TSTP):
				// CONT discards a pending TSTP.
			case e.Kind == FromHalf && e.Message.Kind == Finished:
				finished, code = true, int(e.Message.Value)
			case e.Kind != Ended || e.Child.PID != o.Inner:
				o.handleEvent(e)
			case finished:
				return code, 0, nil
			default:
				if sig, _, ok := e.Child.Status.Signaled(); ok {
					return Failed, sig, nil
				}
				return Failed, signals.KILL, errNotKilled
			}
		}
	}
}

// noteContinued sets continued if the event is CONT, and clears it if the event is TSTP.
func (o *Outer) noteContinued(e *Event) {
	if e.IsSignal(signals.CONT) || e.IsSignal(signals.TSTP) {
		o.continued = e.Signal == signals.CONT
	}
}

// handleEvent passes an event on to the inner half, or does what the inner half asks for.
func (o *Outer) handleEvent(e *Event) {
	switch {
	case e.Kind == Signal:
		_ = o.Kernel.SendToHalf(Message{Forward, int32(e.Signal)})
	case e.Kind == Orphaned:
		_ = o.Kernel.SendToHalf(Message{Kind: ParentGone})
	case e.Kind == Hangup:
		_ = o.Kernel.SendToHalf(Message{Kind: InputClosed})
	case e.Kind == FromHalf && e.Message.Kind == Launched:
		o.OnLaunched()
	case e.Kind == FromHalf && e.Message.Kind == Stop:
		answer := Message{Kind: Resumed}
		group := e.Message.Value == 1
		// Without group, Stop answers a forwarded TSTP, and a CONT that followed it has cancelled the stop.
		if !group && o.continued || o.Kernel.StopSelf(group) {
			answer.Value, o.resumed = 1, true
		}
		_ = o.Kernel.SendToHalf(answer)
	}
}

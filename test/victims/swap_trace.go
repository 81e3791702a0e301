package victims

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tracer runs a tool under ptrace. Before the kernel executes a watched system call of the tool, or of a process
// that the tool has forked, run calls a function. All ptrace calls come from the thread that calls run.
type tracer struct {
	tool    int
	threads map[int]bool // threads of the tool and its children; true when the first stop of the thread is over
	ended   unix.WaitStatus
	done    bool
	others  map[int]unix.WaitStatus // children that are not traced, with their last change of state
	stops   int
}

const patience = 10 * time.Second

// run returns when the tool and all processes that it has started have ended.
func (t *tracer) run(tool *forkSpec, at func(*call)) error {
	tool.traced = true
	tool.filters = append([][]unix.SockFilter{watch()}, tool.filters...)
	pid, err := fork(tool)
	if err != nil {
		return err
	}
	t.tool, t.threads = pid, map[int]bool{pid: false}
	hang := time.AfterFunc(patience, func() { _ = unix.Kill(pid, unix.SIGKILL) })
	defer hang.Stop()
	for len(t.threads) > 0 {
		var ws unix.WaitStatus
		got, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("wait4", err)
		}
		t.event(got, ws, at)
	}
	if !hang.Stop() {
		return fmt.Errorf("the tool has not ended after %v", patience)
	}
	return nil
}

func (t *tracer) event(pid int, ws unix.WaitStatus, at func(*call)) {
	started, traced := t.threads[pid]
	switch {
	case !ws.Stopped():
		if pid == t.tool {
			t.ended, t.done = ws, true
		}
		if traced {
			delete(t.threads, pid)
		} else {
			t.others[pid] = ws
		}
		return
	}
	signal := 0
	switch {
	case ws.TrapCause() == unix.PTRACE_EVENT_SECCOMP:
		if c, err := callOf(pid); err == nil {
			t.stops++
			at(&c)
		}
	case ws.TrapCause() > 0: // fork, clone or exec
	case !started && pid == t.tool: // the tool has called execve
		const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK |
			unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC
		must("ptrace options", unix.PtraceSetOptions(pid, options))
	case !started: // the initial SIGSTOP of a new thread
	default:
		signal = int(ws.StopSignal())
	}
	t.threads[pid] = true
	// ESRCH: the thread has been killed meanwhile.
	_ = unix.PtraceCont(pid, signal)
}

package procfs

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// The leader of a process is the thread whose TID is the PID. If the leader has exited while other threads run, most
// files of /proc/PID show a zombie. cmdline, environ, exe and root are empty or missing; the state, signal mask and
// cgroup are those of the leader. The files in /proc/PID/task/TID of a living thread, one that has not exited, show
// what the process has now.

// leaderExited reports whether the leader has exited while the process has other threads that have not been reaped.
func (s *Stat) leaderExited() bool { return s.Threads > 1 && zombieState(s.State) }

func zombieState(state byte) bool { return state == 'Z' || state == 'X' || state == 'x' }

// pfExiting is PF_EXITING of include/linux/sched.h: the thread has released its address space, or is about to.
const pfExiting = 0x4

// threadDir returns the directory of a thread, relative to the directory of its process: "task/TID/", or "" for TID 0.
func threadDir(tid int) string {
	if tid == 0 {
		return ""
	}
	return "task/" + strconv.Itoa(tid) + "/"
}

// livingThreads returns the stat of each thread of a process that has not exited, in ascending order of TID. dir is the
// directory of the process, with a trailing slash.
func (fs *FS) livingThreads(dir string) []Stat {
	tids, err := fs.numbers(dir+"task", nil)
	if err != nil {
		return nil
	}
	var living []Stat
	for _, tid := range tids {
		b, err := fs.read(dir+threadDir(tid)+"stat", true, unlimited)
		if err != nil {
			continue // the thread has exited
		}
		if s, err := ParseStat(b); err == nil && !zombieState(s.State) && s.Flags&pfExiting == 0 {
			living = append(living, s)
		}
	}
	return living
}

// takeLivingState is for a process whose leader has exited: it replaces State, Blocked and the memory layout by those
// of a living thread, and sets Thread to the TID.
func (fs *FS) takeLivingState(dir string, s *Stat) {
	if living := fs.livingThreads(dir); len(living) > 0 {
		s.State, s.Blocked, s.Thread = living[0].State, living[0].Blocked, living[0].PID
		s.StartCode, s.StartStack = living[0].StartCode, living[0].StartStack
	}
}

// TakeExiting is for a process whose leader has exited and of which every other thread is exiting: it sets s.Thread to
// a thread that has not finished its exit, and State to the state of that thread. It reports whether there is one.
func (fs *FS) TakeExiting(s *Stat) bool {
	if !s.leaderExited() || s.Thread != 0 {
		return false
	}
	tids, _ := fs.Threads(s.PID)
	for _, tid := range tids {
		if t, err := fs.Stat(tid); err == nil && !zombieState(t.State) {
			s.Thread, s.State = tid, t.State
			return true
		}
	}
	return false
}

// throughThread repeats a read that has found no file in /proc/PID. If the leader has exited, it calls read with the
// directory of a living thread, as threadDir returns it. Otherwise it calls read with "": since the first read, another
// thread may have become the leader by execve(2), or the PID may have been reused. The error is ErrNoProcess if the
// process does not exist, and ENOENT if the process exists but has no such file.
func (fs *FS) throughThread(pid int, read func(task string) error) error {
	for last := 0; ; {
		s, err := fs.Stat(pid)
		if err != nil {
			return err
		}
		if s.KernelThread() {
			return unix.ENOENT
		}
		err = read(threadDir(s.Thread))
		// If the thread has exited since fs.Stat, try another one.
		if !wrapsVanished(err) || s.Thread == last {
			return err
		}
		last = s.Thread
	}
}

// wrapsVanished is like vanished, but also for a wrapped error, such as an *os.PathError.
func wrapsVanished(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

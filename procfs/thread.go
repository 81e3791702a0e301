package procfs

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// A process whose first thread has exited while others run is a zombie to most
// files of /proc/PID: no command line, no environment, no program, no root, and
// in stat and status the state, mask and cgroup that the first thread had. The
// files of task/TID show those of a living thread.

// leaderExited reports whether the leader has exited while other threads have not been reaped.
func (s *Stat) leaderExited() bool { return s.Threads > 1 && zombieState(s.State) }

func zombieState(state byte) bool { return state == 'Z' || state == 'X' || state == 'x' }

// pfExiting is PF_EXITING of include/linux/sched.h: the thread has given up its
// memory, or is about to.
const pfExiting = 0x4

// threadDir returns the folder of a thread within that of its process, "" for TID 0.
func threadDir(tid int) string {
	if tid == 0 {
		return ""
	}
	return "task/" + strconv.Itoa(tid) + "/"
}

// livingThreads reads stat of the threads of a process that have not exited,
// in ascending order. dir is the process's folder, with a slash at the end.
func (fs *FS) livingThreads(dir string) []Stat {
	tids, err := fs.numbers(dir+"task", nil)
	if err != nil {
		return nil
	}
	var living []Stat
	for _, tid := range tids {
		b, err := fs.read(dir+threadDir(tid)+"stat", true, unlimited)
		if err != nil {
			continue // it has exited
		}
		if s, err := ParseStat(b); err == nil && !zombieState(s.State) && s.Flags&pfExiting == 0 {
			living = append(living, s)
		}
	}
	return living
}

// takeLivingState replaces the state and the mask in the stat of a process whose leader has exited by those of
// a living thread.
func (fs *FS) takeLivingState(dir string, s *Stat) {
	if living := fs.livingThreads(dir); len(living) > 0 {
		s.State, s.Blocked, s.Thread = living[0].State, living[0].Blocked, living[0].PID
	}
}

// throughThread repeats a read that has found nothing in /proc/PID. It gives read
// the folder of a living thread if the first has exited. Otherwise it gives "":
// another thread may have become the first by execve(2) since, or the PID may have
// been reused. The error is ErrNoProcess if the process does not exist, and ENOENT
// if it exists without such a file.
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
		// That thread may have exited, too.
		if !wrapsVanished(err) || s.Thread == last {
			return err
		}
		last = s.Thread
	}
}

// wrapsVanished is vanished for an error that may be wrapped, as by *os.PathError.
func wrapsVanished(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

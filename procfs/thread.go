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

// firstExited reports whether the first thread has exited and others have not
// been reaped yet.
func (s *Stat) firstExited() bool { return s.Threads > 1 && zombieState(s.State) }

func zombieState(state byte) bool { return state == 'Z' || state == 'X' || state == 'x' }

// pfExiting is PF_EXITING of include/linux/sched.h: the thread has given up its
// memory, or is about to.
const pfExiting = 0x4

// task returns the folder of a thread within that of its process, "" for 0.
func task(tid int) string {
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
		b, err := fs.read(dir+task(tid)+"stat", true, unlimited)
		if err != nil {
			continue // it has exited
		}
		if s, err := ParseStat(b); err == nil && !zombieState(s.State) && s.Flags&pfExiting == 0 {
			living = append(living, s)
		}
	}
	return living
}

// stateOfLiving puts the state and the mask of a living thread into the stat of
// a process whose first thread has exited.
func (fs *FS) stateOfLiving(dir string, s *Stat) {
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
		err = read(task(s.Thread))
		// That thread may have exited, too.
		if !missing(err) || s.Thread == last {
			return err
		}
		last = s.Thread
	}
}

// missing is vanished, but for errors that contain a path as well.
func missing(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

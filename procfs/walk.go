package procfs

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// walkNew reads the processes of s.pids, but walks those whose PID was allocated after s.bound, the FirstPID of the
// scan before: it lists one, reads its stat file, and only then lists the next one. It sets s.Ordered if it gets past
// the PID that was allocated last.
//
// A process that forks a child and exits, whose child does the same, can evade a scan that first lists all processes
// and then reads them. It cannot evade the walk. PIDs are allocated in ascending order (alloc_pid in kernel/pid.c), so
// the PID of the child is greater than that of its parent: if a process has exited when the walk reads it, its children
// are still ahead. The kernel looks up the next process only when it is asked for it (proc_pid_readdir in
// fs/proc/base.c). A process whose PID has been allocated may not be listed yet; then its parent is in the middle of
// fork(2), alive, and has been read. After the greatest PID, PIDs wrap around: then the scan is not ordered. Of the
// processes up to s.bound, those that the scan before has not shown count in s.Vanished if they have exited.
func (fs *FS) walkNew(s *Snapshot) error {
	old, _ := slices.BinarySearch(s.pids, s.bound+1)
	listed := slices.Clone(s.pids[old:])
	s.pids = s.pids[:old]
	if err := fs.appendProcs(s, s.pids); err != nil {
		return err
	}
	last, err := fs.walk(s)
	if err != nil && !Exhausted(err) { // a descriptor less is needed for the rest
		return err
	}
	// Where PIDs have wrapped around, old processes have greater PIDs than new ones.
	first, _ := slices.BinarySearch(listed, last+1)
	s.pids = append(s.pids, listed[first:]...)
	return fs.appendProcs(s, listed[first:])
}

// walk is the walk of walkNew. It returns the PID with which the walk has ended.
func (fs *FS) walk(s *Snapshot) (last int, err error) {
	last = s.bound
	dir, err := fs.open(".", unix.O_DIRECTORY)
	if err != nil {
		return last, &os.PathError{Op: "open", Path: fs.root, Err: err}
	}
	defer unix.Close(dir)
	for range maxWalk {
		next, err := nextPID(dir, int64(last+1)+s.shift)
		if err != nil {
			return last, &os.PathError{Op: "read", Path: fs.root, Err: err}
		}
		if isPast := func() bool { return next == 0 || next > s.seenPID }; isPast() {
			fs.checkOrder(s)
			if !s.inOrder {
				break
			}
			if isPast() {
				s.Ordered = true
				return s.seenPID, nil
			}
		}
		if _, err := fs.appendProc(s, next); err != nil {
			return last, err
		}
		last = next
		s.pids = append(s.pids, last)
	}
	return last, nil
}

// nextPID returns the first PID at or after the position in dir, and 0 at the end. Its buffer holds one entry. The
// kernel looks up the next one all the same, but does not return it, so nextPID sets the position for each call.
func nextPID(dir int, position int64) (int, error) {
	if _, err := unix.Seek(dir, position, unix.SEEK_SET); err != nil {
		return 0, err
	}
	for {
		var buf [oneEntry]byte
		n, err := unix.ReadDirent(dir, buf[:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			return 0, err
		}
		for entry := range entries(buf[:n]) {
			if pid, ok := entry.number(); ok {
				return pid, nil
			}
		}
	}
}

// checkOrder reads the last PID and notes whether PIDs have wrapped around since the last call.
func (fs *FS) checkOrder(s *Snapshot) {
	if s.inOrder {
		last, err := fs.LastPID()
		s.inOrder = err == nil && last >= s.seenPID
		s.seenPID = last
	}
}

// checkAfter is after how many reads a scan checks whether PIDs have wrapped around: often enough that they cannot do
// so twice in between.
const checkAfter = 256

// maxWalk is how many processes a scan walks at most. If more are forked than can be read, the scan is not ordered.
const maxWalk = 1 << 15

// ScanNew returns a snapshot of the processes that were forked since the scan s began. Its cost depends on their
// number, not on that of all processes. ok is false if they cannot be told apart, because the last PID is not known or
// PIDs have wrapped around, or if descriptors have run out.
func (fs *FS) ScanNew(s *Snapshot) (fresh *Snapshot, ok bool, err error) {
	fresh = &Snapshot{Began: Now(), bound: s.FirstPID, shift: s.shift, inOrder: s.FirstPID > 0 && s.shift > 0, seenPID: s.FirstPID}
	if fs.checkOrder(fresh); !fresh.inOrder {
		return nil, false, nil
	}
	fresh.FirstPID = fresh.seenPID
	if _, err = fs.walk(fresh); Exhausted(err) {
		err = nil // a full scan needs a descriptor less
	}
	fresh.LastPID = fresh.seenPID
	return fresh, fresh.Ordered, err
}

// Package procfs reads /proc (proc(5)): the process table, and what can be known about a process without changing it.
//
// Every file has a pure parser and, as a method of FS, a reader. What is read from /proc is untrusted input: a process
// chooses its own name, arguments and environment, and may end between any two system calls.
package procfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoProcess is the error of reading a file of a process that does not exist, or no longer. A zombie exists. A process
// that hidepid=2 hides (proc(5)) cannot be told from one that does not exist.
var ErrNoProcess = errors.New("no such process")

// Exhausted reports whether err is want of descriptors or memory (EMFILE, ENFILE, ENOMEM). It says nothing
// about what was to be read.
func Exhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

const (
	startBuffer = 16 << 10
	// maxMemory bounds what is read from a process's own memory. execve(2)
	// takes no more than 6 MiB of arguments and environment together, but a
	// process may point the kernel at any part of its address space
	// afterwards (PR_SET_MM_MAP in prctl(2)).
	maxMemory = 8 << 20
	unlimited = int(^uint(0) >> 1)
)

// FS is an open /proc. It keeps one buffer, which all readings share, so it may
// be used by one goroutine at a time.
type FS struct {
	root    string
	fd      int
	dev     uint64 // the device number of the root
	buf     []byte
	pathBuf [40]byte // see pathForKernel
	tids    []int
	// mounts are those that Frozen saw.
	mounts  []Mount
	hidepid *bool // the result of HidesProcesses, nil before its first call
	// hasChildren is set once a task's children file was seen, after which a
	// missing one means that the task is gone.
	hasChildren bool
}

// Open opens the /proc that is mounted at root. Everything is then read relative
// to that directory's descriptor, whatever is mounted or chrooted to later.
func Open(root string) (*FS, error) {
	for {
		fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot open %s: %w: is it mounted?", root, err)
		}
		fs := &FS{root: root, fd: fd, buf: make([]byte, startBuffer)}
		if fs.dev, err = fs.device("."); err != nil {
			unix.Close(fd)
			return nil, &os.PathError{Op: "stat", Path: root, Err: err}
		}
		return fs, nil
	}
}

// Root returns the path that Open was given.
func (fs *FS) Root() string { return fs.root }

// Close closes the descriptor. The FS must not be used after.
func (fs *FS) Close() error { return unix.Close(fs.fd) }

// read returns the content of the file at path, relative to the root, in the
// shared buffer, or the bare errno. A record file holds a single record, which
// seq_file hands out whole (fs/seq_file.c): a read that does not fill the buffer
// has reached its end, and the one that would return 0 is saved. Other files end
// a read wherever it suits them.
func (fs *FS) read(path string, record bool, limit int) ([]byte, error) {
	fd, err := fs.open(path, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n := 0
	for {
		if n == len(fs.buf) {
			if n >= limit {
				return fs.buf[:limit], nil
			}
			fs.grow()
		}
		m, err := unix.Read(fd, fs.buf[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case m == 0:
			return fs.buf[:min(n, limit)], nil
		}
		if n += m; record && n < len(fs.buf) {
			return fs.buf[:n], nil
		}
	}
}

func (fs *FS) open(path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(fs.fd, path, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (fs *FS) grow() {
	buf := make([]byte, 2*len(fs.buf))
	copy(buf, fs.buf)
	fs.buf = buf
}

// readRecord reads a file that every process has.
func (fs *FS) readRecord(pid int, file string) ([]byte, error) {
	b, err := fs.readRaw(pid, file)
	if err != nil {
		if vanished(err) {
			return nil, ErrNoProcess
		}
		return nil, fs.processError("read", processPath(pid, file), err)
	}
	return b, nil
}

// readMemory reads cmdline or environ, which the kernel copies out of the address space of the process. For a process
// without one (a zombie, a kernel thread) the file is empty, except that recent kernels (seen with 6.18) refuse the open
// of environ with ESRCH, as for a process that does not exist. The file is also empty during execve(2), until the
// arguments are in the new address space: readMemory waits for that. If the leader has exited, readMemory reads through a
// living thread.
func (fs *FS) readMemory(pid int, file string) ([]byte, error) {
	b, exited, err := fs.readThreadMemory(pid, "", file)
	for began := time.Now(); exited && time.Since(began) < execLimit; {
		living := fs.livingThreads(processPath(pid, ""))
		if len(living) == 0 {
			break
		}
		if b, exited, err = fs.readThreadMemory(pid, threadDir(living[0].PID), file); err == ErrNoProcess {
			b, exited, err = nil, true, nil // it has exited since
		}
	}
	return b, err
}

// readThreadMemory reads the file through the folder of one thread, as task returns
// it. exited means that the thread has exited, and so has no memory, while others
// of the process have not.
func (fs *FS) readThreadMemory(pid int, task, file string) (b []byte, exited bool, err error) {
	path := processPath(pid, task+file)
	var before addressSpace
	pause := execPause
	for began := time.Now(); ; {
		b, err := fs.read(path, false, maxMemory)
		if err != nil {
			if err == unix.EACCES {
				// A thread that has exited has no memory, and therefore its files belong to root (task_dump_owner in
				// fs/proc/base.c).
				if _, _, exited := fs.readAddressSpace(pid, task); exited {
					return nil, true, nil
				}
			}
			if !vanished(err) || !fs.pathExists(processPath(pid, task)) {
				return nil, false, fs.processError("read", path, err)
			}
			b = nil
		}
		if len(b) > 0 {
			return b, false, nil
		}
		// It may have had the old address space when we opened, and another by now.
		now, ok, exited := fs.readAddressSpace(pid, task)
		if !ok || now == before && now.code != 0 || time.Since(began) > execLimit {
			return nil, exited, nil
		}
		if before = now; now.code == 0 {
			// Not time.Sleep: the runtime's timers take descriptors, which may not be available.
			wait := unix.NsecToTimespec(int64(pause))
			_ = unix.Nanosleep(&wait, nil)
			pause = min(2*pause, maxExecPause)
		}
	}
}

// An execve is past the point of no return within microseconds, unless what it maps
// has to come from a disk, or others have the processor.
const (
	execPause    = 50 * time.Microsecond
	maxExecPause = 5 * time.Millisecond
	execLimit    = time.Second
)

// addressSpace distinguishes the memory of a process from that before an execve(2): the addresses at which
// its code and its stack begin. code is 0 until the arguments are in place (load_elf_binary in
// fs/binfmt_elf.c), and 1 if the caller lacks PTRACE_MODE_READ access (ptrace(2)).
type addressSpace struct{ code, stack uint64 }

// readAddressSpace reads the addresses from stat, of the thread whose folder threadDir returned. ok is false for
// a thread without memory. exited means that the thread has exited and is not the last one of its process.
func (fs *FS) readAddressSpace(pid int, task string) (i addressSpace, ok, exited bool) {
	b, err := fs.readRaw(pid, task+"stat")
	if err != nil {
		return i, false, task != ""
	}
	f := fields{rest: b[bytes.LastIndexByte(b, ')')+1:]}
	state := f.next()
	f.skip(5)
	flags := f.unsigned() // field 9
	f.skip(10)
	threads := f.unsigned() // field 20
	f.skip(5)
	i.code = f.unsigned() // field 26
	f.skip(1)
	i.stack = f.unsigned()
	if f.bad || len(state) != 1 {
		return i, false, false
	}
	gone := zombieState(state[0]) || flags&pfExiting != 0
	return i, !gone && flags&pfKthread == 0, gone && threads > 1
}

// readOptional reads a file that a kernel may have been built without. The file
// is looked for once more after its process was seen, in case the number passed
// to another process between the two.
func (fs *FS) readOptional(pid int, file string, record bool) ([]byte, error) {
	path := processPath(pid, file)
	b, err := fs.read(path, record, unlimited)
	if vanished(err) && fs.processExists(pid) {
		b, err = fs.read(path, record, unlimited)
		if err == unix.ENOENT && fs.processExists(pid) {
			return nil, fs.unsupported(path)
		}
	}
	if err != nil {
		return nil, fs.processError("read", path, err)
	}
	return b, nil
}

// readSystem reads a file of the whole system. One that something else is mounted
// over, as lxcfs does in containers, is not what the callers mean.
func (fs *FS) readSystem(path string) ([]byte, error) {
	dev, err := fs.device(path)
	if err == nil && dev != fs.dev {
		return nil, fs.unsupported(path)
	}
	b, err := fs.read(path, false, unlimited)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: fs.root + "/" + path, Err: err}
	}
	return b, nil
}

func (fs *FS) processExists(pid int) bool { return fs.pathExists(strconv.Itoa(pid)) }

// pathExists reports whether there is a file at path, relative to the root.
func (fs *FS) pathExists(path string) bool {
	_, err := fs.device(path)
	return err == nil
}

func (fs *FS) device(path string) (uint64, error) {
	var st unix.Stat_t
	for {
		if err := unix.Fstatat(fs.fd, path, &st, 0); err != unix.EINTR {
			return uint64(st.Dev), err // 32 bits on MIPS
		}
	}
}

func processPath(pid int, file string) string { return strconv.Itoa(pid) + "/" + file }

// vanished reports whether err is ENOENT, from a look-up after the process was reaped, or ESRCH, from reading a file
// that was opened before.
func vanished(err error) bool { return err == unix.ENOENT || err == unix.ESRCH }

func (fs *FS) processError(op, path string, err error) error {
	if vanished(err) {
		return ErrNoProcess
	}
	return &os.PathError{Op: op, Path: fs.root + "/" + path, Err: err}
}

func (fs *FS) unsupported(path string) error {
	return &os.PathError{Op: "read", Path: fs.root + "/" + path, Err: errors.ErrUnsupported}
}

// PIDs appends the number of every process to into[:0], in the order of the
// directory, which is ascending for a real /proc. A process that is there from
// beginning to end is in the list; those that come and go meanwhile may be.
func (fs *FS) PIDs(into []int) ([]int, error) {
	pids, err := fs.numbers(".", into[:0])
	if err != nil {
		return pids, &os.PathError{Op: "read", Path: fs.root, Err: err}
	}
	return pids, nil
}

// numbers appends the numeric names in the directory at path to into.
func (fs *FS) numbers(path string, into []int) ([]int, error) {
	fd, err := fs.open(path, unix.O_DIRECTORY)
	if err != nil {
		return into, err
	}
	defer unix.Close(fd)
	for {
		n, err := unix.ReadDirent(fd, fs.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			return into, err
		}
		into = appendNumbers(into, fs.buf[:n])
	}
}

// appendNumbers takes the numeric names out of what getdents64(2) returned:
// struct linux_dirent64, with the record's length at 16, a type that not every
// file system fills in at 18, and the name, ended by a NUL, from 19 on.
func appendNumbers(into []int, b []byte) []int {
	const reclen, name = 16, 19
	for len(b) > name {
		size := int(binary.NativeEndian.Uint16(b[reclen:]))
		if size <= name || size > len(b) {
			break
		}
		if n, ok := leadingNumber(b[name:size]); ok {
			into = append(into, n)
		}
		b = b[size:]
	}
	return into
}

func leadingNumber(name []byte) (n int, ok bool) {
	for i, c := range name {
		switch {
		case c == 0:
			return n, i > 0
		case c < '0' || c > '9' || n > 1<<26: // PID_MAX_LIMIT is 1<<22
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(name) > 0
}

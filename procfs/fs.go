// Package procfs reads /proc (proc(5)): the process table, and what can be known about a process without changing it.
//
// Each file of /proc has a parser, which is a pure function, and a reader, which is a method of FS. The content of
// /proc is untrusted input: a process chooses its own name, arguments and environment, and may exit between any two
// system calls.
package procfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoProcess is the error of a reader if the process does not exist or has been reaped. A zombie still exists. The
// error is the same for a process that /proc hides because it is mounted with hidepid=2 (proc(5)).
var ErrNoProcess = errors.New("no such process")

// Exhausted reports whether err means that descriptors or memory have run out (EMFILE, ENFILE, ENOMEM). Such an error
// says nothing about the file that was to be read.
func Exhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

const (
	startBuffer = 16 << 10 // the size of a new FS's buffer, in bytes
	// maxMemory limits a read from the memory of a process, in bytes. execve(2) accepts at most 6 MiB of arguments and
	// environment together, but afterwards the process may point the kernel to any other part of its address space
	// (PR_SET_MM_MAP in prctl(2)).
	maxMemory = 8 << 20
	unlimited = int(^uint(0) >> 1)
)

// FS is an open /proc. All its methods share one buffer, so only one goroutine at a time may use an FS.
type FS struct {
	root    string
	fd      int
	dev     uint64 // the device number of the root
	buf     []byte
	pathBuf [40]byte // see pathForKernel
	linkBuf [32]byte // see holdScan.scanDescriptors
	tids    []int    // the buffer of Children
	mounts  []Mount  // for Frozen, nil before its first call
	hidepid *bool    // the result of HidesProcesses, nil before its first call
	// forkFlag is the result of marksForks, nil before its first call.
	forkFlag *bool
	// hasChildren is set once the children file of a thread was read. From then on a missing children file means that
	// the thread has exited.
	hasChildren bool
}

// Open opens the /proc that is mounted at root. All reads are relative to the descriptor of this directory, so later
// mounts and chroot(2) have no effect.
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

// OpenMounted is Open, and returns an error if root is a directory on which no procfs is mounted.
func OpenMounted(root string) (*FS, error) {
	fs, err := Open(root)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Self(); err != nil {
		return nil, err
	}
	return fs, nil
}

// Root returns the argument of Open.
func (fs *FS) Root() string { return fs.root }

// Close closes the descriptor. The FS must not be used afterwards.
func (fs *FS) Close() error { return unix.Close(fs.fd) }

// read returns the content of the file at path, relative to the root, in the shared buffer. It returns at most limit
// bytes. The error is a bare errno. record means that the file is a single record of seq_file (fs/seq_file.c): then a
// read(2) that does not fill the buffer has reached the end of the file, and no further read(2) is needed. In other
// files a short read does not mean the end.
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

// readRecord reads a file that every process has, with readRaw.
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

// readMemory reads cmdline or environ, which the kernel copies out of the address space of the process. A zombie or a
// kernel thread has no address space, so its file is empty; recent kernels (seen with 6.18) instead fail the open of
// environ with ESRCH, as for a process that does not exist. The file is also empty during execve(2), until the
// arguments are in the new address space: readMemory waits for them, for up to a second. If the leader has exited,
// readMemory reads the file of a living thread.
func (fs *FS) readMemory(pid int, file string) ([]byte, error) {
	b, exited, err := fs.readThreadMemory(pid, "", file)
	for began := time.Now(); exited && time.Since(began) < execLimit; {
		living := fs.livingThreads(processPath(pid, ""))
		if len(living) == 0 {
			break
		}
		if b, exited, err = fs.readThreadMemory(pid, threadDir(living[0].PID), file); err == ErrNoProcess {
			b, exited, err = nil, true, nil // the thread has exited since livingThreads
		}
	}
	return b, err
}

// readThreadMemory reads cmdline or environ of one thread; task is the result of threadDir. exited means that the
// thread has exited, and so has no address space, while other threads of the process have not.
func (fs *FS) readThreadMemory(pid int, task, file string) (b []byte, exited bool, err error) {
	path := processPath(pid, task+file)
	var before addressSpace
	pause := execPause
	for began := time.Now(); ; {
		b, err := fs.read(path, false, maxMemory)
		if err != nil {
			if err == unix.EACCES {
				// The thread may have exited. Then it has no address space, and its files belong to root
				// (task_dump_owner in fs/proc/base.c).
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
		// The read is empty. If the process has called execve(2) since the open, the descriptor refers to the old
		// address space. The file is known to be empty only if the address space is the same before and after a read.
		now, ok, exited := fs.readAddressSpace(pid, task)
		if !ok || now == before && now.code != 0 || time.Since(began) > execLimit {
			return nil, exited, nil
		}
		if before = now; now.code == 0 {
			// Not time.Sleep: the timers of the Go runtime need descriptors, which may have run out.
			wait := unix.NsecToTimespec(int64(pause))
			_ = unix.Nanosleep(&wait, nil)
			pause = min(2*pause, maxExecPause)
		}
	}
}

// How long readThreadMemory waits for an execve(2). The arguments are usually in the new address space after some
// microseconds, but later if execve(2) reads from a disk or other processes have the CPU.
const (
	execPause    = 50 * time.Microsecond // before the second read; it doubles with each read
	maxExecPause = 5 * time.Millisecond
	execLimit    = time.Second // for all reads of a file
)

// addressSpace distinguishes the address space of a process from the one before an execve(2), by the addresses at which
// the code and the stack begin. code is 0 until the arguments are in place (load_elf_binary in fs/binfmt_elf.c), and 1
// if the caller lacks PTRACE_MODE_READ access (ptrace(2)).
type addressSpace struct{ code, stack uint64 }

// readAddressSpace reads the addresses from the stat file of a thread; task is the result of threadDir. ok is false for
// a thread without an address space. exited means that the thread has exited and is not the last one of its process.
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

// readOptional reads a file that a kernel may have been built without; then the error is errors.ErrUnsupported. If the
// file is missing but the process exists, readOptional tries once more: the PID may have been reused between the read
// and the check.
func (fs *FS) readOptional(pid int, file string, record bool) ([]byte, error) {
	path := processPath(pid, file)
	b, err := fs.read(path, record, unlimited)
	if vanished(err) && fs.processExists(pid) {
		b, err = fs.read(path, record, unlimited)
		if err == unix.ENOENT && fs.processExists(pid) {
			return nil, fs.unsupportedError(path)
		}
	}
	if err != nil {
		return nil, fs.processError("read", path, err)
	}
	return b, nil
}

// readSystem reads a file whose path contains no PID. If another file system is mounted over the file, as lxcfs does in
// containers, the error is errors.ErrUnsupported.
func (fs *FS) readSystem(path string) ([]byte, error) {
	dev, err := fs.device(path)
	if err == nil && dev != fs.dev {
		return nil, fs.unsupportedError(path)
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

// vanished reports whether err is ENOENT, from opening a file after the process was reaped, or ESRCH, from reading
// a file that was opened before the process was reaped.
func vanished(err error) bool { return err == unix.ENOENT || err == unix.ESRCH }

func (fs *FS) processError(op, path string, err error) error {
	if vanished(err) {
		return ErrNoProcess
	}
	return &os.PathError{Op: op, Path: fs.root + "/" + path, Err: err}
}

func (fs *FS) unsupportedError(path string) error {
	return &os.PathError{Op: "read", Path: fs.root + "/" + path, Err: errors.ErrUnsupported}
}

// PIDs appends the PID of each process to into[:0], in the order of the directory, which is ascending in a real /proc.
// The list contains every process that exists during the whole call. A process that is forked or reaped during the call
// may be missing.
func (fs *FS) PIDs(into []int) ([]int, error) {
	pids, err := fs.numbers(".", into[:0])
	if err != nil {
		return pids, &os.PathError{Op: "read", Path: fs.root, Err: err}
	}
	return pids, nil
}

// numbers appends the numeric file names of the directory at path to into.
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
		for entry := range entries(fs.buf[:n]) {
			if number, ok := entry.number(); ok {
				into = append(into, number)
			}
		}
	}
}

// dirEntry is one record of getdents64(2).
type dirEntry struct {
	name []byte // ended by a NUL, and perhaps followed by more
	next int64  // the position in the directory after the entry
}

// number returns the name if it is a number.
func (e dirEntry) number() (n int, ok bool) { return leadingNumber(e.name) }

// entries returns the records in b, which getdents64(2) has filled in. Each is a struct linux_dirent64: the position
// after the entry is at offset 8, the length of the record at 16, the file type, which not every file system fills in,
// at 18, and the name, ended by a NUL, at 19.
func entries(b []byte) iter.Seq[dirEntry] {
	const next, reclen, name = 8, 16, 19
	return func(yield func(dirEntry) bool) {
		for len(b) > name {
			size := int(binary.NativeEndian.Uint16(b[reclen:]))
			if size <= name || size > len(b) {
				return
			}
			if !yield(dirEntry{b[name:size], int64(binary.NativeEndian.Uint64(b[next:]))}) {
				return
			}
			b = b[size:]
		}
	}
}

// oneEntry is the length of the record of a number with up to 12 digits. A second record does not fit into it.
const oneEntry = 32

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

package procfs

import (
	"bytes"
	"errors"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Objects are what FS.Holds looks for in a process: sockets, a file, a mount. A nil field stands for none.
type Objects struct {
	Sockets map[uint64]bool // by their inode numbers
	File    *FileObject
	Mount   *MountObject
}

// FileObject is a file, by its device and inode.
type FileObject struct {
	Device, Inode uint64
	// Special is the number of the device that the file stands for, 0 if it is no device file. A process may have
	// opened the same device through another file.
	Special uint64
}

// MountObject is a mount, or with Whole all mounts of a file system.
type MountObject struct {
	Mounts []Mount      // those that are visible to the caller
	Others map[int]bool // the other mounts that are visible to the caller
	Whole  bool
	// StatDevice is st_dev of the mounted directory. It counts only if the kernel does not tell the mount of a file
	// (before Linux 5.8).
	StatDevice uint64
	// sockets are the paths of UNIX sockets below the mount point, by the inode numbers in the links of their
	// descriptors: see FindSockets.
	sockets map[uint64]string
}

// Hold is one use of an object by a process.
type Hold struct {
	Object HeldObject
	Socket uint64 // the inode number of a socket, 0 for any other use
	// Link is the file below /proc/PID that shows the use: "fd/3", "task/12/fd/3", "cwd", "root", "exe", or
	// "map_files/" and a range of addresses.
	Link string
}

// HeldObject is a kind of object.
type HeldObject int

// The kinds of objects, as bits of a set.
const (
	HeldSocket HeldObject = 1 << iota
	HeldFile
	HeldMount
)

// Kinds returns the set of the kinds of objects.
func (o *Objects) Kinds() (kinds HeldObject) {
	if o.Sockets != nil {
		kinds |= HeldSocket
	}
	if o.File != nil {
		kinds |= HeldFile
	}
	if o.Mount != nil {
		kinds |= HeldMount
	}
	return kinds
}

// Holds returns how a process uses the objects: each descriptor of a socket, and the first use of a file or mount that
// it finds. The error is ErrNoProcess if the process does not exist, and an fs.ErrPermission without PTRACE_MODE_READ
// access (ptrace(2)), and also for a zombie or kernel thread if the caller is not root.
func (fs *FS) Holds(pid int, o *Objects) ([]Hold, error) {
	s := holdScan{fs: fs, pid: pid, objects: o}
	err := s.scan("", true, true, true)
	// A thread may have a descriptor table and directories of its own (CLONE_FILES and CLONE_FS in clone(2)). If the
	// leader has exited, only the other threads show what the process uses, and the files of the leader belong to root.
	if (err == nil || errors.Is(err, unix.EACCES)) && fs.hasThreads(pid) {
		tids, _ := fs.Threads(pid)
		files, dirs, memory := pid, pid, pid // the threads that were scanned last
		for _, tid := range tids {
			ownFiles, ownDirs, ownMemory := !share(files, tid, kcmpFiles), false, false
			if !s.onlySockets() {
				ownDirs, ownMemory = !share(dirs, tid, kcmpFS), !share(memory, tid, kcmpVM)
			}
			if tid == pid || !ownFiles && !ownDirs && !ownMemory {
				continue
			}
			if err = s.scan(threadDir(tid), ownFiles, ownDirs, ownMemory); err != nil && err != ErrNoProcess {
				break
			}
			err = nil // the thread may have exited
			if ownFiles {
				files = tid
			}
			if ownDirs {
				dirs = tid
			}
			if ownMemory {
				memory = tid
			}
		}
	}
	return s.holds, err
}

// StillHolds reports whether a process has the use that Holds has returned for its PID.
func (fs *FS) StillHolds(pid int, o *Objects, h Hold) bool {
	s := holdScan{fs: fs, pid: pid, objects: o}
	if h.Socket != 0 {
		link, err := fs.readLink(pid, h.Link)
		inode, ok := socketInode(link)
		return err == nil && ok && inode == h.Socket
	}
	id, err := identify(fs.fd, processPath(pid, h.Link))
	return err == nil && s.matches(h.Object, &id)
}

// hasThreads reports whether a process has more than one thread. The number of links of its task directory is 2 plus
// the number of threads (proc_task_getattr in fs/proc/base.c).
func (fs *FS) hasThreads(pid int) bool {
	var st unix.Stat_t
	err := fstatat(fs.fd, processPath(pid, "task"), &st, 0)
	return err == nil && st.Nlink != 3
}

// Types of kcmp(2), from include/uapi/linux/kcmp.h.
const (
	kcmpVM    = 1
	kcmpFiles = 2
	kcmpFS    = 3
)

// share reports whether two threads share the resource. It is false if that is not known: kcmp(2) needs CONFIG_KCMP and
// PTRACE_MODE_READ access, and sandboxes often forbid it.
func share(tid, other, resource int) bool {
	if tid == other {
		return true
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_KCMP, uintptr(tid), uintptr(other), uintptr(resource), 0, 0, 0)
	return errno == 0 && r == 0
}

// holdScan is one call of Holds.
type holdScan struct {
	fs      *FS
	pid     int
	objects *Objects
	holds   []Hold
	found   HeldObject      // the kinds of holds
	copies  map[uint64]bool // mounts of another mount namespace, and whether they count: see isCopy
}

func (s *holdScan) onlySockets() bool { return s.objects.File == nil && s.objects.Mount == nil }

func (s *holdScan) add(h Hold) {
	s.holds = append(s.holds, h)
	s.found |= h.Object
}

// scan examines the descriptors, the directories and the address space of a thread, task is the result of threadDir.
func (s *holdScan) scan(task string, files, dirs, memory bool) error {
	if files {
		if err := s.scanDescriptors(task + "fd"); err != nil {
			return err
		}
	}
	var links []string
	if dirs && s.objects.Mount != nil {
		links = append(links, "cwd", "root")
	}
	if memory && !s.onlySockets() {
		links = append(links, "exe")
	}
	for _, link := range links {
		if err := s.examine(s.fs.fd, processPath(s.pid, task+link), task+link, link == "exe"); err != nil {
			return err
		}
	}
	if memory && !s.onlySockets() {
		return s.scanMappings(task)
	}
	return nil
}

// examine compares a link with the file, unless mountOnly is set, and with the mount.
func (s *holdScan) examine(dir int, path, link string, withFile bool) error {
	id, err := identify(dir, path)
	if err != nil {
		if vanished(err) {
			return nil // a kernel thread has no executable, and a descriptor may have been closed
		}
		return s.fs.processError("stat", processPath(s.pid, link), err)
	}
	for _, object := range []HeldObject{HeldFile, HeldMount} {
		if s.found&object == 0 && (withFile || object == HeldMount) && s.matches(object, &id) {
			s.add(Hold{Object: object, Link: link})
		}
	}
	return nil
}

// scanDescriptors examines the descriptors in the directory PID/path.
func (s *holdScan) scanDescriptors(path string) error {
	dir, err := s.fs.openRaw(s.pid, path)
	if err != nil {
		return s.fs.processError("open", processPath(s.pid, path), err)
	}
	defer closeRaw(dir)
	link := &s.fs.linkBuf
	for {
		n, err := unix.ReadDirent(int(dir), s.fs.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return s.fs.processError("read", processPath(s.pid, path), err)
		case n == 0:
			return nil
		}
		for entry := range entries(s.fs.buf[:n]) {
			if entry.name[0] == '.' {
				continue
			}
			if s.objects.Sockets != nil || s.mountSockets() != nil {
				// Not stat(2): it asks the server of a network file system, which may not answer.
				n, _, errno := unix.RawSyscall6(unix.SYS_READLINKAT, dir, uintptr(unsafe.Pointer(&entry.name[0])),
					uintptr(unsafe.Pointer(&link[0])), uintptr(len(link)), 0, 0)
				if errno == 0 {
					s.examineSocket(link[:n], path+"/", entry)
				}
			}
			if !s.onlySockets() {
				name := entryName(entry)
				if err := s.examine(int(dir), name, path+"/"+name, true); err != nil {
					return err
				}
			}
		}
	}
}

// examineSocket compares the link of a descriptor in the directory path, if it is that of a socket, with the sockets
// and with those that are bound to a file on the mount.
func (s *holdScan) examineSocket(link []byte, path string, entry dirEntry) {
	inode, ok := socketInode(link)
	if !ok {
		return
	}
	if s.objects.Sockets[inode] {
		s.add(Hold{Object: HeldSocket, Socket: inode, Link: path + entryName(entry)})
	}
	if file := s.mountSockets()[inode]; file != "" && s.found&HeldMount == 0 && s.isOnMount(file) {
		s.add(Hold{Object: HeldMount, Socket: inode, Link: path + entryName(entry)})
	}
}

// mountSockets returns MountObject.sockets, nil without a mount.
func (s *holdScan) mountSockets() map[uint64]string {
	if s.objects.Mount == nil {
		return nil
	}
	return s.objects.Mount.sockets
}

// isOnMount reports whether the file of a UNIX socket is on the mount. The path is that of the process, which may have
// another root directory or mount namespace. The mount may be newer than the socket, and hide its file.
func (s *holdScan) isOnMount(file string) bool {
	id, err := identify(s.fs.fd, processPath(s.pid, "root"+file))
	return err == nil && id.mode&unix.S_IFMT == unix.S_IFSOCK && s.matches(HeldMount, &id)
}

func entryName(e dirEntry) string {
	name, _, _ := bytes.Cut(e.name, []byte{0})
	return string(name)
}

// socketInode returns the inode number in the link of a socket, "socket:[INODE]".
func socketInode(link []byte) (inode uint64, ok bool) {
	number, ok := bytes.CutPrefix(link, []byte("socket:["))
	if !ok || len(number) == 0 || number[len(number)-1] != ']' {
		return 0, false
	}
	return parseUint(number[:len(number)-1])
}

// matches reports whether a file is the object of the kind, or on it.
func (s *holdScan) matches(object HeldObject, id *fileIdentity) bool {
	if object == HeldFile {
		f := s.objects.File
		return f != nil && (id.device == f.Device && id.inode == f.Inode || f.Special != 0 && id.special == f.Special)
	}
	m := s.objects.Mount
	switch {
	case m == nil:
		return false
	case !id.hasMount:
		return id.device == m.StatDevice
	case m.Others[int(id.mount)]:
		return false
	}
	for i := range m.Mounts {
		if uint64(m.Mounts[i].ID) == id.mount {
			return true
		}
	}
	return s.isCopy(id.mount)
}

// isCopy reports whether a mount of another mount namespace counts. umount(2) fails if a copy of the mount that
// propagation has made (mount_namespaces(7)) is in use. A copy without propagation counts only if all mounts of the
// file system do.
func (s *holdScan) isCopy(mount uint64) bool {
	if counts, known := s.copies[mount]; known {
		return counts
	}
	m := s.objects.Mount
	counts := false
	if m.Whole || m.group() != "" {
		// The caller iterates over the content of the buffer.
		content := s.fs.buf
		s.fs.buf = make([]byte, startBuffer)
		list, _ := s.fs.mountsOf(processPath(s.pid, "mountinfo"))
		s.fs.buf = content
		for i := range list {
			if uint64(list[i].ID) == mount {
				counts = m.hasDevice(list[i].Device) && (m.Whole || list[i].isCopyOf(&m.Mounts[0], m.group()))
			}
		}
	}
	if s.copies == nil {
		s.copies = make(map[uint64]bool)
	}
	s.copies[mount] = counts
	return counts
}

// hasDevice reports whether the file system of the mount has the device number.
func (o *MountObject) hasDevice(device uint64) bool {
	for i := range o.Mounts {
		if o.Mounts[i].Device == device {
			return true
		}
	}
	return false
}

// group returns the number of the peer group of the mount, "" if it is not shared. The kernel prints this field first
// (show_mountinfo in fs/proc_namespace.c).
func (o *MountObject) group() string {
	group, _, _ := strings.Cut(o.Mounts[0].Propagation, " ")
	group, shared := strings.CutPrefix(group, "shared:")
	if !shared {
		return ""
	}
	return group
}

// isCopyOf reports whether the mount shows the same directory at the same path as the other one, and is a peer or slave
// of the peer group.
func (m *Mount) isCopyOf(other *Mount, group string) bool {
	return m.Root == other.Root && m.Point == other.Point && strings.Contains(m.Propagation+" ", ":"+group+" ")
}

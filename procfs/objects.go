package procfs

import (
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// FindFile returns the file at path. It follows symbolic links. A socket is an error, because a descriptor of a socket
// does not refer to its file.
func FindFile(path string) (*FileObject, error) {
	id, err := identify(unix.AT_FDCWD, path)
	switch {
	case err != nil:
		return nil, err
	case id.mode&unix.S_IFMT == unix.S_IFSOCK:
		return nil, errors.New("is a socket, which is not opened by its name")
	}
	return &FileObject{Device: id.device, Inode: id.inode, Special: id.special}, nil
}

// FindMount returns the mount whose mount point is path, or all mounts of the block device at path. It returns an error
// if path is neither, or if the mount is that of the caller's root directory.
func (fs *FS) FindMount(path string) (*MountObject, error) {
	id, err := identify(unix.AT_FDCWD, path)
	if err != nil {
		return nil, err
	}
	root, err := identify(unix.AT_FDCWD, "/")
	if err != nil {
		return nil, err
	}
	mounts, err := fs.Mounts()
	if err != nil {
		return nil, err
	}
	point, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	o := &MountObject{Others: make(map[int]bool), StatDevice: id.device, Whole: id.mode&unix.S_IFMT == unix.S_IFBLK}
	if o.choose(mounts, point, &id); len(o.Mounts) == 0 {
		// Not before: the file system at the mount point may refuse to be examined.
		if point, err = filepath.EvalSymlinks(point); err != nil {
			return nil, err
		}
		o.choose(mounts, point, &id)
	}
	none := len(o.Mounts) == 0
	switch {
	case none && o.Whole:
		return nil, errors.New("is not mounted")
	case none && id.device == root.device && id.inode == root.inode, o.isRoot(mounts, &root):
		return nil, errors.New("is the root file system of the caller")
	case none:
		return nil, errors.New("is no mount point")
	case !id.hasMount && !o.Whole && o.isShared(mounts):
		return nil, errors.New("has a file system with further mounts, which only Linux 5.8 and later tell apart")
	}
	if o.Whole {
		if id, err = identify(unix.AT_FDCWD, o.Mounts[0].Point); err == nil {
			o.StatDevice = id.device
		}
	}
	if err != nil {
		return nil, err
	}
	return o, o.findSockets(mounts)
}

// FindSockets finds the UNIX sockets of the caller's network namespace that are bound to a file on the mount. umount(2)
// fails as long as such a socket exists. It does not find those that were bound by a relative path, or whose file was
// removed, and finds none where the kernel does not answer (see namedSockets). The error is one for which Exhausted
// returns true.
func (fs *FS) FindSockets(o *MountObject) error {
	mounts, err := fs.Mounts()
	if err == nil {
		return o.findSockets(mounts)
	}
	if Exhausted(err) {
		return err
	}
	return nil
}

func (o *MountObject) findSockets(mounts []Mount) error {
	o.sockets = nil
	err := namedSockets(func(inode uint64, path string) {
		if !o.has(mountOf(mounts, path)) {
			return
		}
		if o.sockets == nil {
			o.sockets = make(map[uint64]string)
		}
		o.sockets[inode] = path
	})
	if Exhausted(err) {
		return err
	}
	return nil
}

// mountOf returns the number of the mount on which an absolute path without symbolic links is.
func mountOf(mounts []Mount, path string) (id int) {
	longest := 0
	for i := range mounts {
		point := strings.TrimSuffix(mounts[i].Point, "/")
		rest, ok := strings.CutPrefix(path, point)
		// Of several mounts at the same point, the last one hides the others.
		if ok && (rest == "" || rest[0] == '/') && len(point) >= longest {
			id, longest = mounts[i].ID, len(point)
		}
	}
	return id
}

// choose sets Mounts and Others: the mount at point, or the mounts of the device of which id is the file.
func (o *MountObject) choose(mounts []Mount, point string, id *fileIdentity) {
	for i := range mounts {
		m := &mounts[i]
		switch {
		// btrfs has a device number of its own. The source of a FUSE mount is any text, also from an unprivileged user.
		case o.Whole && (m.Device == id.special || m.Source == point && !strings.HasPrefix(m.FSType, "fuse")):
			o.Mounts = append(o.Mounts, *m)
		case !o.Whole && m.Point == point && (uint64(m.ID) == id.mount || !id.hasMount):
			o.Mounts = append(o.Mounts[:0], *m) // of several mounts at the same point, the last one hides the others
		}
	}
	for i := range mounts {
		o.Others[mounts[i].ID] = !o.has(mounts[i].ID)
	}
}

// isRoot reports whether the mount is that of the caller's root directory, which root describes, or a further mount of
// the same directory. With Whole, it reports whether the root directory is on the file system.
func (o *MountObject) isRoot(mounts []Mount, root *fileIdentity) bool {
	if o.Whole && o.hasDevice(root.device) {
		return true
	}
	for i := range mounts {
		m := &mounts[i]
		if uint64(m.ID) != root.mount && (root.hasMount || m.Point != "/") || !o.hasDevice(m.Device) {
			continue
		}
		if o.Whole || o.Mounts[0].ID == m.ID || o.Mounts[0].Root == m.Root {
			return true
		}
	}
	return false
}

// isShared reports whether the file system of the mount has further mounts.
func (o *MountObject) isShared(mounts []Mount) bool {
	for i := range mounts {
		if o.hasDevice(mounts[i].Device) && !o.has(mounts[i].ID) {
			return true
		}
	}
	return false
}

// has reports whether the mount with the number is one of o.
func (o *MountObject) has(id int) bool {
	for i := range o.Mounts {
		if o.Mounts[i].ID == id {
			return true
		}
	}
	return false
}

// MountUsers returns what uses the mount besides processes: the mounts on it, and swap files (proc_swaps(5)).
func (fs *FS) MountUsers(o *MountObject) (mounts, swaps []string) {
	list, _ := fs.Mounts()
	for i := range list {
		if m := &list[i]; o.has(m.Parent) && !o.has(m.ID) {
			mounts = append(mounts, m.Point)
		}
	}
	b, _ := fs.readSystem("swaps")
	for text := string(b); text != ""; {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		name, _, _ := strings.Cut(line, " ")
		name = unescapeOctal(name)
		for i := range o.Mounts {
			if strings.HasPrefix(name, o.Mounts[i].Point+"/") {
				swaps = append(swaps, name)
			}
		}
	}
	return mounts, swaps
}

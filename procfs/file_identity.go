package procfs

import "golang.org/x/sys/unix"

// fileIdentity is what stat(2) tells about a file.
type fileIdentity struct {
	device, inode uint64
	special       uint64 // the device that the file stands for, 0 if it is no device file
	mode          uint32
	mount         uint64 // the mount through which it was opened, if hasMount
	hasMount      bool   // false before Linux 5.8
}

// identify returns the identity of the file at path, relative to the directory dir. It does not ask the server of a
// network file system, which may not answer. The inode is 0 for a file of a FUSE file system that belongs to another
// user, of which even root learns only the mount.
func identify(dir int, path string) (id fileIdentity, err error) {
	var stx unix.Statx_t
	stat := func(mask int) {
		for err = unix.EINTR; err == unix.EINTR; {
			err = unix.Statx(dir, path, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, mask, &stx)
		}
	}
	stat(unix.STATX_TYPE | unix.STATX_INO | unix.STATX_MNT_ID)
	if err == unix.EACCES {
		stat(0)
	}
	if err == nil && stx.Mask != 0 {
		id = fileIdentity{
			device: unix.Mkdev(stx.Dev_major, stx.Dev_minor), inode: stx.Ino, mode: uint32(stx.Mode),
			mount: stx.Mnt_id, hasMount: stx.Mask&unix.STATX_MNT_ID != 0,
		}
		if isDevice(id.mode) {
			id.special = unix.Mkdev(stx.Rdev_major, stx.Rdev_minor)
		}
		return id, nil
	}
	if err == nil || err == unix.ENOSYS || err == unix.EPERM { // before Linux 4.11, or a seccomp filter forbids statx
		var st unix.Stat_t
		if err = fstatat(dir, path, &st, 0); err == nil {
			id = fileIdentity{device: uint64(st.Dev), inode: st.Ino, mode: st.Mode}
			if isDevice(st.Mode) {
				id.special = uint64(st.Rdev)
			}
		}
	}
	return id, err
}

func isDevice(mode uint32) bool {
	return mode&unix.S_IFMT == unix.S_IFCHR || mode&unix.S_IFMT == unix.S_IFBLK
}

package kernel

import (
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"killbox/internal/show"

	"golang.org/x/sys/unix"
)

// CheckPrivileges returns an error if execve(2) gave this process privileges that its caller lacks: another user or
// group ID, by the set-uid or set-gid bit of the file, or capabilities of the file. The error says what is set and
// which command removes it.
//
// The rules are those of capabilities(7) and of cap_bprm_creds_from_file in security/commoncap.c. They judge the
// effect: bits and capabilities that have none, because of MS_NOSUID or PR_SET_NO_NEW_PRIVS or because the caller has
// the privileges already, are no error.
//
//   - If the caller has another user or group ID, the real ID is still that of the caller. The same is true of a
//     program that a set-uid program starts without making its IDs equal: the arguments and the environment may be
//     those of the user with fewer privileges. The saved IDs are copies of the effective ones after execve(2).
//   - If no user ID is 0, capabilities that are not ambient are those of the file. Root has all capabilities, so the
//     file of a program gives it no others.
//
// AT_SECURE of the auxiliary vector is 0 without a gain. It does not prove a gain: security modules set it, too, and so
// does a set-uid bit that makes the effective ID equal to the real one. The vector contains the IDs, so in most cases
// CheckPrivileges makes no system call.
func CheckPrivileges() error {
	vector, err := unix.Auxv()
	if err != nil {
		return fmt.Errorf("cannot read the auxiliary vector: %w", err)
	}
	start := map[uintptr]uintptr{atSecure: 1}
	for _, entry := range vector {
		start[entry[0]] = entry[1]
	}
	const refused = "refuses to run with more privileges than its caller: "
	switch {
	case start[atSecure] == 0:
		return nil
	case start[atUID] != start[atEUID]:
		return fmt.Errorf(refused+"%s", explainID("user", 'u', fs.ModeSetuid, start[atUID], start[atEUID], start[atExecFn]))
	case start[atGID] != start[atEGID]:
		return fmt.Errorf(refused+"%s", explainID("group", 'g', fs.ModeSetgid, start[atGID], start[atEGID], start[atExecFn]))
	case start[atUID] != 0 && hasFileCapabilities():
		return fmt.Errorf(refused+"the file has capabilities ('setcap -r %s' removes them)", show.Escape(programPath(start[atExecFn])))
	}
	return nil
}

// Keys of the auxiliary vector (getauxval(3)). atExecFn is the address of the path that was given to execve(2).
const (
	atUID    = 11
	atEUID   = 12
	atGID    = 13
	atEGID   = 14
	atSecure = 23
	atExecFn = 31
)

// explainID says why the effective ID differs from the real one. kind is user or group. The bit of the file that causes
// this is letter in chmod(1), and bit in the mode.
func explainID(kind string, letter rune, bit fs.FileMode, realID, effectiveID, execFn uintptr) string {
	path := programPath(execFn)
	if info, err := os.Stat(path); err == nil && info.Mode()&bit != 0 {
		return fmt.Sprintf("the set-%s-ID bit of the file is set ('chmod %c-s %s' clears it)", kind, letter, show.Escape(path))
	}
	return fmt.Sprintf("its effective %s ID is %d and the real one %d (the set-ID program that starts it has to make them equal)",
		kind, effectiveID, realID)
}

// programPath returns the path of this program. Without /proc, that is the path that was given to execve(2).
func programPath(execFn uintptr) string {
	if path, err := os.Readlink("/proc/self/exe"); err == nil {
		return path
	}
	if execFn == 0 {
		return os.Args[0]
	}
	return unix.BytePtrToString(*(**byte)(unsafe.Pointer(&execFn)))
}

// hasFileCapabilities reports whether this process has capabilities that are not ambient.
func hasFileCapabilities() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return true // AT_SECURE is set, and the reason cannot be found
	}
	permitted := uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
	for capability := range uintptr(64) {
		if permitted&(1<<capability) == 0 {
			continue
		}
		if ambient, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, capability, 0, 0); err != nil || ambient == 0 {
			return true
		}
	}
	return false
}

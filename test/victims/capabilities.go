package victims

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// fileCapabilities gives a file the capability CAP_KILL, as setcap(8) does with cap_kill+ep, or +p or +ei. The layout
// is struct vfs_cap_data in linux/capability.h.
func fileCapabilities(args []string) {
	const version2, effective = 0x02000000, 1
	head, permitted, inheritable := uint32(version2), uint32(1<<unix.CAP_KILL), uint32(0)
	switch args[1] {
	case "ep":
		head |= effective
	case "ei":
		head |= effective
		permitted, inheritable = 0, permitted
	case "p":
	default:
		die(2, "victim: file-caps FILE ep|ei|p")
	}
	var data []byte
	for _, word := range []uint32{head, permitted, inheritable, 0, 0} {
		data = binary.LittleEndian.AppendUint32(data, word)
	}
	must("setxattr", unix.Setxattr(args[0], "security.capability", data, 0))
}

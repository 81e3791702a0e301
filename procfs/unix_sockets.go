package procfs

import (
	"bytes"
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// Of include/uapi/linux/unix_diag.h.
const (
	showName        = 1  // UDIAG_SHOW_NAME, of udiag_show
	nameAttribute   = 0  // UNIX_DIAG_NAME
	requestSize     = 24 // of struct unix_diag_req
	unixMessageSize = 16 // of struct unix_diag_msg
)

// namedSockets calls yield with the inode number and the name of each UNIX socket in the caller's network namespace that
// is bound to a file. It asks the kernel by sock_diag(7), because /proc/net/unix shows names as they are: a name with a
// newline looks like a line of any other socket. The error is that of a kernel without CONFIG_UNIX_DIAG, or of a sandbox.
func namedSockets(yield func(inode uint64, name string)) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	// If a seccomp filter has trapped the call (SECCOMP_RET_TRAP), the result is no descriptor of ours.
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain != unix.AF_NETLINK {
		return unix.ENOSYS
	}
	defer unix.Close(fd)
	request := make([]byte, unix.SizeofNlMsghdr+requestSize)
	order := binary.NativeEndian
	order.PutUint32(request, uint32(len(request)))
	order.PutUint16(request[4:], unix.SOCK_DIAG_BY_FAMILY)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := request[unix.SizeofNlMsghdr:]
	body[0] = unix.AF_UNIX
	order.PutUint32(body[4:], ^uint32(0)) // sockets in any state
	order.PutUint32(body[12:], showName)
	if _, err := unix.Write(fd, request); err != nil {
		return err
	}
	for buf := make([]byte, 32<<10); ; { // the kernel sends at most 32 KiB at once
		// Each read prepares the next part, so there is nothing to wait for. Of processes, only those with CAP_NET_ADMIN in the
		// network namespace can send to this socket.
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if done, err := eachNamedSocket(buf[:n], yield); done || err != nil {
			return err
		}
	}
}

// eachNamedSocket calls yield for the messages of one read. It reports whether the last one ends the answer.
func eachNamedSocket(messages []byte, yield func(inode uint64, name string)) (done bool, err error) {
	order := binary.NativeEndian
	for len(messages) >= unix.SizeofNlMsghdr {
		size := int(order.Uint32(messages))
		if size < unix.SizeofNlMsghdr || size > len(messages) {
			return false, errors.New("malformed netlink message")
		}
		message := messages[unix.SizeofNlMsghdr:size]
		switch kind := order.Uint16(messages[4:]); {
		case kind == unix.NLMSG_DONE:
			return true, nil
		case kind == unix.NLMSG_ERROR && len(message) >= 4:
			return true, unix.Errno(-int32(order.Uint32(message)))
		case kind == unix.SOCK_DIAG_BY_FAMILY && len(message) >= unixMessageSize:
			if name := socketName(message[unixMessageSize:]); len(name) > 0 && name[0] == '/' {
				yield(uint64(order.Uint32(message[4:])), string(name))
			}
		}
		messages = messages[min(aligned(size), len(messages)):]
	}
	return false, nil
}

// socketName returns the name in the attributes of a message, without the null byte at its end.
func socketName(attributes []byte) []byte {
	order := binary.NativeEndian
	for len(attributes) >= unix.SizeofNlAttr {
		size := int(order.Uint16(attributes))
		if size < unix.SizeofNlAttr || size > len(attributes) {
			return nil
		}
		if order.Uint16(attributes[2:]) == nameAttribute {
			return bytes.TrimSuffix(attributes[unix.SizeofNlAttr:size], []byte{0})
		}
		attributes = attributes[min(aligned(size), len(attributes)):]
	}
	return nil
}

// aligned returns the offset of the message or attribute that follows one of this size (netlink(7)).
func aligned(size int) int { return (size + 3) &^ 3 }

package procfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Socket is a TCP or UDP socket of /proc/net (proc_net_tcp(5)).
type Socket struct {
	Port    int    // the local port
	Address string // the local address as ss(8) prints it: "*" for 0.0.0.0, an IPv6 address in brackets
	UID     int    // the user that created the socket
	Inode   uint64 // the number in the link "socket:[INODE]" of /proc/PID/fd; 0 if the socket has none
}

var errSockets = errors.New("malformed socket")

// tcpListen is TCP_LISTEN in include/net/tcp_states.h, as /proc/net/tcp prints it.
const tcpListen = "0A"

// ParseSockets parses /proc/net/tcp, tcp6, udp or udp6. It returns the sockets with the local port, or with any
// for port 0. With listening, it returns only those in the state LISTEN.
func ParseSockets(b []byte, port int, listening bool) (sockets []Socket, err error) {
	_, b, _ = bytes.Cut(b, []byte("\n")) // the line with the titles
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		f := fields{rest: line}
		f.next() // the number of the line
		address, portText, _ := bytes.Cut(f.next(), []byte(":"))
		f.next() // the remote address
		state := f.next()
		f.skip(3)
		uid := f.unsigned()
		f.skip(1)
		inode := f.unsigned()
		number, portErr := strconv.ParseUint(string(portText), 16, 16)
		if f.bad || portErr != nil || len(state) != 2 || uid > 1<<32-1 {
			return nil, fmt.Errorf("%w: %q", errSockets, line)
		}
		if port != 0 && int(number) != port || listening && string(state) != tcpListen {
			continue
		}
		text, ok := formatAddress(address)
		if !ok {
			return nil, fmt.Errorf("%w: %q", errSockets, line)
		}
		sockets = append(sockets, Socket{Port: int(number), Address: text, UID: int(uid), Inode: inode})
	}
	return sockets, nil
}

// formatAddress converts an address of /proc/net to its usual notation. The kernel prints the bytes of the address,
// which are in network order, as numbers of 32 bits in the order of the machine.
func formatAddress(hex []byte) (text string, ok bool) {
	if len(hex) != 8 && len(hex) != 32 {
		return "", false
	}
	var address []byte
	for i := 0; i < len(hex); i += 8 {
		word, err := strconv.ParseUint(string(hex[i:i+8]), 16, 32)
		if err != nil {
			return "", false
		}
		address = binary.NativeEndian.AppendUint32(address, uint32(word))
	}
	addr, _ := netip.AddrFromSlice(address) // 4 or 16 bytes
	switch {
	case addr.Is6():
		return "[" + addr.String() + "]", true
	case addr.IsUnspecified():
		return "*", true
	}
	return addr.String(), true
}

// Sockets returns the sockets with the local port, or with any for port 0, in the network namespace of the caller, IPv4
// and IPv6: those of TCP that listen, or all of UDP. The file is read in several parts, between which sockets may be
// opened and closed. So a result without sockets is read a second time.
func (fs *FS) Sockets(udp bool, port int) (sockets []Socket, err error) {
	for range 2 {
		if sockets, err = fs.socketsOnce(udp, port); err != nil || len(sockets) > 0 {
			break
		}
	}
	return sockets, err
}

func (fs *FS) socketsOnce(udp bool, port int) (sockets []Socket, err error) {
	// /proc/net is the network namespace of the leader. Before Linux 3.17 there is no thread-self.
	dir, protocol := "thread-self/net/", "tcp"
	if !fs.pathExists(dir) {
		dir = "self/net/"
	}
	if udp {
		protocol = "udp"
	}
	for _, file := range []string{protocol, protocol + "6"} {
		path := dir + file
		b, err := fs.read(path, false, unlimited)
		if err == unix.ENOENT && file != protocol {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: fs.root + "/" + path, Err: err}
		}
		list, err := ParseSockets(b, port, !udp)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", fs.root, path, err)
		}
		sockets = append(sockets, list...)
	}
	return sockets, nil
}

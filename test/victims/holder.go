package victims

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// holder is `victim holder WORD...`: a process that holds sockets, files and mounts. It carries out the words in their
// order:
//
//	tcp=ADDRESS:PORT    listens; an address in brackets is an IPv6 address, and then IPv4 is excluded
//	udp=ADDRESS:PORT    binds a UDP socket
//	dual=PORT           listens on [::], for IPv4 as well
//	connected           connects the last UDP socket to itself
//	unix=FILE           binds a UNIX socket
//	in-flight           sends the last socket to itself, does not receive it, and closes it
//	reuseport           from here on sets SO_REUSEPORT
//	open=FILE map=FILE  opens or maps a file
//	chdir=DIR chroot=DIR
//	files=N             opens N descriptors
//	fill                opens as many descriptors as the limit permits
//	uid=N               becomes another user
//	network             unshares its network namespace
//	thread              carries out the next words in a thread with descriptors and directories of its own
//	child               starts a sleep(1) that inherits all sockets, and reports its PID as child
//	take=PORT           waits until the port is free and listens on it, after it has reported that it is ready
//	respawn=FILE        starts the rest of the words as a child, worker, and again whenever it has ended; the PID of the
//	                    last one is in FILE
//	successor=FILE      at TERM, starts a child that listens on the port of the last tcp=0.0.0.0:PORT, which needs reuseport
//	                    before it, and ends when the child listens; the PID of the child is in FILE
//	run                 runs the rest of the words as a command, with port and child in its environment, and exits with its
//	                    status
//	leaderless          its first thread exits
//
// The port 0 is any free one, and = is the port of the word before. The process reports the last port, if any, as port.
func holder(args []string) {
	h := &holderVictim{names: map[string]string{}}
	for i, word := range args {
		if file, ok := strings.CutPrefix(word, "respawn="); ok {
			h.respawn(file, args[i+1:])
			return
		}
	}
	// The runtime's poller must have its descriptors in the table of every thread.
	poller, _, err := os.Pipe()
	must("pipe", err)
	defer poller.Close()
	done := make(chan bool)
	leaderless := len(args) > 0 && args[len(args)-1] == "leaderless"
	if leaderless {
		args = args[:len(args)-1]
	}
	go func() {
		// Not the first thread, which may have to exit.
		h.play(args)
		done <- true
		time.Sleep(lifetime)
		os.Exit(0)
	}()
	<-done
	if leaderless {
		go func() {
			for threadState("/proc/self/stat") != "Z" {
				time.Sleep(time.Millisecond)
			}
			h.ready()
		}()
		_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0)
	}
	var term chan os.Signal
	if h.successor != "" {
		term = make(chan os.Signal, 1)
		signal.Notify(term, unix.SIGTERM)
	}
	h.ready()
	switch {
	case h.take != 0:
		h.takePort()
	case h.successor != "":
		<-term
		h.startWorker(h.successor, []string{"reuseport", fmt.Sprintf("tcp=0.0.0.0:%d", h.port)})
		return
	}
	time.Sleep(lifetime)
}

type holderVictim struct {
	port      int
	reuseport bool
	last      int // the descriptor of the last socket
	sockets   []int
	take      int
	successor string
	names     map[string]string
}

func (h *holderVictim) ready() {
	line := ""
	if h.port != 0 {
		line = "port=" + strconv.Itoa(h.port)
	}
	for name, value := range h.names {
		line += " " + name + "=" + value
	}
	ready(line)
}

func (h *holderVictim) play(words []string) {
	for i, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "tcp", "udp":
			h.bind(name == "udp", value, true)
		case "dual":
			h.bind(false, "[::]:"+value, false)
		case "connected":
			address, err := unix.Getsockname(h.last)
			must("getsockname", err)
			must("connect", unix.Connect(h.last, address))
		case "unix":
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			must(word, err)
			must(word, unix.Bind(fd, &unix.SockaddrUnix{Name: value}))
		case "in-flight":
			h.send()
		case "successor":
			h.successor = value
		case "reuseport":
			h.reuseport = true
		case "open":
			_, err := unix.Open(value, unix.O_RDONLY|unix.O_NONBLOCK, 0)
			must(word, err)
		case "map":
			fd, err := unix.Open(value, unix.O_RDONLY, 0)
			must(word, err)
			_, err = unix.Mmap(fd, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE)
			must(word, err)
			must(word, unix.Close(fd))
		case "chdir":
			must(word, unix.Chdir(value))
		case "chroot":
			must(word, unix.Chroot(value))
		case "files", "fill":
			n, err := strconv.Atoi(value)
			for err != nil || n > 0 {
				if _, dupErr := unix.Dup(0); dupErr != nil {
					break
				}
				n--
			}
		case "uid":
			uid, err := strconv.Atoi(value)
			must(word, err)
			must(word, unix.Setreuid(uid, uid))
		case "network":
			runtime.LockOSThread()
			must(word, unix.Unshare(unix.CLONE_NEWNET))
		case "thread":
			done := make(chan bool)
			go func() {
				runtime.LockOSThread()
				must(word, unix.Unshare(unix.CLONE_FILES|unix.CLONE_FS))
				h.play(words[i+1:])
				done <- true
				time.Sleep(lifetime)
			}()
			<-done
			return
		case "child":
			cmd := exec.Command("sleep", "60")
			for _, fd := range h.sockets {
				cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fd), "socket"))
			}
			must(word, cmd.Start())
			h.names["child"] = strconv.Itoa(cmd.Process.Pid)
		case "take":
			n, err := strconv.Atoi(value)
			must(word, err)
			h.take, h.port = n, n
		case "run":
			cmd := exec.Command(words[i+1], words[i+2:]...)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			cmd.Env = append(os.Environ(), "port="+strconv.Itoa(h.port), "child="+h.names["child"])
			_ = cmd.Run()
			os.Exit(cmd.ProcessState.ExitCode())
		default:
			die(2, "holder: unknown word: %s", word)
		}
	}
}

// send carries out the word in-flight.
func (h *holderVictim) send() {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	must("socketpair", err)
	must("sendmsg", unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(h.last), nil, 0))
	must("close", unix.Close(h.last))
}

// bind makes a socket. exclusive: one with an IPv6 address is for IPv6 only.
func (h *holderVictim) bind(udp bool, address string, exclusive bool) {
	must(address, h.tryBind(udp, address, exclusive))
}

func (h *holderVictim) tryBind(udp bool, address string, exclusive bool) error {
	address = strings.Replace(address, ":=", ":"+strconv.Itoa(h.port), 1)
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	kind := unix.SOCK_STREAM
	if udp {
		kind = unix.SOCK_DGRAM
	}
	family := unix.AF_INET6
	var sockaddr unix.Sockaddr = &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}
	if to.Addr().Is4() {
		family, sockaddr = unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	set := func(level, option int, on bool) {
		if on && err == nil {
			err = unix.SetsockoptInt(fd, level, option, 1)
		}
	}
	set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, exclusive && family == unix.AF_INET6)
	set(unix.SOL_SOCKET, unix.SO_REUSEADDR, !udp)
	set(unix.SOL_SOCKET, unix.SO_REUSEPORT, h.reuseport)
	if err == nil {
		err = unix.Bind(fd, sockaddr)
	}
	if err == nil && !udp {
		err = unix.Listen(fd, 8)
	}
	if err != nil {
		unix.Close(fd)
		return err
	}
	h.last = fd
	h.sockets = append(h.sockets, fd)
	got, err := unix.Getsockname(fd)
	switch got := got.(type) {
	case *unix.SockaddrInet4:
		h.port = got.Port
	case *unix.SockaddrInet6:
		h.port = got.Port
	}
	return err
}

// takePort listens on the port as soon as it is free.
func (h *holderVictim) takePort() {
	for h.tryBind(false, fmt.Sprintf("0.0.0.0:%d", h.take), true) != nil {
		time.Sleep(50 * time.Microsecond)
	}
}

// respawn is a supervisor.
func (h *holderVictim) respawn(file string, words []string) {
	report := os.NewFile(3, "ready")
	port := ""
	for {
		cmd, line := h.startWorker(file, words)
		if port == "" {
			port = strings.TrimSpace(line)
			fmt.Fprintf(report, "%s worker=%d\n", port, cmd.Process.Pid)
			report.Close()
			for i, word := range words { // from here on the same port
				words[i] = strings.Replace(word, ":0", ":"+strings.TrimPrefix(port, "port="), 1)
			}
		}
		_ = cmd.Wait()
	}
}

// startWorker starts a holder, writes its PID to the file, and returns the line that the holder has reported.
func (h *holderVictim) startWorker(file string, words []string) (cmd *exec.Cmd, line string) {
	r, w, err := os.Pipe()
	must("pipe", err)
	defer r.Close()
	cmd = exec.Command("/proc/self/exe", append([]string{"holder"}, words...)...)
	cmd.Args[0] = os.Args[0]
	cmd.ExtraFiles = []*os.File{w}
	must("start", cmd.Start())
	w.Close()
	var b [256]byte
	n, _ := r.Read(b[:])
	must(file, os.WriteFile(file, []byte(strconv.Itoa(cmd.Process.Pid)), 0o644))
	return cmd, string(b[:n])
}

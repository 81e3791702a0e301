// Member is a process of the scene of test/matrix. It needs neither /proc nor any other file, and only the descriptors
// 0 to 3, so that it runs in a chroot and under a limit of open files.
//
//	member root         starts `member deaf`, and sleeps
//	member root STATUS  the same, but exits with STATUS at the end of its standard input
//	member root STATUS mild  the same, but starts `member mild`
//	member deaf         ignores TERM, starts `member leaf`, and sleeps
//	member mild         the same, but does not ignore TERM
//	member leaf         sleeps
//
// Each one first writes its word and its PID to descriptor 3, and ends by itself after 150 s.
package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const (
	lifetime = 150 * time.Second
	readyFD  = 3
)

func main() {
	role, child := os.Args[1], ""
	switch role {
	case "root":
		child = "deaf"
		if len(os.Args) > 3 {
			child = os.Args[3]
		}
	case "deaf", "mild":
		child = "leaf"
		if role == "deaf" {
			signal.Ignore(syscall.SIGTERM)
		}
		role = "deaf" // one word for the tests
	}
	write(role + " " + strconv.Itoa(os.Getpid()) + "\n")
	if child != "" {
		start(child)
	}
	if len(os.Args) > 2 {
		var nothing [1]byte
		for n, err := 1, error(nil); n > 0 || err == syscall.EINTR; {
			n, err = syscall.Read(0, nothing[:])
		}
		status, err := strconv.Atoi(os.Args[2])
		must(err)
		os.Exit(status)
	}
	time.Sleep(lifetime)
}

// start starts a member as a child. Its descriptor 3 is that of this process, which needs it no longer.
func start(role string) {
	_, err := syscall.ForkExec(os.Args[0], []string{os.Args[0], role}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2, readyFD},
	})
	must(err)
	must(syscall.Close(readyFD))
}

func write(line string) {
	_, err := syscall.Write(readyFD, []byte(line))
	must(err)
}

func must(err error) {
	if err != nil {
		os.Stderr.WriteString("member: " + err.Error() + "\n")
		os.Exit(125)
	}
}

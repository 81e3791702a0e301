package victims

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// within is `victim within CMD...`: it makes a group of two sleep(1), the second of which ignores TERM, and runs CMD
// in that group. This process is the parent of CMD, is outside of the group, and exits with the status of CMD. CMD
// finds the PGID in $LEAD.
func within(args []string) {
	lead := sleeping(&syscall.SysProcAttr{Setpgid: true})
	signal.Ignore(syscall.SIGTERM)
	deaf := sleeping(&syscall.SysProcAttr{Setpgid: true, Pgid: lead})
	signal.Reset(syscall.SIGTERM)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "LEAD="+strconv.Itoa(lead))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: lead}
	must(args[0], cmd.Start())
	_ = cmd.Wait()
	// Print the members of the group that CMD has not ended, and kill them. Zombies among them are children of this
	// process.
	for _, pid := range []int{lead, deaf} {
		if state(pid) != "Z" {
			fmt.Printf("left: %d\n", pid)
		}
	}
	for _, pid := range []int{lead, deaf} {
		killAndReap(pid)
	}
	os.Exit(code(cmd.ProcessState.Sys().(syscall.WaitStatus)))
}

// left is `victim left`: the leader of a group, root, has a child in the group, kid, and then moves to the group of
// its parent. Both are sleep(1).
func left([]string) {
	home := unix.Getpgrp()
	must("setpgid", unix.Setpgid(0, 0))
	kid := sleeping(nil)
	must("setpgid", unix.Setpgid(0, home))
	ready("root=", os.Getpid(), " kid=", kid)
	execve([]string{"sleep", "60"})
}

// ownGroup is `victim own-group CMD...`: it becomes the leader of a process group, and then CMD.
func ownGroup(args []string) {
	must("setpgid", unix.Setpgid(0, 0))
	execve(args)
}

// sleeping starts a sleep(1) and returns its PID.
func sleeping(attr *syscall.SysProcAttr) int {
	cmd := exec.Command("sleep", "150")
	cmd.SysProcAttr = attr
	must("sleep", cmd.Start())
	return cmd.Process.Pid
}

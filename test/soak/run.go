package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"killbox/test/victims"

	"golang.org/x/sys/unix"
)

// ground is where cases run: the cgroup and the folder that contain those of the cases, and the programs.
type ground struct {
	cgroup, work, bin string
}

var cgroups = []string{"stage", "family", "tool", "canaries"}

// newGround makes the folders.
func newGround(killbox string) (*ground, error) {
	mount := victims.Cgroup2()
	if !usable(mount) {
		return nil, fmt.Errorf("needs root and a cgroup v2 hierarchy that can be written: it ends processes in namespaces and cgroups of their own")
	}
	g := &ground{}
	var err error
	if g.cgroup, err = os.MkdirTemp(mount, "killbox-soak-"); err != nil {
		return nil, err
	}
	if err = os.Chmod(g.cgroup, 0o755); err != nil {
		return nil, err
	}
	if g.work, err = os.MkdirTemp("", "killbox-soak-"); err != nil {
		return nil, err
	}
	g.bin = filepath.Join(g.work, "bin")
	if err := os.Mkdir(g.bin, 0o755); err != nil {
		return nil, err
	}
	return g, g.install(killbox)
}

// usable reports whether this user can make namespaces and cgroups.
func usable(mount string) bool {
	return os.Geteuid() == 0 && mount != "" && unix.Access(mount, unix.W_OK) == nil
}

// install copies the programs to a folder that every user can read.
func (g *ground) install(killbox string) error {
	if err := os.Chmod(g.work, 0o755); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		return err
	}
	for name, file := range map[string]string{
		"killbox": filepath.Join(killbox, "killbox"), "actor": filepath.Join(killbox, "actor"), "soak": self, "soaksuid": sleep,
		prey: sleep, namesake: sleep,
	} {
		if out, err := exec.Command("cp", "-L", file, filepath.Join(g.bin, name)).CombinedOutput(); err != nil {
			return fmt.Errorf("cp: %w: %s", err, out)
		}
	}
	if err := os.Chmod(filepath.Join(g.bin, "soaksuid"), 0o4755); err != nil {
		return err
	}
	for name := range programs {
		if err := os.Symlink("soak", filepath.Join(g.bin, name)); err != nil {
			return err
		}
	}
	return exec.Command(filepath.Join(g.bin, "killbox"), "--install", g.bin).Run()
}

// remove ends what is left, and removes the folders.
func (g *ground) remove() {
	_ = os.WriteFile(filepath.Join(g.cgroup, "cgroup.kill"), []byte("1"), 0)
	_ = os.Remove(g.cgroup)
	_ = os.RemoveAll(g.work)
}

// play runs a case in a PID and mount namespace and in a cgroup of its own.
func (g *ground) play(c *testCase) (*outcome, error) {
	runtime.LockOSThread() // PR_SET_PDEATHSIG takes effect when the thread ends
	defer runtime.UnlockOSThread()
	cgroup, err := os.MkdirTemp(g.cgroup, "case-")
	if err != nil {
		return nil, err
	}
	defer removeCgroup(cgroup)
	if err := os.Chmod(cgroup, 0o755); err != nil {
		return nil, err
	}
	for _, name := range cgroups {
		if err := os.Mkdir(filepath.Join(cgroup, name), 0o755); err != nil {
			return nil, err
		}
	}
	work, err := os.MkdirTemp(g.work, "case-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o777); err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Join(cgroup, "stage"))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var stdout, stderr bytes.Buffer
	cmd := &exec.Cmd{
		// The process `swap` looks for a PID 1 named ns.
		Path: filepath.Join(g.bin, "ns"),
		Args: []string{"nsinit", "soakstage", fmt.Sprint(c.seed), c.name()},
		Env: append(os.Environ(), "PATH="+g.bin+":"+os.Getenv("PATH"), "SOAK_CGROUP="+cgroup, "SOAK_WORK="+work, "TMPDIR="+work,
			"KILLBOX_TEST_TIMEOUT="+fmt.Sprint(deadline)),
		Dir:    work,
		Stdout: &stdout, Stderr: &stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setsid: true,
			UseCgroupFD: true, CgroupFD: int(dir.Fd()),
		},
		WaitDelay: 10 * time.Second,
	}
	err = cmd.Run()
	out := &outcome{}
	if jsonErr := json.Unmarshal(stdout.Bytes(), out); jsonErr != nil {
		return nil, fmt.Errorf("%v: %v: %s", c.name(), err, stderr.String())
	}
	// The end of PID 1 ends all processes of its namespace.
	for began := time.Now(); populated(cgroup); time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			return nil, fmt.Errorf("%v: processes remain after the end of their namespace", c.name())
		}
	}
	return out, nil
}

// removeCgroup removes the cgroup of a case.
func removeCgroup(dir string) {
	_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		for _, name := range cgroups {
			_ = os.Remove(filepath.Join(dir, name))
		}
		if err := os.Remove(dir); err == nil || os.IsNotExist(err) {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "soak: %s cannot be removed\n", dir)
}

// Killbox ends processes: all that it was asked to end, and no others. It returns when they are gone.
package main

import (
	"os"

	"killbox/applets"
	"killbox/internal/cli"
	"killbox/internal/kernel"
	"killbox/procfs"

	"github.com/mattn/go-isatty"
)

func main() {
	if err := kernel.CheckPrivileges(); err != nil {
		os.Exit(applets.Refuse(os.Args, kernel.File(2), err))
	}
	proc, procErr := procfs.OpenMounted("/proc")
	k := kernel.New(proc, kernel.Options{
		NoPidfd: os.Getenv("KILLBOX_NO_PIDFD") == "1",
		Self:    "/proc/self/exe",
	})
	k.RestoreDispositions()
	if len(os.Args) > 0 && os.Args[0] == kernel.GuardianName {
		kernel.RunGuardian(k)
		return
	}
	os.Exit(applets.Main(&cli.Env{
		Args:        k.JoinPair(os.Args),
		Environ:     os.Environ(),
		PID:         os.Getpid(),
		Stdin:       os.Stdin,
		Stdout:      k.Output(1),
		Stderr:      k.Output(2),
		StdoutTTY:   isatty.IsTerminal(1),
		StderrTTY:   isatty.IsTerminal(2),
		Columns:     kernel.TerminalColumns,
		Proc:        proc,
		ProcErr:     procErr,
		Kernel:      k,
		Exec:        k.Exec,
		Die:         k.Die,
		NameService: k.LookUpName,
		Executable:  os.Executable,
	}))
}

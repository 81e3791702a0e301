package kernel

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Exec replaces this program by another, which gets the dispositions and the signal mask that this one
// inherited. It returns only on failure.
func (k *Kernel) Exec(path string, argv, env []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	for sig := 1; sig <= numSignals; sig++ {
		var act disposition
		if k.given.ignored[sig] {
			act = ignoring()
		}
		rtSigaction(sig, &act, nil)
	}
	sigmask(unix.SIG_SETMASK, &k.given.mask, nil)
	return unix.Exec(path, argv, env)
}

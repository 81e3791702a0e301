package kernel

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Exec replaces this program by another one, which gets the dispositions and the signal mask that this program
// inherited. Exec returns only on failure.
func (k *Kernel) Exec(path string, argv, env []string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer blockSignals()()
	for sig := 1; sig <= numSignals; sig++ {
		var act disposition
		if k.inherited.ignored[sig] {
			act = ignoreDisposition()
		}
		rtSigaction(sig, &act, nil)
	}
	sigmask(unix.SIG_SETMASK, &k.inherited.mask, nil)
	return unix.Exec(path, argv, env)
}

//go:build !nodropins

package applets

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"killbox/internal/file"
)

// readPidfile reads the number that the file, or standard input, begins with.
func (o *pgrepOptions) readPidfile() error {
	invalid := &pgrepError{text: "pidfile not valid", try: true, code: 1}
	in := o.env.Stdin
	notLocked := &pgrepError{text: "Locking check for pidfile failed", code: 1}
	if *o.pidfile == "-" {
		if o.locked {
			return notLocked
		}
	} else {
		f, err := file.Open(*o.pidfile)
		if err != nil {
			return &pgrepError{text: "Unable to open pidfile: " + errnoText(err), code: 1}
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return invalid
		}
		if o.locked && !lockedByAnother(f) {
			return notLocked
		}
		in = f
	}
	var buf [64]byte
	n, _ := io.ReadFull(in, buf[:]) // a pipe may bring it in pieces
	text := strings.TrimLeft(string(buf[:n]), " \t\n\v\f\r")
	if end := strings.IndexAny(text, " \t\n\v\f\r"); end >= 0 {
		text = text[:end]
	}
	pid, ok := decimal(text)
	if !ok || pid == 0 {
		return invalid
	}
	o.pids = []int64{int64(pid)}
	return nil
}

// lockedByAnother tries for a lock of either kind: which one a daemon takes is
// nowhere laid down.
func lockedByAnother(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true
	}
	lock := syscall.Flock_t{Type: syscall.F_RDLCK}
	err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lock)
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES)
}

package dropin

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"killbox/internal/file"
)

// readPidfile reads the PID at the beginning of the file of --pidfile, or of standard input.
func (o *pgrepOptions) readPidfile() error {
	invalid := &usageError{text: "pidfile not valid", try: true, code: 1}
	in := o.env.Stdin
	notLocked := &usageError{text: "Locking check for pidfile failed", code: 1}
	if *o.pidfile == "-" {
		if o.locked {
			return notLocked
		}
	} else {
		f, err := file.Open(*o.pidfile)
		if err != nil {
			return &usageError{text: "Unable to open pidfile: " + strerror(err), code: 1}
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
	var buf [maxPidLine]byte
	n, _ := io.ReadFull(in, buf[:]) // a pipe may return the line in parts
	pid, ok := pidOfLine(string(buf[:n]))
	if !ok {
		return invalid
	}
	o.pids = []int64{pid}
	return nil
}

// maxPidLine is the number of bytes that procps reads of the first line.
const maxPidLine = 255

// pidOfLine reads the number at the beginning of the first line, as strtol(3) does: with blanks and a sign before it. A
// blank, a NUL or the end of the line must follow. A number below 1 is valid, and no process has it.
func pidOfLine(text string) (int64, bool) {
	line, _, _ := strings.Cut(text, "\n")
	word := strings.TrimLeft(line, blanks)
	if end := strings.IndexAny(word, blanks+"\x00"); end >= 0 {
		word = word[:end]
	}
	pid, err := strconv.ParseInt(word, 10, 64)
	return pid, err == nil
}

// lockedByAnother reports whether another process has locked f with flock(2) or fcntl(2). Daemons use either.
func lockedByAnother(f *os.File) bool {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true
	}
	lock := syscall.Flock_t{Type: syscall.F_RDLCK}
	err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lock)
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES)
}

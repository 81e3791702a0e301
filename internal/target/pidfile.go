package target

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"killbox/internal/fmt"
	"killbox/internal/show"
)

// ReadPidfile returns the PID or handle that the file holds. A file that
// everybody may write to is refused: it would let anybody name our targets.
func ReadPidfile(name string) (Operand, error) {
	// A FIFO in its place must not make us wait.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Operand{}, fmt.Errorf("pidfile: %w", show.Error(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Operand{}, fmt.Errorf("pidfile: %w", show.Error(err))
	}
	if !info.Mode().IsRegular() {
		return Operand{}, fmt.Errorf("pidfile %s: not a regular file", show.Word(name))
	}
	if info.Mode().Perm()&0o002 != 0 {
		return Operand{}, fmt.Errorf("pidfile %s: refused, everybody may write to it (chmod o-w)", show.Word(name))
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPidfile))
	if err != nil {
		return Operand{}, fmt.Errorf("pidfile: %w", show.Error(err))
	}
	words := strings.Fields(string(text))
	if len(text) == maxPidfile && len(words) == 1 {
		// The number may have been cut to another's.
		return Operand{}, fmt.Errorf("pidfile %s: too long", show.Word(name))
	}
	if len(words) == 0 {
		return Operand{}, fmt.Errorf("pidfile %s: empty", show.Word(name))
	}
	op, err := ParseOperand(words[0])
	if err == nil && (op.Form == Group || op.Form == Stdin) {
		err = errors.New("want a PID or handle")
	}
	if err != nil {
		return Operand{}, fmt.Errorf("pidfile %s: %w", show.Word(name), err)
	}
	return op, nil
}

// maxPidfile is room for a handle and what some daemons write after it.
const maxPidfile = 256

// Package target turns what the user named, operands and selectors, into
// processes, and knows which of them must be left alone.
package target

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"killbox/internal/show"
	"killbox/procfs"
)

// Form is how an operand names its target.
type Form int

// The forms of an operand.
const (
	PID    Form = iota // 42
	Handle             // 42@1234567:5678, with the start time in clock ticks since boot, and perhaps the inode
	Inode              // 42:5678, with the inode of the process's pidfd (Linux 6.9)
	Group              // -42, every member of a process group
	Stdin              // -, more of them from standard input
)

// Operand is a target as it was written.
type Operand struct {
	Text  string
	Form  Form
	PID   int // the PGID of a Group
	Start uint64
	Inode uint64 // 0 where none was given
}

// maxPID is the kernel's limit on every machine (PID_MAX_LIMIT,
// include/linux/threads.h).
const maxPID = 4 << 20

// ParseOperand reads one operand. The error says what would have been right.
func ParseOperand(word string) (Operand, error) { return parseOperand(word, maxPID) }

// ParsePID is ParseOperand for tools that take each number of a pid_t for a PID, as those
// of util-linux do: one beyond the kernel's limit names a process that is gone.
func ParsePID(word string) (Operand, error) { return parseOperand(word, math.MaxInt32) }

func parseOperand(word string, limit uint64) (Operand, error) {
	switch {
	case word == "":
		return Operand{}, errors.New("empty operand: an unset variable, perhaps?")
	case word == "-":
		return Operand{Text: word, Form: Stdin}, nil
	case word == "0":
		return Operand{}, errors.New("0 would be this very process group; name its members or the group's number (-- -PGID)")
	case word == "-1":
		return Operand{}, errors.New("-1 would be every process on the machine; name the targets")
	case strings.HasPrefix(word, "%"):
		return Operand{}, fmt.Errorf("%s: only the shell knows its jobs: see killbox(7)", show.Quoted(word))
	}
	op := Operand{Text: word}
	number := word
	if rest, ok := strings.CutPrefix(word, "-"); ok {
		op.Form, number = Group, rest
	} else if head, tail, ok := strings.Cut(word, "@"); ok {
		op.Form, number = Handle, head
		start, inode, hasInode := strings.Cut(tail, ":")
		var err, inodeErr error
		if op.Start, err = parseNumber(start); hasInode {
			op.Inode, inodeErr = parseNumber(inode)
		}
		if err != nil || inodeErr != nil || hasInode && op.Inode == 0 {
			return Operand{}, fmt.Errorf("%s is not a handle: want PID@START:INODE or PID@START", show.Quoted(word))
		}
	} else if head, tail, ok := strings.Cut(word, ":"); ok {
		op.Form, number = Inode, head
		inode, err := parseNumber(tail)
		if err != nil || inode == 0 {
			return Operand{}, fmt.Errorf("%s is not a handle: want PID:INODE", show.Quoted(word))
		}
		op.Inode = inode
	}
	n, err := parseNumber(number)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return Operand{}, fmt.Errorf("%s is beyond the kernel's limit of %d", show.Quoted(word), maxPID)
		}
		return Operand{}, fmt.Errorf("%s is not a PID or handle (to select by name: --name)", show.Quoted(word))
	}
	switch {
	case n > limit:
		return Operand{}, fmt.Errorf("%s is beyond the kernel's limit of %d", show.Quoted(word), maxPID)
	case n == 0:
		return Operand{}, fmt.Errorf("%s names no process", show.Quoted(word))
	case n == 1 && op.Form == Group:
		return Operand{}, errors.New("-1 would be every process on the machine; name the targets")
	}
	op.PID = int(n)
	return op, nil
}

// parseNumber accepts decimal digits and nothing else: no sign, no spaces.
func parseNumber(s string) (uint64, error) {
	if s == "" {
		return 0, strconv.ErrSyntax
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, strconv.ErrRange
	}
	return n, nil
}

// ErrNoInode means that the inode of the process is not known, so an operand's cannot be compared with it.
var ErrNoInode = errors.New("pidfds have no inodes of their own before Linux 6.9, or cannot be had: name it as PID@START")

// ErrHidden means that the start time of the process is not known, so an operand's cannot be compared with
// it.
var ErrHidden = errors.New("cannot tell whether it is the process that the handle names: /proc does not show it")

// Names reports whether the operand means the process that st describes. st must have been read after the
// process was opened. The error is ErrNoInode or ErrHidden if st does not tell.
func (o Operand) Names(st *procfs.Stat) (bool, error) {
	switch {
	case st.PID != o.PID:
		return false, nil
	case o.Inode != 0 && st.Inode != 0:
		return o.Inode == st.Inode && (o.Form == Inode || st.Start == 0 || o.Start == st.Start), nil
	case o.Form == Inode:
		return false, ErrNoInode
	case o.Form == Handle && st.Start == 0:
		return false, ErrHidden
	}
	return o.Form != Handle || o.Start == st.Start, nil
}

// Verify fails unless the operand means the process, as Names reports it. The error is procfs.ErrNoProcess
// if the operand means another process, which is gone then.
func (o Operand) Verify(st *procfs.Stat) error {
	ok, err := o.Names(st)
	if !ok && err == nil {
		err = procfs.ErrNoProcess
	}
	return err
}

// String returns the operand in its canonical form.
func (o Operand) String() string {
	switch o.Form {
	case Handle:
		handle := procfs.ID{PID: o.PID, Start: o.Start}.String()
		if o.Inode != 0 {
			handle += ":" + strconv.FormatUint(o.Inode, 10)
		}
		return handle
	case Inode:
		return strconv.Itoa(o.PID) + ":" + strconv.FormatUint(o.Inode, 10)
	case Group:
		return "-" + strconv.Itoa(o.PID)
	case Stdin:
		return "-"
	}
	return strconv.Itoa(o.PID)
}

// ParseOperands reads all words, those on stdin in the place of "-" included,
// before anything is done with the first. hasStdin tells whether there was a
// "-".
func ParseOperands(words []string, stdin io.Reader) (ops []Operand, hasStdin bool, err error) {
	for _, word := range words {
		op, err := ParseOperand(word)
		if err != nil {
			return nil, hasStdin, err
		}
		if op.Form != Stdin {
			ops = append(ops, op)
			continue
		}
		if hasStdin {
			return nil, true, errors.New("standard input can be read once: - was given twice")
		}
		hasStdin = true
		text, err := io.ReadAll(io.LimitReader(stdin, maxInput+1))
		if err != nil {
			return nil, true, fmt.Errorf("cannot read targets from standard input: %w", err)
		}
		if len(text) > maxInput {
			return nil, true, fmt.Errorf("more than %d MiB of targets on standard input", maxInput>>20)
		}
		for _, word := range strings.Fields(string(text)) {
			op, err := ParseOperand(word)
			if err != nil {
				return nil, true, fmt.Errorf("standard input: %w", err)
			}
			if op.Form == Stdin {
				return nil, true, errors.New("standard input: - is not a target")
			}
			ops = append(ops, op)
		}
	}
	return ops, hasStdin, nil
}

// maxInput is room for a handle of each of the kernel's 4 million PIDs.
const maxInput = 128 << 20

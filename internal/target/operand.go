// Package target resolves operands and selectors to opened processes, and knows which processes are excluded.
package target

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
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

// Operand is one word of the command line that names a target.
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

// ParseOperand parses one operand. The error says what is accepted instead.
func ParseOperand(word string) (Operand, error) { return parseOperand(word, maxPID) }

// ParsePID is ParseOperand for tools that take each number of a pid_t for a PID, as those
// of util-linux do: one beyond the kernel's limit names a process that is gone.
func ParsePID(word string) (Operand, error) { return parseOperand(word, math.MaxInt32) }

func parseOperand(word string, limit uint64) (Operand, error) {
	if word == "-" {
		return Operand{Text: word, Form: Stdin}, nil
	}
	if err := refuseWord(word); err != nil {
		return Operand{}, err
	}
	op, number, err := parseForm(word)
	if err != nil {
		return Operand{}, err
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

// refuseWord returns an error for a word that means something to kill(1) or to the shell, but no target here.
func refuseWord(word string) error {
	switch {
	case word == "":
		return errors.New("empty operand: an unset variable, perhaps?")
	case word == "0":
		return errors.New("0 would be this very process group; name its members or the group's number (-- -PGID)")
	case word == "-1":
		return errors.New("-1 would be every process on the machine; name the targets")
	case strings.HasPrefix(word, "%"):
		return fmt.Errorf("%s: only the shell knows its jobs: see killbox(7)", show.Quoted(word))
	}
	return nil
}

// parseForm returns the operand without its PID, and the word of that.
func parseForm(word string) (op Operand, number string, err error) {
	op.Text = word
	if rest, ok := strings.CutPrefix(word, "-"); ok {
		op.Form = Group
		return op, rest, nil
	}
	if head, tail, ok := strings.Cut(word, "@"); ok {
		op.Form = Handle
		start, inode, hasInode := strings.Cut(tail, ":")
		var err, inodeErr error
		if op.Start, err = parseNumber(start); hasInode {
			op.Inode, inodeErr = parseNumber(inode)
		}
		if err != nil || inodeErr != nil || hasInode && op.Inode == 0 {
			return Operand{}, "", fmt.Errorf("%s is not a handle: want PID@START:INODE or PID@START", show.Quoted(word))
		}
		return op, head, nil
	}
	if head, tail, ok := strings.Cut(word, ":"); ok {
		op.Form = Inode
		inode, err := parseNumber(tail)
		if err != nil || inode == 0 {
			return Operand{}, "", fmt.Errorf("%s is not a handle: want PID:INODE", show.Quoted(word))
		}
		op.Inode = inode
		return op, head, nil
	}
	return op, word, nil
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

// ErrNoInode means that the pidfd inode of a process is not known, so that of an operand cannot be compared with it.
var ErrNoInode = errors.New("pidfds have no inodes of their own before Linux 6.9, or cannot be had: name it as PID@START")

// ErrHidden means that the start time of a process is not known, so that of an operand cannot be compared with it.
var ErrHidden = errors.New("cannot tell whether it is the process that the handle names: /proc does not show it")

// Open opens the process that the operand names: it opens the PID, and only then compares the start time and the
// inode (Names). If err is procfs.ErrNoProcess, the process is gone; the PID may have been reused. ErrNoInode or
// ErrHidden mean that this is not known.
//
// st describes the process that was opened, and is zero if none was. After an error Open leaves it open, because an
// earlier operand may have opened it as well: a caller that takes many operands closes it if none has.
func (o Operand) Open(kernel Opener) (st procfs.Stat, err error) {
	st, err = kernel.Open(o.PID)
	if err != nil {
		return procfs.Stat{}, err
	}
	same, err := o.Names(&st)
	if !same && err == nil {
		err = procfs.ErrNoProcess
	}
	return st, err
}

// Names reports whether the operand names the process that st describes. st must have been read after the
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

// Omits reports whether one of the operands of --omit excludes the process.
func Omits(ops []Operand, st *procfs.Stat) bool {
	return slices.ContainsFunc(ops, func(o Operand) bool { return o.omits(st) })
}

// omits reports whether the operand excludes the process. A handle also excludes a process whose inode or start time is
// not known: it may be the one. Only an opened process has an inode.
func (o Operand) omits(st *procfs.Stat) bool {
	if o.Form == Group {
		return st.PGID == o.PID
	}
	same, err := o.Names(st)
	return same || err != nil
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

// ParseOperands parses all words, and in the place of "-" those on stdin, which is read to its end. hasStdin
// reports whether there was a "-".
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

// Package target finds and opens the processes that operands and selectors name, and decides which processes are
// excluded.
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
	Handle             // 42@1234567:5678 or 42@1234567, with the start time in clock ticks since boot
	Inode              // 42:5678, with the inode of the process's pidfd (Linux 6.9)
	Group              // -42, every member of a process group
	Stdin              // -, further operands from standard input
)

// Operand is one word of the command line that names a target.
type Operand struct {
	Text  string
	Form  Form
	PID   int    // or the PGID of a Group
	Start uint64 // the start time of a Handle, in clock ticks since boot
	Inode uint64 // of the pidfd; 0 if the operand has none
}

// SameProcess reports whether two operands are equal or name the same process. The PID alone does not show that,
// because it may have been reused between the two.
func (o Operand) SameProcess(other Operand) bool {
	differ := func(a, b uint64) bool { return a != 0 && b != 0 && a != b }
	same := o.Start != 0 && o.Start == other.Start || o.Inode != 0 && o.Inode == other.Inode
	return o == other || same && o.PID == other.PID && !differ(o.Start, other.Start) && !differ(o.Inode, other.Inode)
}

// maxPID is the highest PID that any kernel can allocate (PID_MAX_LIMIT in include/linux/threads.h).
const maxPID = 4 << 20

// ParseOperand parses one operand. The error tells what is accepted instead.
func ParseOperand(word string) (Operand, error) { return parseOperand(word, maxPID) }

// ParsePID is ParseOperand for drop-ins that accept every positive pid_t as a PID, as the tools of util-linux do. A PID
// above the kernel's limit names a process that does not exist.
func ParsePID(word string) (Operand, error) { return parseOperand(word, math.MaxInt32) }

// parseOperand parses an operand with a PID of at most limit.
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
		return Operand{}, &OperandError{Word: word}
	}
	switch {
	case n > limit:
		return Operand{}, fmt.Errorf("%s is beyond the kernel's limit of %d", show.Quoted(word), maxPID)
	case n == 0:
		return Operand{}, fmt.Errorf("%s names no process", show.Quoted(word))
	case n == 1 && op.Form == Group:
		return Operand{}, errAllProcesses
	}
	op.PID = int(n)
	return op, nil
}

// OperandError is the error of a word that is neither a PID nor a handle.
type OperandError struct {
	Word  string
	Input bool // the word is from standard input
}

func (e *OperandError) Error() string { return show.Quoted(e.Word) + " is not a PID or handle" }

// errAllProcesses refuses -1, by which kill(2) signals every process.
var errAllProcesses = errors.New("-1 would be every process; give the targets one by one")

// refuseWord returns an error for a word that kill(1) or the shell understands, but that is no target here.
func refuseWord(word string) error {
	switch {
	case word == "":
		return errors.New("empty operand, possibly from an unset variable")
	case word == "0":
		return errors.New("0 would be the process group of this process; give its members or its PGID (-- -PGID)")
	case word == "-1":
		return errAllProcesses
	case strings.HasPrefix(word, "%"):
		// Not jobs -p: zsh prints a text.
		return fmt.Errorf("%s: only the shell knows its jobs: run eval \"$(killbox shell-init bash)\" first; "+
			"$! is the last process of the latest one, \"pgkill --of $!\" ends all of it in an interactive shell", show.Quoted(word))
	}
	return nil
}

// parseForm parses an operand except for its PID or PGID. number is the text of the PID or PGID.
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

// parseNumber parses a number of decimal digits, without a sign or spaces. The error is strconv.ErrSyntax or
// strconv.ErrRange.
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

// ErrNoInode means that an inode in a handle cannot be compared, because the inode of the process's pidfd is unknown.
var ErrNoInode = errors.New("the inode of its pidfd is unknown (it needs pidfds and Linux 6.9); give PID@START instead")

// ErrHidden means that a start time in a handle cannot be compared, because /proc hides that of the process.
var ErrHidden = errors.New("cannot compare it with the handle: /proc does not show its start time")

// Open opens the process that the operand names. It opens the PID first and then compares the start time and the inode
// (Names), so that the PID cannot be reused after the comparison. If err is procfs.ErrNoProcess, the process is gone,
// and its PID may have been reused. If err is ErrNoInode or ErrHidden, the comparison was not possible.
//
// st describes the process that was opened, and is zero if no process was opened. After an error the process stays
// open, because an earlier operand may have opened the same process. The caller closes it unless it is a target.
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

// Names reports whether the operand names the process that st describes. The caller must have opened the process before
// it read st. The error is ErrNoInode or ErrHidden if st lacks what the handle is compared with.
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

// omits reports whether the operand excludes the process. If the inode or start time of the process is unknown, a
// handle with the same PID excludes the process, because it may be the one that the user means. Only the Stat of an
// opened process has an inode.
func (o Operand) omits(st *procfs.Stat) bool {
	if o.Form == Group {
		return st.PGID == o.PID
	}
	same, err := o.Names(st)
	return same || err != nil
}

// Stat returns what the operand tells about its process: PID, start time and inode, each of the last two 0 if it is not
// in the operand.
func (o Operand) Stat() procfs.Stat {
	return procfs.Stat{ID: procfs.ID{PID: o.PID, Start: o.Start}, Inode: o.Inode}
}

// String returns the operand in the form that ParseOperand parses, without leading zeros.
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

// ParseOperands parses all words. In the place of "-" it inserts the operands from stdin, which it reads to the end.
// hasStdin reports whether a word was "-".
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
				if operand := new(OperandError); errors.As(err, &operand) {
					operand.Input = true
				}
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

// maxInput is the limit of the operands from standard input, in bytes. A handle for each of the 4 million PIDs fits.
const maxInput = 128 << 20

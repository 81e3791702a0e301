package target

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"killbox/internal/show"
	"killbox/procfs"
)

// OwnerVariable is the environment variable that contains an owner mark.
const OwnerVariable = "KILLBOX_OWNER"

// OwnerMark names the owner of the processes that have the mark in their environment, as HANDLE/PIDNS/BOOT.
type OwnerMark struct {
	procfs.ID
	Inode        uint64 // of the owner's pidfd; 0 if the mark has none
	PIDNamespace uint64 // the inode number of the PID namespace to which the PID belongs
	Boot         string // the first bootDigits digits of the boot ID
}

const bootDigits = 8

// Handle returns the handle of the owner.
func (m *OwnerMark) Handle() string { return (&procfs.Stat{ID: m.ID, Inode: m.Inode}).Handle() }

// String returns the mark in the form that ParseOwnerMark parses.
func (m *OwnerMark) String() string {
	return m.Handle() + "/" + strconv.FormatUint(m.PIDNamespace, 10) + "/" + m.Boot
}

// ParseOwnerMark parses an owner mark. It accepts only what OwnerMark.String returns: no leading zeros, no signs, no
// blanks.
func ParseOwnerMark(text string) (OwnerMark, error) {
	malformed := fmt.Errorf("%s is not an owner mark", show.Quoted(text))
	handle, rest, ok := strings.Cut(text, "/")
	namespace, boot, both := strings.Cut(rest, "/")
	if !ok || !both {
		return OwnerMark{}, malformed
	}
	op, err := ParseOperand(handle)
	if err != nil || op.Form != Handle || op.Start == 0 {
		return OwnerMark{}, malformed
	}
	m := OwnerMark{ID: procfs.ID{PID: op.PID, Start: op.Start}, Inode: op.Inode, Boot: boot}
	if m.PIDNamespace, err = parseNumber(namespace); err != nil || m.PIDNamespace == 0 || !isBoot(boot) || m.String() != text {
		return OwnerMark{}, malformed
	}
	return m, nil
}

// isBoot reports whether the text is that of OwnerMark.Boot.
func isBoot(text string) bool {
	return len(text) == bootDigits && strings.Trim(text, "0123456789abcdef") == ""
}

// NewOwnerMark returns the mark of a process that was opened. It is an error if a part of the mark cannot be known, or
// if the mark would not distinguish the process.
func NewOwnerMark(proc *procfs.FS, st *procfs.Stat) (OwnerMark, error) {
	m := OwnerMark{ID: st.ID, Inode: st.Inode}
	switch same, err := proc.SharesNamespace(st.PID); {
	case st.Hidden() || st.Start == 0:
		return m, errors.New("/proc does not show its start time")
	case err != nil:
		return m, err
	case !same:
		return m, errors.New("it is in another PID namespace")
	case st.Inode == 0 && proc.ShiftsStart():
		return m, errors.New("its start time is that of a time namespace, and the inode of its pidfd is unknown (it needs pidfds and Linux 6.9)")
	}
	var err error
	m.PIDNamespace, m.Boot, err = here(proc)
	return m, err
}

// here returns what distinguishes the marks of this PID namespace and boot from others.
func here(proc *procfs.FS) (namespace uint64, boot string, err error) {
	if namespace, err = proc.OwnNamespace("pid"); err != nil {
		return 0, "", fmt.Errorf("the PID namespace is not known: %w", err)
	}
	if boot, err = proc.BootID(); err != nil {
		return 0, "", fmt.Errorf("the boot ID is not known: %w", err)
	}
	return namespace, boot[:bootDigits], nil
}

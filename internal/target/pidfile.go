package target

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"killbox/internal/file"
	"killbox/internal/show"
	"killbox/procfs"
)

// Pidfile is the content of a file that names a process (--pidfile).
type Pidfile struct {
	Operand
	name string
	// namesNone is the reason why the file names no process: it is missing or empty. It is "" if the file names
	// one.
	namesNone string
	// owners are the UIDs of the owner of the file and of the owner of a symbolic link in its place. These users
	// decide which process the file names. It is nil if another selector has to match the process as well.
	owners []int
}

// ReadPidfile reads the PID or handle in the file. alone means that no other selector is given. Then ReadPidfile
// refuses a file that its group or all users may write to, because any of these users could choose the process that is
// signalled.
func ReadPidfile(name string, alone bool) (*Pidfile, error) {
	p := &Pidfile{name: name}
	link, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		p.namesNone = "no such file"
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pidfile %w", show.Error(err))
	}
	f, err := file.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		p.namesNone = "no such file"
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pidfile %w", show.Error(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("pidfile %w", show.Error(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("pidfile %s: not a regular file", show.Word(name))
	}
	if alone {
		if err := checkWritable(info.Mode()); err != nil {
			return nil, fmt.Errorf("pidfile %s: %w", show.Word(name), err)
		}
		p.owners = []int{ownerUID(info)}
		if link.Mode()&fs.ModeSymlink != 0 {
			p.owners = append(p.owners, ownerUID(link))
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPidfile))
	if err != nil {
		return nil, fmt.Errorf("pidfile %w", show.Error(err))
	}
	if err := p.parseContent(string(text)); err != nil {
		return nil, fmt.Errorf("pidfile %s: %w", show.Word(name), err)
	}
	return p, nil
}

// parseContent parses the first word of the file.
func (p *Pidfile) parseContent(text string) (err error) {
	words := strings.Fields(text)
	if len(text) == maxPidfile && len(words) <= 1 {
		// The word may go on after the part that was read. Its beginning may be the PID of another process.
		return errors.New("too long")
	}
	if len(words) == 0 {
		p.namesNone = "the file is empty"
		return nil
	}
	p.Operand, err = ParseOperand(words[0])
	if err == nil && (p.Form == Group || p.Form == Stdin) {
		err = errors.New("want a PID or handle")
	}
	return err
}

// maxPidfile is the number of bytes that are read. A handle fits, with some of the text that some daemons write after
// it.
const maxPidfile = 256

// checkWritable returns an error if users other than the owner may write to the file.
func checkWritable(mode fs.FileMode) error {
	switch perm := mode.Perm(); {
	case perm&0o002 != 0:
		return errors.New("refused, every user may write to it (chmod go-w, or give a second selector)")
	case perm&0o020 != 0:
		return errors.New("refused, its group may write to it (chmod g-w, or give a second selector)")
	}
	return nil
}

// ownerUID returns the UID of the owner of a file, -1 if it is unknown.
func ownerUID(info fs.FileInfo) int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(st.Uid)
}

// overflowUID is the UID that the kernel shows for every user without a UID in the user namespace (DEFAULT_OVERFLOWUID
// in include/linux/highuid.h).
const overflowUID = 65534

// untrustedOwner returns the first owner that is neither root, self nor target. self is the effective UID of this
// process, and target that of the target, -1 if it is unknown. allUsers means that every user has a UID of its own in
// the user namespace (procfs.FS.MapsAllUsers). Otherwise overflowUID may stand for several users and is never trusted.
func (p *Pidfile) untrustedOwner(self, target int, allUsers bool) (uid int, found bool) {
	for _, uid := range p.owners {
		known := uid >= 0 && (uid != overflowUID || allUsers)
		if !known || !slices.Contains([]int{0, self, target}, uid) {
			return uid, true
		}
	}
	return 0, false
}

// checkPidfileOwner returns an error if one of the owners of the pidfile may not choose this target. st describes an
// opened process. Its UID is read from /proc/PID/status, so the caller must check afterwards that the process still
// exists. Otherwise the UID may be that of another process that has got the PID.
func (r *resolver) checkPidfileOwner(p *Pidfile, st *procfs.Stat) error {
	target, allUsers := -1, false
	if r.proc != nil {
		if status, err := r.proc.Status(st.PID); err == nil {
			target = status.UID[1]
		}
		allUsers = r.proc.MapsAllUsers()
	}
	uid, found := p.untrustedOwner(os.Geteuid(), target, allUsers)
	if !found {
		return nil
	}
	return fmt.Errorf("pidfile %s: refused, its owner is user %d, but must be root, the caller or the user of process %d (or give a second selector)", show.Word(p.name), uid, st.PID)
}

// addPidfile opens the process that --pidfile names and makes it a target, if the owner of the file may choose it and
// if the other selectors match it.
func (r *resolver) addPidfile() error {
	p := r.req.Selector.Pidfile
	if p.namesNone != "" {
		r.addNotRunning(p, p.namesNone)
		return nil
	}
	st, err := p.Open(r.kernel)
	gone := errors.Is(err, procfs.ErrNoProcess)
	if st.PID == 0 {
		if gone {
			r.addEnded(p)
		} else {
			r.found.Refused = append(r.found.Refused, Problem{Operand: p.Operand, Err: err})
		}
		return nil
	}
	defer func() { r.closeUnlessTarget(st.ID) }()
	s := &r.req.Selector
	switch {
	case gone || err == nil && st.Gone() && !s.Zombies && s.State == "":
		r.addEnded(p)
		return nil
	case err != nil:
		return err
	}
	if err := r.checkPidfileOwner(p, &st); err != nil {
		return err
	}
	ok, err := r.matchSelector(s, &st)
	if err != nil || !ok {
		return err
	}
	// Check last that the process still exists. Otherwise its PID may have been reused before the files were read.
	if r.kernel.Exists(st.ID) != nil {
		r.addEnded(p)
		return nil
	}
	if reason := r.exclusions.ExcludeRecorded(&st); reason != "" && !r.targets[st.ID] {
		r.found.Skipped = append(r.found.Skipped, Skip{st, reason})
	} else if r.isOmitted(&st) {
		r.found.Skipped = append(r.found.Skipped, Skip{st, "omitted"})
	} else if !r.targets[st.ID] {
		r.targets[st.ID] = true
		r.found.Processes = append(r.found.Processes, Process{Stat: st})
	}
	return nil
}

// matchSelector reports whether an opened process meets all conditions of the selector but Pidfile.
func (r *resolver) matchSelector(s *Selector, st *procfs.Stat) (bool, error) {
	others := *s
	others.Pidfile = nil
	if others.Empty() {
		return true, nil
	}
	if r.proc == nil {
		_, err := r.snapshot() // the error says why there is no /proc
		return false, err
	}
	uptime, err := s.readUptime(r.proc)
	if err != nil {
		return false, fmt.Errorf("cannot determine the age of processes: %w", err)
	}
	if !s.matchStat(st, uptime) {
		return false, nil
	}
	return s.MatchFiles(r.proc, st)
}

// addEnded records that the process that the file names does not exist. If the file has a handle, the process is known
// to be gone. A PID does not prove that, because it may never have belonged to the intended process.
func (r *resolver) addEnded(p *Pidfile) {
	if p.Form != PID {
		r.addEndedOperand(p.Operand)
		return
	}
	r.addNotRunning(p, fmt.Sprintf("there is no process %d", p.PID))
}

// addNotRunning records that the file names no running process, with the reason.
func (r *resolver) addNotRunning(p *Pidfile, why string) {
	r.found.Missing = append(r.found.Missing, Problem{Err: fmt.Errorf("%s: not running: %s", show.Word(p.name), why)})
}

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
	"time"

	"killbox/internal/file"
	"killbox/internal/show"
	"killbox/procfs"
)

// Pidfile is a file that names a process.
type Pidfile struct {
	Operand
	name string
	// empty is why the file names no process: it is missing, or has no content.
	empty string
	// owners are the users that can choose the process: the owner of the file and
	// that of a symbolic link to it. Nil if other conditions choose as well.
	owners []int
}

// ReadPidfile reads the PID or handle in the file. alone says that no other
// condition selects the process: a file that its group or all users may write to is
// refused then, because any of them could choose what is signalled.
func ReadPidfile(name string, alone bool) (*Pidfile, error) {
	p := &Pidfile{name: name}
	link, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		p.empty = "no such file"
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pidfile: %w", show.Error(err))
	}
	f, err := file.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		p.empty = "no such file"
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pidfile: %w", show.Error(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("pidfile: %w", show.Error(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("pidfile %s: not a regular file", show.Word(name))
	}
	if alone {
		if err := writable(info.Mode()); err != nil {
			return nil, fmt.Errorf("pidfile %s: %w", show.Word(name), err)
		}
		p.owners = []int{owner(info)}
		if link.Mode()&fs.ModeSymlink != 0 {
			p.owners = append(p.owners, owner(link))
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPidfile))
	if err != nil {
		return nil, fmt.Errorf("pidfile: %w", show.Error(err))
	}
	if err := p.parse(string(text)); err != nil {
		return nil, fmt.Errorf("pidfile %s: %w", show.Word(name), err)
	}
	return p, nil
}

func (p *Pidfile) parse(text string) (err error) {
	words := strings.Fields(text)
	if len(text) == maxPidfile && len(words) <= 1 {
		// The number may have been cut to another's.
		return errors.New("too long")
	}
	if len(words) == 0 {
		p.empty = "the file is empty"
		return nil
	}
	p.Operand, err = ParseOperand(words[0])
	if err == nil && (p.Form == Group || p.Form == Stdin) {
		err = errors.New("want a PID or handle")
	}
	return err
}

// maxPidfile is room for a handle and what some daemons write after it.
const maxPidfile = 256

func writable(mode fs.FileMode) error {
	switch perm := mode.Perm(); {
	case perm&0o002 != 0:
		return errors.New("refused, every user may write to it (chmod go-w, or give a second selector)")
	case perm&0o020 != 0:
		return errors.New("refused, its group may write to it (chmod g-w, or give a second selector)")
	}
	return nil
}

func owner(info fs.FileInfo) int {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(st.Uid)
}

// overflowUID stands for each user that has no number in a user namespace
// (DEFAULT_OVERFLOWUID of include/linux/highuid.h).
const overflowUID = 65534

// distrusted returns the first owner that is neither root nor self, the effective
// user of this process, nor target, the effective user of the target (-1 if
// unknown). Unless all says that every user has a number of its own
// (procfs.FS.AllUsers), overflowUID equals none of them: it stands for several
// users.
func (p *Pidfile) distrusted(self, target int, all bool) (uid int, found bool) {
	for _, uid := range p.owners {
		known := uid >= 0 && (uid != overflowUID || all)
		if !known || !slices.Contains([]int{0, self, target}, uid) {
			return uid, true
		}
	}
	return 0, false
}

// judge returns an error if one of the owners may not choose this target. The
// process has been opened. The caller checks afterwards that it still exists, so
// that what was read is its own.
func (r *resolver) judge(p *Pidfile, st *procfs.Stat) error {
	target, all := -1, false
	if r.proc != nil {
		if status, err := r.proc.Status(st.PID); err == nil {
			target = status.UID[1]
		}
		all = r.proc.AllUsers()
	}
	uid, found := p.distrusted(os.Geteuid(), target, all)
	if !found {
		return nil
	}
	return fmt.Errorf("pidfile %s: refused, its owner is user %d, and neither root, the caller nor the user of process %d (or give a second selector)", show.Word(p.name), uid, st.PID)
}

// pidfile opens the process that --pidfile names, and judges it by the file's
// owner and by the other conditions.
func (r *resolver) pidfile() error {
	p := r.req.Selector.Only
	if p.empty != "" {
		r.notRunning(p, p.empty)
		return nil
	}
	st, err := r.open.Open(p.PID)
	switch {
	case errors.Is(err, procfs.ErrNoProcess):
		r.ended(p)
		return nil
	case err != nil:
		r.found.Refused = append(r.found.Refused, Problem{Operand: p.Operand, Err: err})
		return nil
	}
	defer func() { r.close(st.ID) }() // unless it has become a target
	s := &r.req.Selector
	same, err := p.Names(&st)
	switch {
	case err != nil:
		return err
	case !same || st.Gone() && !s.Zombies && s.State == "":
		r.ended(p)
		return nil
	}
	if err := r.judge(p, &st); err != nil {
		return err
	}
	ok, err := r.meets(s, &st)
	if err != nil || !ok {
		return err
	}
	// Check last that the process still exists: then all that was read is its own.
	if r.open.Exists(st.ID) != nil {
		r.ended(p)
		return nil
	}
	if reason := r.guard.Recorded(&st); reason != "" && !r.have[st.ID] {
		r.found.Skipped = append(r.found.Skipped, Skip{st, reason})
	} else if r.omitted(&st) {
		r.found.Skipped = append(r.found.Skipped, Skip{st, "omitted"})
	} else if !r.have[st.ID] {
		r.have[st.ID] = true
		r.found.Processes = append(r.found.Processes, Process{Stat: st})
	}
	return nil
}

// meets reports whether a process meets all conditions.
func (r *resolver) meets(s *Selector, st *procfs.Stat) (bool, error) {
	if *s == (Selector{Only: s.Only, Zombies: s.Zombies}) {
		return true, nil
	}
	if r.proc == nil {
		_, err := r.snapshot() // which says why there is none
		return false, err
	}
	var uptime time.Duration
	if s.HasOlder || s.HasNewer {
		var err error
		if uptime, err = r.proc.Uptime(); err != nil {
			return false, fmt.Errorf("cannot tell ages: %w", err)
		}
	}
	if !s.cheap(st, uptime) {
		return false, nil
	}
	return s.Matches(r.proc, st)
}

// ended records that the process named by the file does not exist. A handle proves
// that its process is gone. A PID does not, because it may never have been that of
// the intended process.
func (r *resolver) ended(p *Pidfile) {
	if p.Form != PID {
		r.found.Ended = append(r.found.Ended, p.Operand)
		return
	}
	r.notRunning(p, fmt.Sprintf("there is no process %d", p.PID))
}

func (r *resolver) notRunning(p *Pidfile, why string) {
	r.found.Missing = append(r.found.Missing, Problem{Err: fmt.Errorf("%s: not running: %s", show.Word(p.name), why)})
}

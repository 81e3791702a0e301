package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"killbox/internal/show"
	"killbox/procfs"
)

// Exe is the condition of --exe: the process runs the executable that is at a path, or was there when the process
// called execve(2) and has been removed or replaced since.
type Exe struct {
	file procfs.FileID // the file that is at the path now; zero if there is none
	path string        // absolute, without symbolic links
	// top is the deepest directory above path that exists.
	top     string
	topFile procfs.FileID
}

// PathError means that a path given by the user cannot be examined, so that it is not known what the path names.
type PathError struct {
	Path string
	Err  error
}

func (e *PathError) Error() string { return show.Word(e.Path) + ": " + e.Err.Error() }
func (e *PathError) Unwrap() error { return e.Err }

// MissingError means that a path given by the user names nothing: it, or a directory of it, does not exist.
type MissingError PathError

func (e *MissingError) Error() string { return (*PathError)(e).Error() }
func (e *MissingError) Unwrap() error { return e.Err }

// newPathError returns the *MissingError or the *PathError for err, the error of examining the path.
func newPathError(path string, err error) error {
	if isMissing(err) {
		return &MissingError{path, err}
	}
	return &PathError{path, err}
}

// CheckFile takes the error of a condition that names a file, directory, terminal or mount. If that does not exist, the
// condition matches no process: CheckFile sets Missing and returns nil. It returns any other error, with the option.
func (s *Selector) CheckFile(option string, err error) error {
	if err == nil {
		return nil
	}
	missing := errors.As(err, new(*MissingError))
	if err = fmt.Errorf("--%s: %w", option, err); missing {
		s.Missing = err
		return nil
	}
	return err
}

// NewExe returns the condition. A relative path begins at the working directory of this process. The file need not
// exist. A *PathError means that it is not known whether the file exists, any other error that the path is wrong.
func NewExe(name string) (*Exe, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, &PathError{name, err}
	}
	e := new(Exe)
	switch file, err := procfs.StatFile(path); {
	case err == nil && !file.IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", show.Word(name))
	case err == nil:
		e.file = file.FileID
	case !isMissing(err):
		return nil, &PathError{name, err}
	case filepath.Base(name) == name:
		return nil, fmt.Errorf("%s: no such file in this folder (--name selects by name, in any folder)", show.Word(name))
	}
	if e.path, err = resolveMissing(path, maxLinks); err != nil {
		return nil, &PathError{name, err}
	}
	for e.top = filepath.Dir(e.path); ; e.top = filepath.Dir(e.top) {
		dir, err := procfs.StatFile(e.top)
		if err == nil {
			e.topFile = dir.FileID
			return e, nil
		}
		if !isMissing(err) || e.top == "/" {
			return nil, &PathError{name, err}
		}
	}
}

// maxLinks is the number of symbolic links that path resolution follows (MAXSYMLINKS in include/linux/namei.h).
const maxLinks = 40

// resolveMissing returns the path without symbolic links. Directories and files at its end need not exist.
func resolveMissing(path string, links int) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err == nil || !isMissing(err) || path == "/" {
		return resolved, show.Error(err)
	}
	if to, err := os.Readlink(path); err == nil && links > 0 {
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		return resolveMissing(to, links-1)
	}
	dir, err := resolveMissing(filepath.Dir(path), links)
	return filepath.Join(dir, filepath.Base(path)), err
}

// isMissing reports whether err means that there is no file at a path.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// matches reports whether the process runs the executable.
func (e *Exe) matches(proc *procfs.FS, pid int) (bool, error) {
	file, err := proc.ExeFile(pid)
	switch {
	case err != nil:
		return false, err
	case file.FileID == e.file:
		return true, nil
	case file.Links > 0:
		// The executable exists, so " (deleted)" at the end of its link can only be a part of its name.
		return false, nil
	}
	return proc.RemovedExe(pid, e.path, e.top, e.topFile)
}

// Cwd is the condition of --cwd: the working directory of the process is this directory, or below it.
type Cwd procfs.FileID

// NewCwd returns the condition. Any error but a *MissingError or a *PathError means that the path is wrong. The root
// directory is refused, because the condition would match every process.
func NewCwd(name string) (*Cwd, error) {
	dir, err := procfs.StatFile(name)
	if err != nil {
		return nil, newPathError(name, err)
	}
	if !dir.IsDir() {
		return nil, fmt.Errorf("%s: %w", show.Word(name), syscall.ENOTDIR)
	}
	if root, err := procfs.StatFile("/"); err != nil {
		return nil, &PathError{"/", err}
	} else if root.FileID == dir.FileID {
		return nil, fmt.Errorf("%s is refused: every process is below the root directory", show.Word(name))
	}
	return (*Cwd)(&dir.FileID), nil
}

// TTY returns the number of the terminal, as in Selector.TTY. Any error but a *MissingError or a *PathError means that
// the name is wrong.
func TTY(proc *procfs.FS, name string) (uint32, error) {
	number, err := proc.TTYNumber(name)
	if e := new(fs.PathError); errors.As(err, &e) {
		err = newPathError(e.Path, e.Err)
	}
	return number, err
}

// matchAccessed compares the conditions on files that this process may read of its own user's processes only.
func (s *Selector) matchAccessed(proc *procfs.FS, st *procfs.Stat) (ok bool, err error) {
	ok = true
	if s.HasRSS {
		status, err := proc.Status(st.PID)
		if err != nil || status.VmRSS<<10 <= s.RSSOver {
			return false, dropProcessErrors(err)
		}
	}
	if s.EnvName != "" {
		var env []byte
		env, err = proc.EnvironBytes(st.PID)
		ok = err == nil && procfs.HasEnv(env, s.EnvName, s.EnvValue, s.EnvAny)
	}
	if ok && s.Exe != nil {
		ok, err = s.Exe.matches(proc, st.PID)
	}
	if ok && s.Cwd != nil {
		ok, err = proc.CwdIn(st.PID, procfs.FileID(*s.Cwd))
	}
	if err != nil {
		return false, s.Unexamined.add(proc, st, err)
	}
	return ok, nil
}

// Unexamined records the processes that meet the other conditions of a selector, while this process may not read the
// environment, executable or working directory.
type Unexamined struct {
	procs  map[procfs.ID]procfs.Stat
	hidden int // processes whose files could not be read in the scan of the process table
}

// Count returns the number of the processes, without those of which exclude returns a reason.
func (u *Unexamined) Count(exclude func(*procfs.Stat) string) int {
	if u == nil {
		return 0
	}
	n := u.hidden
	for _, st := range u.procs {
		if exclude(&st) == "" {
			n++
		}
	}
	return n
}

// add records the process if err means that it cannot be examined. It returns err if that concerns not only this
// process.
func (u *Unexamined) add(proc *procfs.FS, st *procfs.Stat, err error) error {
	if err == nil || errors.Is(err, procfs.ErrNoProcess) || procfs.Exhausted(err) {
		return dropProcessErrors(err)
	}
	// Also an error other than fs.ErrPermission concerns this process only: its working directory may be on a file
	// system whose server is gone.
	if u == nil || st.KernelThread() {
		return nil
	}
	// The files of a zombie belong to root.
	now, statErr := proc.Stat(st.PID)
	if statErr == procfs.ErrNoProcess || statErr == nil && (now.ID != st.ID || now.Gone()) {
		return nil
	}
	if u.procs == nil {
		u.procs = make(map[procfs.ID]procfs.Stat)
	}
	u.procs[st.ID] = *st
	return nil
}

package applets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"killbox/internal/cli"
	"killbox/internal/show"
)

// installLinks makes a link to this program in dir for each applet. A link replaces an existing file atomically.
// Without force, only earlier links to killbox are replaced.
func installLinks(env *cli.Env, dir string, symbolic, force bool) int {
	self, err := env.Executable()
	if err != nil {
		return cli.Failure(env, "killbox", err)
	}
	info, err := os.Stat(self)
	if err != nil {
		return cli.Failure(env, "killbox", show.Error(err))
	}
	if err := checkFolder(dir); err != nil {
		fmt.Fprintf(env.Stderr, "killbox: --install: %v\n", err)
		return cli.ExitFailed
	}
	code := cli.ExitGone
	for _, a := range All() {
		err := installLink(self, info, filepath.Join(dir, a.Name), symbolic, force)
		if le := new(os.LinkError); errors.As(err, &le) && le.Op != "rename" {
			// No link can be made in this folder.
			fmt.Fprintf(env.Stderr, "killbox: --install: %s: %v%s\n", show.Word(dir), le.Err, explainLinkError(le.Err, symbolic))
			return cli.ExitFailed
		}
		if err != nil {
			fmt.Fprintf(env.Stderr, "killbox: %v\n", err)
			code = cli.ExitFailed
		}
	}
	return code
}

// checkFolder returns an error that says what to do if dir is not a folder.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such folder ('mkdir -p' makes it)", show.Word(dir))
	case errors.Is(err, syscall.ENOTDIR), err == nil && !info.IsDir():
		return fmt.Errorf("%s is not a folder: give the one that is to contain the links", show.Word(dir))
	}
	return show.Error(err)
}

// explainLinkError returns what to do about the error of a link, as a part of a message; "" if there is nothing to say.
func explainLinkError(err error, symbolic bool) string {
	switch {
	case errors.Is(err, syscall.EACCES):
		return " (only a user who may write to it can install there)"
	case !symbolic && (errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)):
		return " (-s makes symbolic links)"
	}
	return ""
}

// installLink makes a link to self, which info describes. It returns an *os.LinkError of link(2) or
// symlink(2) if the folder permits no link.
func installLink(self string, info os.FileInfo, link string, symbolic, force bool) error {
	shown := filepath.Join(show.Word(filepath.Dir(link)), filepath.Base(link))
	if old, err := os.Lstat(link); err == nil {
		if old.IsDir() {
			return fmt.Errorf("%s: is a directory", shown)
		}
		if !force && !isLinkToKillbox(link, info) {
			return fmt.Errorf("%s: exists and is not a link to killbox (--force replaces it)", shown)
		}
	}
	temporary := fmt.Sprintf("%s.%d", link, os.Getpid())
	makeLink := os.Link
	if symbolic {
		makeLink = os.Symlink
	}
	err := makeLink(self, temporary)
	if err != nil {
		return err
	}
	// If both names are hard links to the same file, rename(2) does nothing and keeps both. So the temporary name is
	// removed in any case.
	err = os.Rename(temporary, link)
	if removeErr := os.Remove(temporary); err == nil && removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
		err = removeErr
	}
	return show.Error(err)
}

// isLinkToKillbox reports whether a file is a link to this program, or a symbolic link to any file named killbox. An
// earlier --install may have made the latter for a binary in another place.
func isLinkToKillbox(link string, info os.FileInfo) bool {
	if old, err := os.Stat(link); err == nil && os.SameFile(old, info) {
		return true
	}
	to, err := os.Readlink(link)
	return err == nil && filepath.Base(to) == "killbox"
}

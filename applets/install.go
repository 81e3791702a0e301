package applets

import (
	"errors"
	"fmt"
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
	code := cli.ExitGone
	for _, a := range All() {
		if err := installLink(self, info, filepath.Join(dir, a.Name), symbolic, force); err != nil {
			fmt.Fprintf(env.Stderr, "killbox: %v\n", err)
			code = cli.ExitFailed
		}
	}
	return code
}

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
		var le *os.LinkError
		if errors.As(err, &le) {
			err = le.Err
		}
		if errors.Is(err, syscall.EXDEV) {
			return fmt.Errorf("%s: %w (-s makes symbolic links)", shown, err)
		}
		return fmt.Errorf("%s: %w", shown, err)
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

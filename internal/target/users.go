package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"

	"killbox/internal/file"
	"killbox/internal/show"
)

// LookupError means that /etc/passwd or /etc/group could not be read. So it is unknown whether the name exists.
type LookupError struct {
	Name string
	Err  error
}

func (e *LookupError) Error() string {
	return fmt.Sprintf("cannot look up %s: %v", show.Quoted(e.Name), show.Error(e.Err))
}
func (e *LookupError) Unwrap() error { return e.Err }

// UserID returns the UID of the user with the name in /etc/passwd. A *LookupError means that the file could not be
// read, any other error that there is no such user.
func UserID(name string) (int, error) {
	return lookUp("user", name, func() (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

// GroupID returns the GID of the group with the name in /etc/group. A *LookupError means that the file could not be
// read, any other error that there is no such group.
func GroupID(name string) (int, error) {
	return lookUp("group", name, func() (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

// lookUp calls find, which returns a UID or GID as text, and parses the result. what is "user" or "group".
func lookUp(what, name string, find func() (string, error)) (int, error) {
	text, err := "", file.CanOpen()
	if err == nil {
		text, err = find()
	}
	var (
		noUser  user.UnknownUserError
		noGroup user.UnknownGroupError
	)
	if err != nil && !errors.As(err, &noUser) && !errors.As(err, &noGroup) && !errors.Is(err, fs.ErrNotExist) {
		return 0, &LookupError{name, err}
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("unknown %s %s", what, show.Quoted(name))
	}
	return int(id), nil
}

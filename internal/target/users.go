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

// LookupError means that the file of users or groups could not be read. The name may be good.
type LookupError struct {
	Name string
	Err  error
}

func (e *LookupError) Error() string {
	return fmt.Sprintf("cannot look up %s: %v", show.Quoted(e.Name), e.Err)
}
func (e *LookupError) Unwrap() error { return e.Err }

// UserID returns the number of the user of that name in /etc/passwd. The error is a *LookupError unless there is no
// such user.
func UserID(name string) (int, error) {
	return lookUp("user", name, func() (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

// GroupID returns the number of the group of that name in /etc/group, as UserID that of a user.
func GroupID(name string) (int, error) {
	return lookUp("group", name, func() (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

// lookUp returns the number that find finds as text.
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

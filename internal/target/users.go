package target

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"

	"killbox/internal/file"
	"killbox/internal/show"
)

// NameService looks up users and groups that are not in /etc/passwd and /etc/group. It returns the entry of the name in
// the database "passwd" or "group", in the format of passwd(5) or group(5), and "" if there is none.
type NameService func(database, name string) (entry string, err error)

// LookupError means that a source of names could not be read. So it is unknown whether the name exists.
type LookupError struct {
	Name string
	Err  error
}

func (e *LookupError) Error() string {
	return fmt.Sprintf("cannot look up %s: %v", show.Quoted(e.Name), show.Error(e.Err))
}
func (e *LookupError) Unwrap() error { return e.Err }

// UserID returns the UID of the user with the name in /etc/passwd, or else in service. A *LookupError means that the
// name could not be looked up, any other error that there is no such user.
func UserID(service NameService, name string) (int, error) {
	return lookUp(service, "user", "passwd", name, func() (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

// GroupID returns the GID of the group with the name in /etc/group, or else in service. A *LookupError means that the
// name could not be looked up, any other error that there is no such group.
func GroupID(service NameService, name string) (int, error) {
	return lookUp(service, "group", "group", name, func() (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

// lookUp calls find, which returns a UID or GID as text, or else looks up the name in the database, and parses the
// result. what is "user" or "group".
func lookUp(service NameService, what, database, name string, find func() (string, error)) (int, error) {
	text, err := "", file.CanOpen()
	if err == nil {
		text, err = find()
	}
	var (
		noUser  user.UnknownUserError
		noGroup user.UnknownGroupError
	)
	if errors.As(err, &noUser) || errors.As(err, &noGroup) || errors.Is(err, fs.ErrNotExist) {
		text, err = serviceID(service, database, name)
	}
	if err != nil {
		return 0, &LookupError{name, err}
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("unknown %s %s", what, show.Quoted(name))
	}
	return int(id), nil
}

// serviceID returns the UID or GID in the entry of the name, and "" if there is none.
func serviceID(service NameService, database, name string) (string, error) {
	entry, err := service(database, name)
	if fields := strings.Split(entry, ":"); err == nil && len(fields) > 2 {
		return fields[2], nil
	}
	return "", err
}

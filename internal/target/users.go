package target

import (
	"fmt"
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
	return lookUp(service, "user", file.Users, "passwd", name)
}

// GroupID returns the GID of the group with the name in /etc/group, or else in service. A *LookupError means that the
// name could not be looked up, any other error that there is no such group.
func GroupID(service NameService, name string) (int, error) {
	return lookUp(service, "group", file.Groups, "group", name)
}

// lookUp returns the ID of the name in the file at path, or else in the database of service. what is "user" or "group".
func lookUp(service NameService, what, path, database, name string) (int, error) {
	entry, err := file.Entry(path, file.Name, name)
	if err == nil && entry == nil {
		entry, err = askService(service, database, name)
	}
	if err != nil {
		return 0, &LookupError{name, err}
	}
	if entry != nil {
		if id, err := strconv.ParseUint(entry[file.ID], 10, 32); err == nil {
			return int(id), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %s", what, show.Quoted(name))
}

// askService returns the fields of the entry of the name, nil if there is none. A getent(1) that is a script may take the
// name for a regular expression, so the entry must have this name. Services of a domain write it in several ways, such as
// alice@example.com and EXAMPLE\alice, and ignore case.
func askService(service NameService, database, name string) ([]string, error) {
	const domain = `@\`
	line, err := service(database, name)
	fields := strings.Split(line, ":")
	if err != nil || len(fields) <= file.ID {
		return nil, err
	}
	if got := fields[file.Name]; !strings.EqualFold(got, name) && !strings.ContainsAny(got+name, domain) {
		return nil, nil
	}
	return fields, nil
}

package dropin

import (
	"errors"
	"slices"
	"strings"

	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/internal/target"
)

// splitList splits a list at commas, and drops empty members: if one variable of "$a,$b" is empty, the list must not
// include the number 0.
func splitList(s string) ([]string, error) {
	if s == "" {
		return nil, &usageError{}
	}
	list := slices.DeleteFunc(strings.Split(s, ","), func(word string) bool { return word == "" })
	if len(list) == 0 {
		return nil, &usageError{text: "invalid empty list", usage: true}
	}
	return list, nil
}

func plainNumber(s string) (int64, error) {
	n, ok := parseLoose(s)
	if !ok {
		return 0, badValue("not a number: %s", show.Word(s))
	}
	return n, nil
}

// userNumber reads a UID, or the name of a user.
func (o *pgrepOptions) userNumber(s string) (int64, error) {
	n, ok := parseLoose(s)
	if ok {
		return n, nil
	}
	id, err := target.UserID(o.env.NameService, s)
	if err != nil {
		return 0, unknownName("invalid user name: ", s, err)
	}
	return int64(id), nil
}

// groupNumber reads a GID, or the name of a group.
func (o *pgrepOptions) groupNumber(s string) (int64, error) {
	n, ok := parseLoose(s)
	if ok {
		return n, nil
	}
	id, err := target.GroupID(o.env.NameService, s)
	if err != nil {
		return 0, unknownName("invalid group name: ", s, err)
	}
	return int64(id), nil
}

// unknownName returns the error for the name of a user or group that does not exist or could not be looked up.
func unknownName(text, name string, err error) error {
	if lookup := new(target.LookupError); errors.As(err, &lookup) {
		return &usageError{text: err.Error(), code: cli.ExitFailed}
	}
	return badValue("%s%s", text, show.Word(name))
}

// ownGroup reads a process group; 0 is that of this process.
func (o *pgrepOptions) ownGroup(s string) (int64, error) {
	n, ok := parseLoose(s)
	if !ok {
		return 0, badValue("invalid process group: %s", show.Word(s))
	}
	if n == 0 && o.env.Proc != nil {
		st, err := o.env.Proc.Stat(o.env.PID)
		if err != nil {
			return 0, err
		}
		n = int64(st.PGID)
	}
	return n, nil
}

// ownSession reads a session; 0 is that of this process.
func (o *pgrepOptions) ownSession(s string) (int64, error) {
	n, ok := parseLoose(s)
	if !ok {
		return 0, badValue("invalid session id: %s", show.Word(s))
	}
	if n == 0 && o.env.Proc != nil {
		st, err := o.env.Proc.Stat(o.env.PID)
		if err != nil {
			return 0, err
		}
		n = int64(st.SID)
	}
	return n, nil
}

func (o *pgrepOptions) setQueue(s string) error {
	n, err := plainNumber(s)
	if err == nil && n != int64(int32(n)) {
		err = badValue("not a number: %s", show.Word(s))
	}
	value := int32(n)
	o.queue = &value
	return err
}

func (o *pgrepOptions) setKinds(s string) error {
	var err error
	if o.nsKinds, err = splitList(s); err != nil {
		return err
	}
	for _, kind := range o.nsKinds {
		if !slices.Contains(namespaceKinds(), kind) {
			return badValue("invalid namespace: %s", show.Word(kind))
		}
	}
	return nil
}

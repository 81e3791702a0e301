package file

import (
	"errors"
	"io"
	"io/fs"
	"strings"
)

// The files of users and groups, for Entry.
const (
	Users  = "/etc/passwd"
	Groups = "/etc/group"
)

// The fields that both files have (passwd(5), group(5)).
const (
	Name = 0
	ID   = 2
)

// Entry returns the fields of the first line of the file in which field i, Name or ID, is value. It returns nil if there
// is no such line or no file. Package os/user is no replacement: for the name in $USER it returns the caller, whatever
// /etc/passwd says.
func Entry(path string, i int, value string) ([]string, error) {
	f, err := Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if fields := strings.Split(line, ":"); len(fields) > ID && fields[i] == value {
			return fields, nil
		}
	}
	return nil, nil
}

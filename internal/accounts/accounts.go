// Package accounts finds users and groups in /etc/passwd and /etc/group.
package accounts

import (
	"io"
	"strconv"
	"strings"

	"killbox/internal/file"
)

const (
	passwd = "/etc/passwd"
	group  = "/etc/group"
)

// The columns of both files.
const (
	nameColumn = 0
	idColumn   = 2
)

// UserID returns the number of a user.
func UserID(name string) (id int, ok bool) { return number(passwd, 7, name) }

// GroupID returns the number of a group.
func GroupID(name string) (id int, ok bool) { return number(group, 4, name) }

// UserName returns the name of a user.
func UserName(id int) (name string, ok bool) {
	entry := find(passwd, 7, idColumn, strconv.Itoa(id))
	if entry == nil {
		return "", false
	}
	return entry[nameColumn], true
}

func number(path string, columns int, name string) (id int, ok bool) {
	entry := find(path, columns, nameColumn, name)
	if entry == nil {
		return 0, false
	}
	n, _ := strconv.ParseUint(entry[idColumn], 10, 32)
	return int(n), true
}

// find returns the first entry with that value. As the C library does, it
// passes over comments and blanks before an entry, entries that are not whole
// and those of NIS, which begin with a sign.
func find(path string, columns, column int, value string) []string {
	f, err := file.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		entry := strings.Split(strings.TrimSpace(line), ":")
		if len(entry) < columns || entry[column] != value || entry[0] == "" || strings.Contains("#+-", entry[0][:1]) {
			continue
		}
		if _, err := strconv.ParseUint(entry[idColumn], 10, 32); err == nil {
			return entry
		}
	}
	return nil
}

package procfs

import "strings"

// AllUsers reports whether every user of the system has a number of its own in
// our user namespace (user_namespaces(7)). Where that is not so, or not known,
// 65534 may stand for any of several users.
func (fs *FS) AllUsers() bool {
	b, err := fs.read("self/uid_map", false, unlimited)
	if vanished(err) {
		return true // a kernel without user namespaces
	}
	words := strings.Fields(string(b))
	return err == nil && len(words) == 3 && words[0] == "0" && words[2] == "4294967295"
}

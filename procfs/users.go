package procfs

import "strings"

// MapsAllUsers reports whether every user of the system has a number of its own in the
// user namespace of this process (user_namespaces(7)). It is false if that is not
// known. Then 65534 may stand for several users.
func (fs *FS) MapsAllUsers() bool {
	b, err := fs.read("self/uid_map", false, unlimited)
	if vanished(err) {
		return true // a kernel without user namespaces
	}
	words := strings.Fields(string(b))
	return err == nil && len(words) == 3 && words[0] == "0" && words[2] == "4294967295"
}

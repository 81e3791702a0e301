package procfs

import "strings"

// MapsAllUsers reports whether the user namespace of the caller maps every user ID of the system (user_namespaces(7)).
// It is false if this is not known. If it is false, the user ID 65534 may stand for several users.
func (fs *FS) MapsAllUsers() bool {
	b, err := fs.read("self/uid_map", false, unlimited)
	if vanished(err) {
		return true // a kernel without user namespaces
	}
	words := strings.Fields(string(b))
	return err == nil && len(words) == 3 && words[0] == "0" && words[2] == "4294967295"
}

package kernel

import (
	"slices"
	"strconv"
	"strings"
)

// passServicePID prepares an environment for a child. A variable by which a service manager names this process is to name
// the child (sd_listen_fds(3), sd_watchdog_enabled(3)): the value of LISTEN_PID and WATCHDOG_PID is cut off, and ownPID
// holds the indices of these entries. LISTEN_PIDFDID, which names the process by its pidfd inode as well, is dropped:
// without it LISTEN_PID alone counts.
func passServicePID(env []string, pid int) (named []string, ownPID []int) {
	self := strconv.Itoa(pid)
	names := func(entry, name string) bool { return entry == name+"="+self }
	listens := slices.ContainsFunc(env, func(entry string) bool { return names(entry, "LISTEN_PID") })
	for _, entry := range env {
		switch {
		case listens && strings.HasPrefix(entry, "LISTEN_PIDFDID="):
			continue
		case names(entry, "LISTEN_PID"), names(entry, "WATCHDOG_PID"):
			ownPID = append(ownPID, len(named))
			entry = strings.TrimSuffix(entry, self)
		}
		named = append(named, entry)
	}
	return named, ownPID
}

package kernel

import (
	"slices"
	"strconv"
	"strings"
)

// passServicePID returns the environment for a child. pid is the PID of this process. If LISTEN_PID or WATCHDOG_PID
// contains pid, a service manager has passed sockets or a watchdog to this process, and the variable must contain the
// PID of the child instead (sd_listen_fds(3), sd_watchdog_enabled(3)). passServicePID removes the value of such a
// variable. The child appends its PID to these entries, whose indices are in ownPID. With LISTEN_PID, passServicePID
// also removes LISTEN_PIDFDID, which contains the pidfd inode of this process; without this variable, LISTEN_PID alone
// counts.
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

package victims

import (
	"fmt"
	"os"
	"time"

	"killbox/procfs"
)

// Scans is `scans N SID`: it scans the process table until N scans were complete (procfs.Snapshot.Complete), or for
// half a minute. It fails if a complete scan shows no living process in the session besides its leader. It prints the
// number of complete scans, and the number of those during which a PID was allocated.
func Scans() {
	n, sid := number(os.Args[1:], 0), number(os.Args[1:], 1)
	proc, err := procfs.Open("/proc")
	must("proc", err)
	var s procfs.Snapshot
	complete, busy := 0, 0
	for began := time.Now(); complete < n && time.Since(began) < 30*time.Second; {
		must("scan", proc.Snapshot(&s))
		if !s.Complete() {
			continue
		}
		if complete++; !s.NoPIDAllocated() {
			busy++
		}
		if !showsOther(&s, sid) {
			die(1, "scans: complete scan %d, of PIDs %d to %d, shows no process of the session", complete, s.FirstPID, s.LastPID)
		}
	}
	fmt.Println("complete:", complete, "while PIDs were allocated:", busy)
}

func showsOther(s *procfs.Snapshot, sid int) bool {
	for i := range s.Procs {
		if p := &s.Procs[i]; p.SID == sid && p.PID != sid && !p.Gone() {
			return true
		}
	}
	return false
}

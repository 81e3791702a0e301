package cli

import "slices"

// The exit statuses of tkill, pgkill, killwait and freezekill. reapwait exits with the status of its command.
const (
	ExitGone     = 0   // every target is gone
	ExitMissing  = 1   // a given target does not exist, or nothing matched
	ExitUsage    = 2   // usage error; nothing was signalled
	ExitFailed   = 3   // a target could not be signalled, or the call failed
	ExitUnproved = 4   // it could not be proved that no process escaped
	ExitRungs    = 5   // with --strict: the first step was not enough
	ExitSurvivor = 124 // a target survived, or the limit of --timeout was reached
	ExitUnknown  = 127 // the exit status of a process cannot be known, or a name is not that of an applet
)

// Worst returns the most serious of several exit statuses, or ExitGone if there is none.
func Worst(codes ...int) int {
	for _, code := range []int{ExitUsage, ExitSurvivor, ExitFailed, ExitUnproved, ExitMissing, ExitRungs} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return ExitGone
}

// The exit statuses in --help: of tkill, pgkill, killwait and freezekill, and the further one of an applet with
// --prove.
const (
	StatusHelp = "  0\tall targets are gone\n" +
		"  1\ta target does not exist, or nothing matches\n" +
		"  2\tusage error; nothing was signalled\n" +
		"  3\ta target could not be signalled, or the call failed\n"
	UnprovedHelp   = "  4\tit could not be proved that no process escaped\n"
	UnfinishedHelp = "  5\twith --strict, the first step was not enough\n" +
		"  124\ta target remains, or the limit of --timeout was reached\n"
)

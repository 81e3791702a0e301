package cli

import "slices"

// The exit statuses of every applet, reapwait apart.
const (
	ExitGone     = 0   // every target is gone
	ExitMissing  = 1   // a named target does not exist, or nothing matched
	ExitUsage    = 2   // nothing has been signalled
	ExitFailed   = 3   // something could not be signalled
	ExitUnproved = 4   // it could not be proved that nothing escaped
	ExitRungs    = 5   // with --strict: a rung after the first was needed
	ExitSurvivor = 124 // survivors, or the limit of --timeout was reached
	ExitUnknown  = 127 // an exit status that cannot be known; not an applet
)

// Worst returns the one that is reported where several apply.
func Worst(codes ...int) int {
	for _, code := range []int{ExitUsage, ExitSurvivor, ExitFailed, ExitUnproved, ExitMissing, ExitRungs} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return ExitGone
}

package applets

import "slices"

// The exit statuses of every applet, reapwait apart.
const (
	exitGone     = 0   // every target is gone
	exitMissing  = 1   // a named target does not exist, or nothing matched
	exitUsage    = 2   // nothing has been signalled
	exitFailed   = 3   // something could not be signalled
	exitUnproved = 4   // it could not be proved that nothing escaped
	exitRungs    = 5   // with --strict: a rung after the first was needed
	exitSurvivor = 124 // survivors, or the limit of --timeout was reached
	exitUnknown  = 127 // an exit status that cannot be known; not an applet
)

// worst returns the one that is reported where several apply.
func worst(codes ...int) int {
	for _, code := range []int{exitUsage, exitSurvivor, exitFailed, exitUnproved, exitMissing, exitRungs} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return exitGone
}

package report

import (
	"killbox/internal/signals"
	"killbox/procfs"
)

// Disposition returns what sig would do to the process: "default", "caught", "ignored" or "blocked". A signal that is
// ignored and blocked is "ignored", one that is caught and blocked is "blocked".
func Disposition(s *procfs.Status, sig signals.Signal) string {
	n := int(sig)
	switch {
	case sig == signals.KILL || sig == signals.STOP:
		return "default"
	case s.Ignored.Has(n):
		return "ignored"
	case s.Blocked.Has(n):
		return "blocked"
	case s.Caught.Has(n):
		return "caught"
	}
	return "default"
}

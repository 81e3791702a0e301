package escalate

import "time"

// finding is what one scan of a sweep shows.
type finding int

const (
	inconclusive finding = iota // a further scan may show more
	newcomers                   // processes to be ended
	nothing                     // nothing that could be signalled, and that is proved
)

// sweeper is a scope that is scanned for newcomers.
type sweeper interface {
	// scanAgain scans the scope.
	scanAgain() (finding, error)
	// doubt returns why the last scan does not prove that there are no newcomers.
	doubt() string
}

// sweepUntilProved scans until there are newcomers, until it is proved that there are none, or until the time for the
// proof is over. It reports whether there are newcomers.
func sweepUntilProved(acc *account, s sweeper) (more bool, err error) {
	began := time.Now()
	pause := 50 * time.Microsecond
	for {
		if err := acc.interrupted(); err != nil {
			return false, err
		}
		switch found, err := s.scanAgain(); {
		case err != nil || found == nothing:
			return false, err
		case found == newcomers:
			return true, nil
		}
		if limited := acc.remainingTime() <= 0; limited || acc.isProofOverdue(began) {
			acc.setLimitReached(limited)
			acc.setUnproved(s.doubt())
			return false, nil
		}
		acc.pause(pause)
		pause = min(2*pause, 5*time.Millisecond)
	}
}

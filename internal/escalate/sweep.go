package escalate

import "time"

// finding is the result of one scan of a sweep.
type finding int

const (
	inconclusive finding = iota // no newcomer, but one may have evaded the scan
	newcomers                   // at least one newcomer
	nothing                     // it is proved that there is no newcomer that could be signalled
)

// sweeper scans a scope for newcomers.
type sweeper interface {
	// scanAgain scans the scope once.
	scanAgain() (finding, error)
	// doubt returns why a newcomer may have evaded the last scan.
	doubt() string
}

// sweepUntilProved repeats the scan until it finds newcomers, until it is proved that there are none, or until the time
// for the proof is over. more reports whether there are newcomers.
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

package kernel

import (
	"math"
	"testing"
	"time"
)

func TestPollTimeout(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]int{
		0:                                      0,
		1:                                      1,
		time.Millisecond:                       1,
		time.Millisecond + 1:                   2,
		24 * day:                               24 * 86400 * 1000,
		math.MaxInt32 * time.Millisecond:       math.MaxInt32,
		math.MaxInt32*time.Millisecond + 1:     math.MaxInt32,
		(math.MaxInt32 + 1) * time.Millisecond: math.MaxInt32, // its lower 32 bits are negative
		(1 << 32) * time.Millisecond:           math.MaxInt32, // its lower 32 bits are 0
		math.MaxInt64:                          math.MaxInt32,
	} {
		if got := pollTimeout(d); got != want {
			t.Errorf("pollTimeout(%d) = %d, want %d", d, got, want)
		}
	}
}

package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the clock tick, the unit of times in /proc: a second divided by USER_HZ. USER_HZ is 100 on every Linux port
// of Go, whatever the HZ of the kernel is. (It was 1024 on Alpha and Itanium.)
const tick = time.Second / 100

var errUptime = errors.New("malformed uptime")

// ParseUptime returns the first field of /proc/uptime (proc_uptime(5)): the time since boot, including suspend, with
// a resolution of 10 ms.
func ParseUptime(b []byte) (time.Duration, error) {
	f := fields{rest: b}
	whole, fraction, ok := bytes.Cut(f.next(), []byte("."))
	seconds, okS := parseUint(whole)
	hundredths, okH := parseUint(fraction)
	if !ok || !okS || !okH || len(fraction) != 2 || seconds >= uint64(math.MaxInt64/time.Second) {
		return 0, fmt.Errorf("%w: %q", errUptime, b)
	}
	return time.Duration(seconds)*time.Second + time.Duration(hundredths)*tick, nil
}

// Uptime returns the time since boot, including suspend, with a resolution of 10 ms. Changes of the clock do not affect
// it. If /proc/uptime does not exist (subset=pid), or if lxcfs is mounted over it and shows the age of the container,
// Uptime returns CLOCK_BOOTTIME, on which start times are based as well.
func (fs *FS) Uptime() (time.Duration, error) {
	b, err := fs.readSystem("uptime")
	if err == nil {
		return ParseUptime(b)
	}
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0, err
	}
	return time.Duration(ts.Nano()).Truncate(tick), nil
}

// Now returns the time since boot in clock ticks (10 ms), as Stat.Start; 0 if it is not known.
func Now() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return uint64(time.Duration(ts.Nano()) / tick)
}

// Age returns the time since the start of a process, with a resolution of 10 ms.
func (fs *FS) Age(s Stat) (time.Duration, error) {
	up, err := fs.Uptime()
	if err != nil {
		return 0, err
	}
	// The difference is computed in ticks, because a malformed start time could overflow a Duration.
	now := uint64(up / tick)
	return time.Duration(now-min(s.Start, now)) * tick, nil
}

// Ticks converts a number of clock ticks, such as Stat.Start, to a Duration. If the number is too large, the result is
// the largest Duration in whole ticks.
func Ticks(n uint64) time.Duration {
	return time.Duration(min(n, uint64(math.MaxInt64/tick))) * tick
}

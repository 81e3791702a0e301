package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc: a second divided by USER_HZ, which is 100
// on every Linux port of Go. (Alpha and Itanium had 1024; the kernel's own HZ
// does not show.)
const tick = time.Second / 100

var errUptime = errors.New("malformed uptime")

// ParseUptime returns the first field of /proc/uptime (proc_uptime(5)): the time
// since boot, time asleep included, in hundredths of a second.
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

// Uptime returns the time since boot. It runs on through suspend and is not
// touched by clock changes. Where /proc has no such file (mounted with
// subset=pid), or a file server's that shows the container's age instead (lxcfs),
// it is CLOCK_BOOTTIME, which start times are counted by as well.
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

// bootTick returns the present clock tick after boot, as in Stat.Start; 0 if the kernel does not tell.
func bootTick() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return uint64(time.Duration(ts.Nano()) / tick)
}

// Age returns how long ago a process was started, to a hundredth of a second.
func (fs *FS) Age(s Stat) (time.Duration, error) {
	up, err := fs.Uptime()
	if err != nil {
		return 0, err
	}
	// In ticks: a nonsensical start would overflow a Duration.
	now := uint64(up / tick)
	return time.Duration(now-min(s.Start, now)) * tick, nil
}

// Ticks returns the duration of a time in clock ticks, such as Stat.Start: at
// most the longest that there is.
func Ticks(n uint64) time.Duration {
	return time.Duration(min(n, uint64(math.MaxInt64/tick))) * tick
}

package applets

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"killbox/internal/child"
	"killbox/internal/cli"
	"killbox/internal/show"

	"github.com/spf13/pflag"
)

// leakOptions are the options for the processes that the command leaves behind.
type leakOptions struct {
	leaks  leaksValue
	settle cli.Duration
}

// defaultSettle is long enough for a process that ends when the command has exited, such as a tee that reads its
// output, and too short to be noticed by a caller.
const defaultSettle = 200 * time.Millisecond

func (o *leakOptions) addTo(flags *pflag.FlagSet) {
	o.leaks.set("end", 0)
	o.settle.Value = defaultSettle
	flags.Var(&o.leaks, "leaks", "end what COMMAND leaves behind, silently; report it; or exit with N, too: `end|warn|fail[=N]`")
	flags.Var(&o.settle, "settle", "before that, wait up to DUR for the processes to end by themselves")
}

// supervision returns the options of the supervisor.
func (o *leakOptions) supervision() child.LeakOptions {
	return child.LeakOptions{Settle: o.settle.Value, ReportLeaks: o.leaks.mode != "end", LeakStatus: o.leaks.status}
}

// leaksValue is the value of --leaks: end, warn or fail[=N].
type leaksValue struct {
	mode   string
	status int // N of fail; 0 for the other modes
}

// defaultLeakStatus is the N of --leaks=fail.
const defaultLeakStatus = 99

func (v *leaksValue) set(mode string, status int) { v.mode, v.status = mode, status }

// String implements pflag.Value.
func (v *leaksValue) String() string {
	if v.status != 0 {
		return fmt.Sprintf("%s=%d", v.mode, v.status)
	}
	return v.mode
}

// Type implements pflag.Value.
func (v *leaksValue) Type() string { return "end|warn|fail[=N]" }

// Set implements pflag.Value.
func (v *leaksValue) Set(s string) error {
	mode, number, isNumbered := strings.Cut(s, "=")
	switch {
	case isNumbered && mode == "fail":
		n, err := strconv.ParseUint(number, 10, 8)
		if err != nil || n == 0 {
			return fmt.Errorf("%s is no exit status from 1 to 255", show.Quoted(number))
		}
		v.set(mode, int(n))
	case s == "fail":
		v.set(s, defaultLeakStatus)
	case s == "end" || s == "warn":
		v.set(s, 0)
	default:
		return errors.New(show.Quoted(s) + " is not end, warn, fail or fail=N")
	}
	return nil
}

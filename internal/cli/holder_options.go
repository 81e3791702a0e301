package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"

	"killbox/internal/show"
	"killbox/internal/target"
	"killbox/procfs"

	"github.com/spf13/pflag"
)

// holderOptions are the selectors of the processes that hold a port, a file or a mount.
type holderOptions struct{ port, open, mount onceOption }

// onceOption is the value of an option that can be given only once. With a second value, the call would return before the
// object of the first one is free.
type onceOption string

// String implements pflag.Value.
func (v *onceOption) String() string { return string(*v) }

// Type implements pflag.Value.
func (v *onceOption) Type() string { return "string" }

// Set implements pflag.Value.
func (v *onceOption) Set(s string) error {
	if *v != "" && string(*v) != s {
		return errors.New("only one value can be given, and " + show.Quoted(string(*v)) + " was given before")
	}
	*v = onceOption(s)
	return nil
}

func (o *holderOptions) addTo(flags *pflag.FlagSet) {
	flags.Var(&o.port, "port", "select what listens on `[tcp:|udp:]PORT`; return when the port is free")
	flags.Var(&o.open, "open", "select what has `FILE` open or mapped; return when nothing has")
	flags.Var(&o.mount, "mount", "select what uses the mount at `DIR`; return when nothing does")
}

// holders returns the condition that the options define, nil if none is given.
func (o *holderOptions) holders(env *Env, flags *pflag.FlagSet) (h *target.Holders, usage, failure error) {
	for _, option := range []struct {
		name  string
		value onceOption
		set   func(h *target.Holders) (usage, failure error)
	}{
		{"port", o.port, func(h *target.Holders) (error, error) {
			udp, number, err := parsePort(string(o.port))
			if err != nil {
				return err, nil
			}
			return nil, h.SetPort(env.Proc, udp, number)
		}},
		{"open", o.open, func(h *target.Holders) (error, error) { return badPath(string(o.open), h.SetOpen(string(o.open))) }},
		{"mount", o.mount, func(h *target.Holders) (error, error) {
			return badPath(string(o.mount), h.SetMount(env.Proc, string(o.mount)))
		}},
	} {
		if !flags.Changed(option.name) {
			continue
		}
		if option.value == "" {
			return nil, fmt.Errorf("--%s: empty value", option.name), nil
		}
		if env.Proc == nil {
			return nil, nil, env.ProcErr
		}
		if h == nil {
			h = target.NewHolders()
		}
		if usage, failure = option.set(h); usage != nil {
			return nil, fmt.Errorf("--%s: %w", option.name, usage), nil
		}
		if failure != nil {
			return nil, nil, fmt.Errorf("--%s: %w", option.name, failure)
		}
	}
	return h, nil, nil
}

// badPath returns the error of an option whose value is a path: a usage error, unless the file cannot be examined.
func badPath(path string, err error) (usage, failure error) {
	if err == nil {
		return nil, nil
	}
	format := "%s %w" // of an error that procfs.FindFile or procfs.FindMount has made
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		format, err = "%s: %w", errno
	}
	err = fmt.Errorf(format, show.Quoted(path), err)
	if errors.Is(err, fs.ErrPermission) || procfs.Exhausted(err) {
		return nil, err
	}
	return err, nil
}

// parsePort parses the value of --port.
func parsePort(text string) (udp bool, number int, err error) {
	protocol, digits, ok := strings.Cut(text, ":")
	if !ok {
		protocol, digits = "tcp", text
	}
	if protocol != "tcp" && protocol != "udp" {
		return false, 0, fmt.Errorf("%s: the protocol is tcp or udp", show.Quoted(text))
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && (n < 1 || n > 65535):
		return false, 0, fmt.Errorf("%s: a port is a number from 1 to 65535", show.Quoted(text))
	case err != nil:
		return false, 0, fmt.Errorf("%s: want the number of a port, such as 8080 or udp:53", show.Quoted(text))
	}
	return protocol == "udp", int(n), nil
}

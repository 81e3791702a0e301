package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"killbox/internal/show"
	"killbox/internal/target"

	"github.com/spf13/pflag"
)

// holderOptions are the selectors of the processes that hold a port, a file or a mount.
type holderOptions struct{ port, open, mount string }

func (o *holderOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.port, "port", "", "select what listens on `[tcp:|udp:]PORT`; return when the port is free")
	flags.StringVar(&o.open, "open", "", "select what has `FILE` open or mapped; return when nothing has")
	flags.StringVar(&o.mount, "mount", "", "select what uses the mount at `DIR`; return when nothing does")
}

// setHolders sets s.Holders to the condition that the options define, or s.Missing. It returns two kinds of errors, as
// TargetOptions.request.
func (o *holderOptions) setHolders(env *Env, flags *pflag.FlagSet, s *target.Selector) (usage, failure error) {
	var h *target.Holders
	for _, option := range []struct {
		name  string
		value string
		set   func(h *target.Holders) (usage, failure error)
	}{
		{"port", o.port, func(h *target.Holders) (error, error) {
			udp, number, err := parsePort(o.port)
			if err != nil {
				return err, nil
			}
			return nil, h.SetPort(env.Proc, udp, number)
		}},
		{"open", o.open, func(h *target.Holders) (error, error) { return splitPathError(h.SetOpen(o.open)) }},
		{"mount", o.mount, func(h *target.Holders) (error, error) {
			return splitPathError(h.SetMount(env.Proc, o.mount))
		}},
	} {
		if !flags.Changed(option.name) {
			continue
		}
		if option.value == "" {
			return fmt.Errorf("--%s: empty value", option.name), nil
		}
		if env.Proc == nil {
			return nil, env.ProcErr
		}
		if h == nil {
			h = target.NewHolders()
		}
		if usage, failure = option.set(h); failure != nil {
			return nil, fmt.Errorf("--%s: %w", option.name, failure)
		}
		if usage = s.CheckFile(option.name, usage); usage != nil {
			return usage, nil
		}
	}
	if s.Missing == nil {
		s.Holders = h
	}
	return nil, nil
}

// splitPathError returns err as failure if it says that a file cannot be examined, and otherwise as usage.
func splitPathError(err error) (usage, failure error) {
	if errors.As(err, new(*target.PathError)) {
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

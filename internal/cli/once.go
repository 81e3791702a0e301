package cli

import (
	"errors"

	"killbox/internal/show"

	"github.com/spf13/pflag"
)

// onceValue is the value of an option that can be given only once, or again with the same text. With two values, a
// process that only one of them selects would be ended, or would remain, against the wish of the user.
type onceValue struct {
	pflag.Value
	given []string
}

// Set implements pflag.Value.
func (v *onceValue) Set(s string) error {
	if len(v.given) > 0 && v.given[0] != s {
		return errors.New("only one value can be given, and " + show.Quoted(v.given[0]) + " was given before")
	}
	v.given = []string{s}
	return v.Value.Set(s)
}

// Once makes an option accept one value only.
func Once(f *pflag.Flag) { f.Value = &onceValue{Value: f.Value} }

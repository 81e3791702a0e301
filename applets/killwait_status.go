package applets

import (
	"errors"
	"slices"
	"strings"
)

// statusOption is the value of --status: which of the printed exit statuses becomes that of the call. It is "" if the
// option was not given.
type statusOption string

var statusRules = [...]string{"last", "first", "worst"}

// String implements pflag.Value.
func (v *statusOption) String() string { return string(*v) }

// Type implements pflag.Value.
func (v *statusOption) Type() string { return strings.Join(statusRules[:], "|") }

// Set implements pflag.Value.
func (v *statusOption) Set(s string) error {
	if !slices.Contains(statusRules[:], s) {
		return errors.New("it is not last, first or worst")
	}
	*v = statusOption(s)
	return nil
}

// checkOperands returns an error if an operand was meant as the value of --status.
func (v statusOption) checkOperands(operands []string) error {
	if v == "" {
		return nil
	}
	for _, word := range operands {
		if slices.Contains(statusRules[:], word) {
			return errors.New("the value of --status follows \"=\" (did you mean '--status=" + word + "'?)")
		}
	}
	return nil
}

// choose returns which of the exit statuses becomes that of the call: the last, the first that is not 0, or the
// highest.
func (v statusOption) choose(all []int) int {
	switch i := slices.IndexFunc(all, func(code int) bool { return code != 0 }); {
	case i < 0:
		return 0
	case v == "first":
		return all[i]
	case v == "worst":
		return slices.Max(all)
	}
	return all[len(all)-1]
}

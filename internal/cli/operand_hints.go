package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"killbox/internal/duration"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"

	"github.com/spf13/pflag"
)

// ExplainOperand appends to the error of an operand what the user probably meant.
func ExplainOperand(flags *pflag.FlagSet, err error) error {
	operand := new(target.OperandError)
	if !errors.As(err, &operand) {
		return err
	}
	hint := operandHint(flags, operand.Word)
	if operand.Input {
		hint = "--handles prints them, -n does not"
	}
	if hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

// ExplainMissing appends to the error of a process that does not exist what the user probably meant: the first of
// several operands, with a number that the kernel rarely allocates, may be a time limit. After the first round, PIDs
// begin at 300 (RESERVED_PIDS in kernel/pid.c).
func ExplainMissing(all []target.Operand, missing target.Operand, err error) error {
	if len(all) < 2 || all[0] != missing || missing.Form != target.PID || missing.PID >= 300 {
		return err
	}
	return fmt.Errorf("%w (a time limit is -t %d)", err, missing.PID)
}

// operandHint returns what the user probably meant by a word that is no operand, or "".
func operandHint(flags *pflag.FlagSet, word string) string {
	if d := duration.Guess(word); d != "" && flags.Lookup("timeout") != nil {
		return "did you mean -t " + d + "?"
	}
	if sig, err := signals.Parse(word); err == nil && strings.ToUpper(word) == word {
		return "did you mean -" + sig.String() + "?"
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(word), "0x"), 16, 31); err == nil && len(word) > 2 && word[1]|0x20 == 'x' {
		return "a PID is decimal: " + strconv.FormatUint(n, 10)
	}
	if strings.Trim(word, "0123456789, \t\n") == "" {
		return "each target is a word of its own: " + show.Word(strings.Join(strings.FieldsFunc(word, isSeparator), " "))
	}
	has := func(name string) bool { return flags.Lookup(name) != nil }
	port := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(word, "tcp"), ":"), "/tcp"), "/udp")
	_, isNumber := ParseDecimal(port)
	switch {
	case isNumber && port != word && has("port"):
		return "to select by port: --port " + port
	case strings.HasSuffix(word, ".pid") && has("pidfile"):
		return "to read the PID from a file: --pidfile"
	case strings.Contains(word, "/") && has("exe"):
		return "to select by executable: --exe"
	case has("of"):
		return "killwait and tkill select by name"
	case has("name"):
		return "to select by name: --name"
	}
	return ""
}

func isSeparator(r rune) bool { return r < '0' }

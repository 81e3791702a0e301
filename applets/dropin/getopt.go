package dropin

import (
	"errors"

	"killbox/internal/cli"

	"github.com/spf13/pflag"
)

// getopt reads a command line and returns the operands. With inOrder the first operand ends the options. getopt reads
// no word after --help, --version or --list-signals.
func getopt(flags *pflag.FlagSet, off string, inOrder bool, args []string) (operands []string, err error) {
	operands, err = (&cli.Getopt{Flags: flags, Off: off, InOrder: inOrder, Set: setOption}).Parse(args)
	switch {
	case err == errEnough:
		return operands, nil
	case err != nil:
		return nil, err
	}
	return operands, nil
}

// posixlyCorrect reports whether POSIXLY_CORRECT is set. An empty value counts. With POSIXLY_CORRECT, getopt(3) of
// glibc ends the options at the first operand.
func posixlyCorrect(e *cli.Env) bool {
	_, set := e.LookupEnv("POSIXLY_CORRECT")
	return set
}

// errEnough makes getopt stop reading without an error, after --help, --version or --list-signals.
var errEnough = errors.New("")

// setOption sets an option. It returns errEnough if the option ends the command line.
func setOption(f *pflag.Flag, value string) error {
	err := f.Value.Set(value)
	if err == nil && (f.Name == "help" || f.Name == "version" || f.Name == "list-signals") {
		err = errEnough
	}
	return err
}

// getoptError is an error that getopt_long(3) itself prints. Most tools print their usage after it.
type getoptError = cli.GetoptError

// optionFunc is an option that calls set when it is read, so that the first error of a command line is the one
// reported.
type optionFunc struct {
	set func(string) error
	typ string
}

func (o optionFunc) String() string     { return "" }
func (o optionFunc) Type() string       { return o.typ }
func (o optionFunc) Set(s string) error { return o.set(s) }

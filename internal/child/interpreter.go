package child

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"killbox/internal/show"
)

// CheckInterpreter returns an error if the command is a script whose first line runs this applet without a program that
// reads the script: it would start itself without end. args is the command line of the applet, with argv[0], and ends
// with operands, the command.
func CheckInterpreter(args, operands []string) error {
	script := operands[0]
	if !strings.Contains(script, "/") {
		return nil // the kernel passes the path of the script
	}
	words := interpreter(script)
	if len(words) == 0 || len(operands) > len(args) || path.Base(words[0]) != path.Base(args[0]) {
		return nil
	}
	given := strings.Fields(strings.Join(args[1:len(args)-len(operands)], " "))
	if !slices.Equal(given, words[1:]) {
		return nil
	}
	return errors.New(show.Word(script) + ": its first line runs " + show.Word(words[0]) + ", but no program that reads the script, such as sh")
}

// interpreter returns the words of the first line of a script (execve(2)), without those of env(1), or nil.
func interpreter(script string) []string {
	f, err := os.Open(script)
	if err != nil {
		return nil // execve(2) reports it
	}
	defer f.Close()
	const most = 256 // BINPRM_BUF_SIZE in binfmts.h
	line, _ := bufio.NewReader(io.LimitReader(f, most)).ReadString('\n')
	line, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return nil
	}
	words := strings.Fields(line)
	if len(words) > 0 && path.Base(words[0]) == "env" {
		words = words[1:]
		for len(words) > 0 && (strings.HasPrefix(words[0], "-") || strings.Contains(words[0], "=")) {
			words = words[1:]
		}
	}
	return words
}

package child

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"

	"killbox/internal/file"
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
	if len(words) == 0 || len(operands) >= len(args) || path.Base(words[0]) != path.Base(args[0]) {
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
	if info, err := os.Stat(script); err != nil || !info.Mode().IsRegular() {
		return nil // execve(2) reports it
	}
	f, err := file.Open(script)
	if err != nil {
		return nil // a script that only execve(2) can read
	}
	defer f.Close()
	var begin [256]byte // BINPRM_BUF_SIZE in linux/binfmts.h
	n, _ := f.Read(begin[:])
	line, _, _ := strings.Cut(string(begin[:n]), "\n")
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

package target

import (
	"path"
	"strings"

	"killbox/procfs"
)

// interpreter describes the command lines of interpreters that run a script given as the first operand. An option that
// is not described may take the next word as its value, or a program instead of a script, as -c and -e do. Therefore no
// word after it is taken for a script.
type interpreter struct {
	names    string // separated by blanks, without version numbers
	flags    string // letters of options without a value
	next     string // letters of options whose value is the next word
	values   string // letters of options whose value is the rest of the word, or else the next word
	attached string // letters of options whose value is the rest of the word
	// long are the long options: "NAME" takes no value, or one after "=", "NAME:" one after "=" or in the next word,
	// and "NAME=" one after "=".
	long  string
	shell bool // "+x" is an option, and "-" ends the options; otherwise "-" is standard input
}

// interpreters are those that scripts are commonly written for.
var interpreters = [...]interpreter{
	{names: "sh bash dash ash rbash ksh mksh zsh", flags: "abdefhiklmnprtuvxBCEHP", next: "oO", shell: true,
		long: "login noprofile norc posix restricted verbose noediting rcfile: init-file:"},
	{names: "fish", flags: "ilnNP", values: "Cdo", long: "no-config login interactive private"},
	{names: "python pypy", flags: "bBdEiIOPqRsStuvx3", values: "WXQ"},
	{names: "perl", flags: "acdflnpstuwTUWX0123456789", values: "I", attached: ":iFmM"},
	{names: "ruby", flags: "adlnpsvwUW0123456789", values: "ICEr", attached: ":iFKT",
		long: "jit yjit verbose debug enable= disable= encoding= external-encoding= internal-encoding="},
	{names: "node nodejs", values: "rC",
		long: "inspect inspect-brk no-warnings enable-source-maps trace-warnings trace-deprecation no-deprecation expose-gc watch " +
			"max-old-space-size= require: import: loader: experimental-loader: conditions: env-file= title: unhandled-rejections:"},
	{names: "php", flags: "nq", values: "cdz"},
	{names: "lua luajit", flags: "iEvW", values: "el"},
	{names: "tclsh wish expect"},
}

// findInterpreter returns the interpreter whose program has this path, nil if there is none. "python3.11" is python.
func findInterpreter(program string) *interpreter {
	name := strings.TrimRight(path.Base(program), "0123456789.")
	for i := range interpreters {
		if name != "" && hasWord(interpreters[i].names, name) {
			return &interpreters[i]
		}
	}
	return nil
}

// isMultiCall reports whether the program, such as busybox, contains a shell under another name.
func isMultiCall(program string) bool { return hasWord("busybox toybox", path.Base(program)) }

func hasWord(list, word string) bool { return strings.Contains(" "+list+" ", " "+word+" ") }

// scriptOperand returns the script that an interpreter with these arguments runs, as it is written there; "" if there
// is none, if it is not known, or if argv[0] is not that of a known interpreter.
func scriptOperand(args []string) string {
	if len(args) > 0 && isMultiCall(args[0]) {
		args = args[1:]
	}
	if len(args) < 2 {
		return ""
	}
	in := findInterpreter(args[0])
	if in == nil {
		return ""
	}
	for args = args[1:]; len(args) > 0; {
		word := args[0]
		switch {
		case word == "--" || word == "-" && in.shell:
			if args = args[1:]; len(args) == 0 || hasWord(in.names, "php") {
				return ""
			}
			return args[0]
		case word == "" || word == "-":
			return ""
		case word[0] != '-' && (word[0] != '+' || !in.shell):
			return word
		}
		words := in.optionWords(word)
		if words == 0 || words > len(args) {
			return ""
		}
		args = args[words:]
	}
	return ""
}

// optionWords returns the number of words that the option takes, the next word included if that is its value; 0 if the
// option is not known.
func (in *interpreter) optionWords(word string) int {
	if name, ok := strings.CutPrefix(word, "--"); ok {
		name, _, hasValue := strings.Cut(name, "=")
		switch {
		case strings.ContainsAny(name, " :"):
			return 0
		case hasWord(in.long, name), hasValue && (hasWord(in.long, name+"=") || hasWord(in.long, name+":")):
			return 1
		case hasWord(in.long, name+":"):
			return 2
		}
		return 0
	}
	for i := 1; i < len(word); i++ {
		last := i == len(word)-1
		switch c := word[i : i+1]; {
		case strings.Contains(in.flags, c):
		case strings.Contains(in.attached, c), strings.Contains(in.values, c) && !last:
			return 1
		case (strings.Contains(in.values, c) || strings.Contains(in.next, c)) && last:
			return 2
		default:
			return 0
		}
	}
	return 1
}

// shebangScript returns the argument that is the path of a script whose base name is longer than comm and begins with
// it, "" if there is none. If a program is a script, the kernel starts the interpreter in its first line with the path
// of the interpreter, at most one argument, and the path of the script (execve(2)), and takes comm from the name of the
// script.
func shebangScript(args []string, comm string) string {
	for i := 1; i < len(args) && i < 3 && len(comm) == maxComm; i++ {
		if base := path.Base(args[i]); len(base) > maxComm && base[:maxComm] == comm {
			return args[i]
		}
	}
	return ""
}

// matchScript reports whether the process runs a script whose base name is the name: a file that the process, an
// interpreter, has been given as its first operand, or one that was executed and is too long for comm.
func (s *Selector) matchScript(proc *procfs.FS, st *procfs.Stat, args []string, exe string) (bool, error) {
	script := ""
	// exe is "" if this process may not read it. Then HasFile fails.
	if exe == "" || findInterpreter(exe) != nil || isMultiCall(exe) {
		script = scriptOperand(args)
	}
	if script == "" || path.Base(script) != s.Name {
		script = shebangScript(args, st.Comm)
		if script == "" || path.Base(script) != s.Name || !path.IsAbs(args[0]) {
			return false, nil
		}
		if runs, err := proc.RunsFile(st.PID, args[0]); !runs {
			return false, err
		}
	}
	return proc.HasFile(st.PID, script)
}

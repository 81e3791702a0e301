package applets

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"killbox/applets/completion"
	"killbox/internal/cli"
	"killbox/internal/show"
	"killbox/internal/suggest"
)

const killboxUsage = "[--list | --install [-s] [--force] DIR | help APPLET | shell-init SHELL [--replace] | " +
	completion.Usage + " | APPLET [ARG]...]"

// runKillbox runs killbox itself: for argv[0] killbox, or any other name that is not that of an applet.
func runKillbox(env *cli.Env, args []string) int {
	flags := cli.NewFlagSet()
	help := flags.BoolP("help", "h", false, "")
	version := flags.BoolP("version", "V", false, "")
	list := flags.Bool("list", false, "")
	install := flags.Bool("install", false, "")
	symbolic := flags.BoolP("symbolic", "s", false, "")
	force := flags.Bool("force", false, "")
	// Without --install, the first operand names an applet and ends the options of killbox.
	operands, err := cli.ParseOptions(flags, args, !slices.Contains(args, "--install"))
	if err != nil {
		return cli.UsageError(env, "killbox", err)
	}
	switch {
	case !*install && (*symbolic || *force):
		return cli.UsageError(env, "killbox", errors.New("--symbolic and --force go with --install"))
	case *install:
		if len(operands) != 1 {
			return cli.UsageError(env, "killbox", errors.New("--install takes one directory"))
		}
		return installLinks(env, operands[0], *symbolic, *force)
	case *version:
		fmt.Fprintf(env.Stdout, "killbox %s\n", cli.Version)
		return 0
	case *list:
		for _, name := range listNames(env) {
			fmt.Fprintln(env.Stdout, show.Escape(name))
		}
		return 0
	case *help || len(operands) == 0:
		printHelp(env)
		return 0
	}
	name := operands[0]
	if name == "help" {
		return printHelpFor(env, operands[1:])
	}
	if run := shellCommand(name); run != nil {
		return run(env, operands[1:])
	}
	if name == "completion" {
		return completion.Run(env, All(), killboxHelp, operands[1:])
	}
	if a := Lookup(name); a != nil {
		return a.Main(env, operands[1:])
	}
	return execPlugin(env, name, operands[1:])
}

func printHelp(env *cli.Env) {
	text := "usage: killbox " + killboxUsage + "\nEnd processes: all of what you asked for, and nothing else.\n\nApplets:\n"
	for _, a := range All() {
		text += "  " + a.Name + "\t" + a.Summary + "\n"
	}
	cli.PrintHelp(env, env.Stdout, text+killboxHelp+cli.Manual("killbox"))
}

// killboxHelp is the rest of the text of --help, in the form of cli.PrintHelp.
const killboxHelp = `
Options:
      --list	print the names of the applets and plug-ins
      --install DIR	link every applet into DIR
  -s, --symbolic	with --install: symbolic links instead of hard ones
      --force	with --install: replace other files, too
      --replace	with shell-init, whose functions take jobs such as %1: kill and wait, too
  -h, --help	print this help and exit
  -V, --version	print the version and exit

Examples:
  killbox help tkill	describe tkill
  killbox --install -s ~/bin	make links to killbox

Exit status:
  0	done
  2	usage error
  3	a link could not be made
  126	a plug-in cannot be executed
  127	there is no such applet or plug-in

`

// ownCommands are the first operands of killbox that name no applet or plug-in. Its own help describes them.
var ownCommands = []string{"help", "completion", "shell-init"}

func printHelpFor(env *cli.Env, operands []string) int {
	if len(operands) == 0 || slices.Contains(ownCommands, operands[0]) {
		printHelp(env)
		return 0
	}
	a := Lookup(operands[0])
	if a == nil {
		if path := findPlugin(env, operands[0]); path != "" {
			return execPlugin(env, operands[0], []string{"--help"})
		}
		fmt.Fprintf(env.Stderr, "killbox: %s: not an applet%s\ntry 'killbox --list'\n", show.Word(operands[0]), appletHint(env, operands[0]))
		return cli.ExitUnknown
	}
	return a.Main(env, []string{"--help"})
}

// pluginPrefix begins the names of plug-ins: "killbox NAME" runs the executable killbox-NAME.
const pluginPrefix = "killbox-"

// execPlugin replaces this program by the plug-in (execve(2)). It returns an exit status only on failure.
func execPlugin(env *cli.Env, name string, args []string) int {
	path := findPlugin(env, name)
	if path == "" {
		shown := show.Word(name)
		fmt.Fprintf(env.Stderr, "killbox: %s: not an applet, and no %s%s on PATH%s\ntry 'killbox --list'\n", shown, pluginPrefix, shown, appletHint(env, name))
		return cli.ExitUnknown
	}
	self, err := env.Executable()
	if err != nil {
		return cli.Failure(env, "killbox", err)
	}
	environ := slices.DeleteFunc(slices.Clone(env.Environ), func(s string) bool { return strings.HasPrefix(s, "KILLBOX=") })
	err = env.Exec(path, append([]string{path}, args...), append(environ, "KILLBOX="+self))
	fmt.Fprintf(env.Stderr, "killbox: %s: %v\n", show.Word(path), err)
	if errors.Is(err, os.ErrNotExist) {
		return cli.ExitUnknown
	}
	return 126
}

// appletHint returns the end of the message for an unknown applet: why its plug-in is not run, where to get it, or the
// applet, plug-in or option that the user probably meant; or "".
func appletHint(env *cli.Env, name string) string {
	for _, dir := range searchPath(env) {
		path := filepath.Join(dir, pluginPrefix+name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && !strings.ContainsRune(name, '/') {
			return " (" + show.Word(path) + " is not executable)"
		}
	}
	if name == "pick" {
		return " (it is a plug-in: the packages contain it; or copy packaging/plugins/killbox-pick of the source to a folder in PATH)"
	}
	closest := suggest.Closest(name, append(listNames(env), ownCommands...))
	switch name {
	case "list", "install", "version":
		closest = "--" + name
	}
	if closest == "" {
		return ""
	}
	return " (did you mean '" + show.Escape(closest) + "'?)"
}

// findPlugin returns the path of a plug-in, or "" if PATH has none.
func findPlugin(env *cli.Env, name string) string {
	if strings.ContainsRune(name, '/') {
		return ""
	}
	for _, dir := range searchPath(env) {
		if path := filepath.Join(dir, pluginPrefix+name); executable(path) {
			return path
		}
	}
	return ""
}

// searchPath returns the absolute entries of PATH. With a relative entry, any user who can write to the working
// directory could provide a plug-in.
func searchPath(env *cli.Env) []string {
	return slices.DeleteFunc(filepath.SplitList(env.Getenv("PATH")), func(dir string) bool { return !filepath.IsAbs(dir) })
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// listNames returns the applets and the plug-ins on PATH, sorted.
func listNames(env *cli.Env) []string {
	var list []string
	for _, a := range All() {
		list = append(list, a.Name)
	}
	for _, dir := range searchPath(env) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // missing or unreadable: a shell ignores it, too
		}
		for _, e := range entries {
			name, ok := strings.CutPrefix(e.Name(), pluginPrefix)
			at, found := slices.BinarySearch(list, name)
			if ok && name != "" && !found && executable(filepath.Join(dir, e.Name())) {
				list = slices.Insert(list, at, name)
			}
		}
	}
	return list
}

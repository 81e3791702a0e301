package target

import (
	"slices"
	"strings"
	"testing"
)

func TestScriptOperand(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"bash x.sh", "x.sh"},
		{"/bin/sh ./dir/x.sh a b", "./dir/x.sh"},
		{"bash -eu -o pipefail x.sh -c y", "x.sh"},
		{"bash -euo pipefail x.sh", "x.sh"},
		{"bash +x -O extglob x.sh", "x.sh"},
		{"bash --norc --rcfile f x.sh", "x.sh"},
		{"dash -- -x", "-x"},
		{"dash - x.sh", "x.sh"},
		{"bash -c x.sh", ""},
		{"bash -lc x.sh", ""},
		{"bash -c x.sh x.sh", ""},
		{"sh -s x.sh", ""},
		{"bash -oe x.sh y", ""},
		{"bash --unknown x.sh", ""},
		{"bash -o", ""},
		{"bash --", ""},
		{"busybox sh x.sh", "x.sh"},
		{"busybox", ""},
		{"-bash", ""},
		{"fish -C cmd x.fish", "x.fish"},
		{"python3 x.py", "x.py"},
		{"/usr/bin/python3.11 -u -W ignore -Xdev x.py", "x.py"},
		{"python3 -m x.py", ""},
		{"python3 -um x.py", ""},
		{"python3 -c x.py", ""},
		{"python3 - x.py", ""},
		{"python3 --check-hash-based-pycs x.py y.py", ""},
		{"perl -w x.pl", "x.pl"},
		{"perl -I lib -Mstrict -i.bak x.pl", "x.pl"},
		{"perl -d:NYTProf x.pl", "x.pl"},
		{"perl -e x.pl", ""},
		{"perl -ne x.pl", ""},
		{"perl -0777ne x.pl", ""},
		{"perl -pi -e x.pl y", ""},
		{"ruby -r json -Ilib x.rb", "x.rb"},
		{"ruby --yjit --disable=gems x.rb", "x.rb"},
		{"ruby -e x.rb", ""},
		{"node srv.js", "srv.js"},
		{"node --inspect=9229 -r esm --max-old-space-size=99 srv.js", "srv.js"},
		{"node --max-old-space-size srv.js", ""},
		{"node --import=a srv.js", "srv.js"},
		{"node --import a srv.js", "srv.js"},
		{"node -e srv.js", ""},
		{"node --eval=1 srv.js", ""},
		{"node -p srv.js", ""},
		{"php -d a=b x.php", "x.php"},
		{"php -r x.php", ""},
		{"php -S x.php", ""},
		{"php -- x.php", ""},
		{"lua5.4 -l m x.lua", "x.lua"},
		{"lua -", ""},
		{"expect x.exp", "x.exp"},
		{"vim x.sh", ""},
		{"bashful x.sh", ""},
		{"3.11 x.sh", ""},
		{"", ""},
	} {
		if got := scriptOperand(strings.Fields(tt.line)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestShebangScript(t *testing.T) {
	for _, tt := range []struct{ comm, line, want string }{
		{"a-long-script-n", "/x/interp ./a-long-script-name", "./a-long-script-name"},
		{"a-long-script-n", "/x/interp -f ./a-long-script-name", "./a-long-script-name"},
		{"a-long-script-n", "/x/interp a b ./a-long-script-name", ""},
		{"a-long-script-n", "./a-long-script-name", ""},
		{"a-long-script-n", "/x/interp a-long-script-n", ""},
		{"short", "/x/interp short-name", ""},
		{"", "", ""},
	} {
		if got := shebangScript(strings.Fields(tt.line), tt.comm); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// FuzzScriptOperand checks that the script is one of the arguments, that the arguments after it do not matter, and that
// no argument after -c or -e is taken for a script.
func FuzzScriptOperand(f *testing.F) {
	f.Add("bash\x00-eu\x00-o\x00pipefail\x00x.sh\x00y")
	f.Add("node\x00--inspect=1\x00--\x00x.js")
	f.Add("busybox\x00sh\x00+x\x00x.sh")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00")
		script := scriptOperand(args)
		if script == "" {
			return
		}
		if !slices.Contains(args[1:], script) || scriptOperand(append(slices.Clone(args), "z")) != script {
			t.Errorf("%q: %q", args, script)
		}
		if isMultiCall(args[0]) {
			args = args[1:]
		}
		for _, option := range []string{"-c", "-e"} {
			with := append([]string{args[0], option}, args[1:]...)
			in := findInterpreter(args[0])
			if strings.Contains(in.flags+in.values, option[1:]) {
				continue
			}
			if got := scriptOperand(with); got != "" {
				t.Errorf("%q: %q", with, got)
			}
		}
	})
}

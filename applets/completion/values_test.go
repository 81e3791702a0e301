package completion

import (
	"slices"
	"strings"
	"testing"

	"killbox/internal/cli"
)

// TestValues: the candidates that need no process. Each is a whole value, so it begins with what is already certain of
// it.
func TestValues(t *testing.T) {
	for _, test := range []struct {
		kind, text string
		want       string // some of the candidates, in their order
		lacks      string
	}{
		{"signal", "", "HUP INT TERM RTMIN RTMAX", "RTMIN+1 SIGHUP hup"},
		{"signal", "SIG", "SIGHUP SIGRTMIN SIGRTMAX", "HUP SIGRTMIN+1"},
		{"signal", "sigr", "sigrtmin sigrtmax", "SIGHUP"},
		{"signal", "te", "hup term", "TERM"},
		{"signal", "RTM", "RTMIN RTMIN+1 RTMAX-1 RTMAX", ""},
		{"signal", "sigrtm", "sigrtmin sigrtmin+1", ""},
		{"shorthand", "-TE", "-TERM", "TERM"},
		{"shorthand", "-SIGT", "-SIGTERM", "-TERM"},
		{"number", "", "1 15 64", "0"},
		{"ladder", "", "HUP/ TERM/ 5s", "TERM"},
		{"ladder", "TE", "TERM/", ""},
		{"ladder", "TERM/", "TERM/5s TERM/forever", "TERM/KILL/"},
		{"ladder", "TERM/12", "TERM/12ms TERM/12s TERM/12d TERM/forever", "TERM/5s"},
		{"ladder", "TERM/5s/", "TERM/5s/KILL/", "TERM/5s/5s"},
		{"forwarding", "", "HUP= TERM=", "HUP"},
		{"forwarding", "HUP=", "HUP=TERM", "TERM"},
		{"duration", "", "500ms 1s 1h", "s"},
		{"duration", "1.5", "1.5ms 1.5s 1.5m 1.5h 1.5d", "1s"},
		{"duration", "5m", "5ms 5m", "5mm"},
		{"duration", "x", "1s", "xs"},
		{"size", "5", "5K 5M 5G 5T", "100M"},
		{"size", "", "100M 8G", ""},
		{"state", "", "R Z", ""},
		{"signal,", "HUP,TE", "HUP,HUP HUP,TERM", "TERM"},
		{"size+state", "", "100M R", ""},
	} {
		list, err := values(&cli.Env{}, test.kind, test.text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range list {
			got = append(got, c.value)
		}
		at := 0
		for _, want := range strings.Fields(test.want) {
			i := slices.Index(got[at:], want)
			if i < 0 {
				t.Errorf("%s %q: no %s in its place: %q", test.kind, test.text, want, got)
				break
			}
			at += i + 1
		}
		for _, word := range strings.Fields(test.lacks) {
			if slices.Contains(got, word) {
				t.Errorf("%s %q: %s is offered", test.kind, test.text, word)
			}
		}
	}
	if _, err := values(&cli.Env{}, "no", ""); err == nil {
		t.Error("a kind that does not exist")
	}
}

// TestTakes: what the words of help texts and usage lines stand for.
func TestTakes(t *testing.T) {
	for word, want := range map[string]string{
		"": "", "SIG": "signal", "<sig>": "signal", "PID,...": "process,", "<tty,...>": "terminal,", "PID[,PID...]": "process,",
		"[tcp:|udp:]PORT": "port", "PATH|PID": "cgroup+process", "PID|HANDLE|-PGID|NAME...": "process+name", "[SIG|STATUS]...": "signal",
		"auto|always|never": "auto|always|never", "end|warn|fail[=N]": "end|warn|fail", "A=[B]": "forwarding", "SIG/DUR/...": "ladder",
		"PID[:INODE]...": "process", "TARGET...": "process", "<ns,...>": "cgroup|ipc|mnt|net|pid|time|user|uts", "MS SIG": "any",
	} {
		if got, err := takesOf(word); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", word, got, err, want)
		}
	}
	if got, err := takesOf("WORD"); err == nil {
		t.Errorf("an unknown word is %q", got)
	}
}

// TestParse: lines of help texts in all their forms.
func TestParse(t *testing.T) {
	options, err := parseOptions("usage: x\n\nOptions:\n" +
		"  -a, --all\teverything\n      --long=DUR\ta time (default 5s)\n -<sig>, --signal <sig>\tthe signal\n  -n NUM\tby number\n" +
		"      --color[=auto|always]\tcolours\n     --dry-run\tnothing\n  -d, --of PID\t--all is no option here\n\nExamples:\n  x -a\tno option\n  0\tdone\n")
	want := "-a,--all everything\n--long=duration a time (default 5s)\n--signal=signal the signal\nshorthand\n-n=number by number\n" +
		"--color[=auto|always] colours\n--dry-run nothing\n-d,--of=process --all is no option here\n"
	if err != nil || options != want {
		t.Errorf("%v\n%s", err, options)
	}
	usage, err := parseUsage("[OPTION]... [SELECTOR]... [--] DURATION COMMAND [ARG]...\n  x -a [OPTION]... [PID]...\n  x -z [-o PID[,PID...]]... SID", options)
	if want := "with -z session\nwith -a,--all process\noperands duration command\n"; err != nil || usage != want {
		t.Errorf("%v\n%s", err, usage)
	}
}

package signals

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"killbox/internal/show"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Signal{
		"0": 0, "00": 0, "9": 9, "015": 15, "32": 32, "33": 33, "34": RTMin,
		fmt.Sprint(int(RTMax)): RTMax,

		"TERM": TERM, "term": TERM, "SIGTERM": TERM, "sigTerm": TERM,
		"IOT": Signal(syscall.SIGABRT), "CLD": CHLD, "sigpoll": Signal(syscall.SIGIO), "IO": Signal(syscall.SIGIO),
		"usr1": USR1, "SIGSEGV": Signal(syscall.SIGSEGV), archName: Signal(archSignal),

		"RTMIN": RTMin, "sigrtmin": RTMin, "RTMIN+0": RTMin, "rtmin+3": RTMin + 3,
		"RTMAX": RTMax, "RTMAX-0": RTMax, "SIGRTMAX-2": RTMax - 2,
		fmt.Sprintf("RTMIN+%d", RTMax-RTMin): RTMax,
		fmt.Sprintf("RTMAX-%d", RTMax-RTMin): RTMin,
	} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "SIG", "sig", "FOO", "TERM ", " TERM", "TERM\n", "TERM\x00", "TER", "TERMS", "SIGSIGTERM",
		"-9", "+9", "-1", "9x", "0x9", "1.5", "128", "129", "65536", "18446744073709551625", strings.Repeat("9", 400),
		"SIG9", "SIG0", "RT", "RTMIN+", "RTMIN-1", "RTMIN3", "RTMIN++3", "RTMIN+-3", "RTMIN+ 3", "RTMIN+1000",
		"RTMIN+18446744073709551616", "RTMAX-", "RTMAX+1", "RTMAX-1000", "RTMAX--1", "RTMINUS",
		fmt.Sprintf("RTMIN+%d", RTMax-RTMin+1), fmt.Sprintf("RTMAX-%d", RTMax-RTMin+1),
		// Letters that Unicode would map to I and S.
		"ınt", "ſtop", "\xff", "TERM\xff", "EXIT", "NULL",
	} {
		got, err := Parse(in)
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, got)
		} else if want := "unknown signal " + show.Quoted(in); !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Parse(%q): %q, want %q", in, err, want)
		}
	}
}

func TestString(t *testing.T) {
	for s, want := range map[Signal]string{
		-1: "-1", 0: "0", 1: "HUP", 9: "KILL", 15: "TERM", 32: "32", 33: "33", 34: "RTMIN", 35: "RTMIN+1",
		RTMax: "RTMAX", RTMax - 1: "RTMAX-1", RTMax + 1: fmt.Sprint(int(RTMax) + 1), 100000: "100000",
		CHLD: "CHLD", Signal(syscall.SIGABRT): "ABRT", Signal(syscall.SIGIO): "IO", Signal(syscall.SIGSYS): "SYS",
	} {
		if got := s.String(); got != want {
			t.Errorf("Signal(%d).String() = %q, want %q", int(s), got, want)
		}
	}
	if RTMax == 64 {
		if a, b := Signal(49).String(), Signal(50).String(); a != "RTMIN+15" || b != "RTMAX-14" {
			t.Errorf("49 and 50 are %s and %s, bash says RTMIN+15 and RTMAX-14", a, b)
		}
	}
}

func TestEveryNumberHasOneName(t *testing.T) {
	seen := map[string]Signal{}
	for s := Signal(0); s <= RTMax; s++ {
		name := s.String()
		if other, twice := seen[name]; twice {
			t.Errorf("%d and %d are both called %s", int(other), int(s), name)
		}
		seen[name] = s
		if got, err := Parse(name); err != nil || got != s {
			t.Errorf("Parse(%q) = %d, %v; want %d", name, got, err, s)
		}
	}
}

func TestAll(t *testing.T) {
	all, names := All(), Names()
	if want := 31 + int(RTMax-RTMin) + 1; len(all) != want || len(names) != want {
		t.Fatalf("%d signals and %d names, want %d", len(all), len(names), want)
	}
	for i, s := range all {
		if names[i] != s.String() || strings.Trim(names[i], "0123456789") == "" {
			t.Errorf("signal %d is called %q", int(s), names[i])
		}
		if i > 0 && all[i-1] >= s {
			t.Errorf("%v comes after %v", s, all[i-1])
		}
	}
}

func TestDefaultActions(t *testing.T) {
	var lives, stops []string
	for s := Signal(-1); s <= RTMax+1; s++ {
		if !s.Ends() {
			lives = append(lives, s.String())
		}
		if s.Stops() {
			stops = append(stops, s.String())
		}
	}
	sorted := cmp.Transformer("set", func(in []string) map[string]bool {
		out := map[string]bool{}
		for _, s := range in {
			out[s] = true
		}
		return out
	})
	if diff := cmp.Diff([]string{"-1", "0", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH",
		fmt.Sprint(int(RTMax) + 1)}, lives, sorted); diff != "" {
		t.Errorf("do not end a process (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"STOP", "TSTP", "TTIN", "TTOU"}, stops, sorted); diff != "" {
		t.Errorf("stop a process (-want +got):\n%s", diff)
	}
}

// TestStatusAsSyscall compares Status with syscall.WaitStatus, for every 16-bit status.
func TestStatusAsSyscall(t *testing.T) {
	for raw := range uint32(1 << 16) {
		s, w := FromWait(raw), syscall.WaitStatus(raw)
		if code, ok := s.Exited(); ok != w.Exited() || ok && code != w.ExitStatus() {
			t.Fatalf("%#x: Exited %d, %v", raw, code, ok)
		}
		sig, core, ok := s.Signaled()
		if ok != w.Signaled() || ok && (syscall.Signal(sig) != w.Signal() || core != w.CoreDump()) {
			t.Fatalf("%#x: Signaled %v, %v, %v", raw, sig, core, ok)
		}
		if sig, ok := s.Stopped(); ok && (!w.Stopped() || syscall.Signal(sig) != w.StopSignal()) {
			t.Fatalf("%#x: Stopped %v", raw, sig)
		}
		if s.String() == "" {
			t.Fatalf("%#x: no description", raw)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		raw   uint32
		shell int
		text  string
	}{
		{0, 0, "exit 0"},
		{3 << 8, 3, "exit 3"},
		{255 << 8, 255, "exit 255"},
		{uint32(TERM), 128 + int(TERM), "signal TERM"},
		{uint32(KILL), 137, "signal KILL"},
		{uint32(QUIT) | 0x80, 131, "signal QUIT (core dumped)"},
		{uint32(TSTP)<<8 | 0x7f, 128 + int(TSTP), "stopped by TSTP"},
		{0xffff, 0, "continued"},
		{0xff, 0, "status 0xff"},
	} {
		s := FromWait(tt.raw)
		if s.Shell() != tt.shell || s.String() != tt.text {
			t.Errorf("%#x: %d, %q; want %d, %q", tt.raw, s.Shell(), s, tt.shell, tt.text)
		}
	}
}

func TestFromShell(t *testing.T) {
	const none = Signal(-1)
	for n, want := range map[int]Signal{
		0: 0, 1: HUP, 15: TERM, 64: 64, 128: 0, 129: HUP, 137: KILL, 143: TERM, 192: 64,
		256: 0, 257: HUP, 271: TERM, 320: 64, 512: 0, 527: TERM, 1 << 30: 0,
		-1: none, -256: none, 255: none, 399: none, 1000: none, 1<<31 - 1: none,
	} {
		got, ok := FromShell(n)
		if ok != (want != none) || ok && got != want {
			t.Errorf("FromShell(%d) = %v, %v; want %v", n, got, ok, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "TERM", "sigkill", "RTMIN+3", "RTMAX-2", "0", "64", "127", "RTMIN+18446744073709551615", "ſ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := Parse(in)
		if err != nil {
			if s != 0 {
				t.Errorf("Parse(%q) fails and returns %d", in, s)
			}
			return
		}
		if s < 0 || s > RTMax {
			t.Fatalf("Parse(%q) = %d, which is no signal", in, s)
		}
		if again, err := Parse(s.String()); err != nil || again != s {
			t.Errorf("Parse(%q) = %d, printed as %q, read again as %d, %v", in, s, s, again, err)
		}
	})
}

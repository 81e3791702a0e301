package applets

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseJobs(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []shellJob
	}{
		"nothing":   {"", nil},
		"error":     {"bash: jobs: %9: no such job", nil},
		"bash":      {"[1]+   101 Running                 sleep 100 &", []shellJob{{1, []int{101}}}},
		"directory": {"[12]-   101 Stopped                 vi  (wd: /tmp)", []shellJob{{12, []int{101}}}},
		"bash, pipeline": {
			"[1]-   101 Running                 sleep 100\n       102                       | cat\n       103                       | wc &\n" +
				"[2]+   104 Done                    true",
			[]shellJob{{1, []int{101, 102, 103}}, {2, []int{104}}},
		},
		"dash": {
			"[1] - 101 Running                    sleep 100 |\n      102                            sleep 101\n",
			[]shellJob{{1, []int{101, 102}}},
		},
		"dash, no text": {"[1] + 101 Running                  |\n      102                          \n      103", []shellJob{{1, []int{101, 102, 103}}}},
		"busybox":       {"[1]+  101 Running                    sleep 100\n", []shellJob{{1, []int{101}}}},
		"zsh":           {"running:+:101=running:102=done", []shellJob{{0, []int{101, 102}}}},
		"lines of a command": {
			"[1]+   101 Running                 sh -c '\n  sleep 102\n103 x' &",
			[]shellJob{{1, []int{101}}},
		},
		"DEBUG trap": {"trap: 7=x\n[1]+   101 Running                 sleep 100 &", []shellJob{{1, []int{101}}}},
		"no PID":     {"[1]+  99999999999999999999 Running x", []shellJob{{1, nil}}},
		"PID 1, 0":   {"[1]+  1 Running x\n   0 | y\n", []shellJob{{1, nil}}},
	} {
		if got := parseJobs(test.text); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestProcessLines(t *testing.T) {
	const command = "sh -c \"\n      104                         x\n[9] + 105 Running\n 106 y\n  sleep 1\""
	for name, test := range map[string]struct {
		long, short, want string
	}{
		"nothing": {"", "", ""},
		"error":   {"dash: 1: jobs: No such job: %9", "dash: 1: jobs: No such job: %9", "dash: 1: jobs: No such job: %9"},
		"dash": {
			"[1] + 101 Running                 " + command + " |\n      102                         cat\n",
			"[1] + Running                    " + command + " | cat\n",
			"[1] + 101 Running                 sh -c \"\n      102                         cat",
		},
		"busybox": {
			"[1]+  101 Running                 " + command + "\n      102                         | cat\n",
			"[1]+  Running                    " + command + " | cat\n",
			"[1]+  101 Running                 sh -c \"\n      102                         | cat",
		},
		"no command": {"[1] + 101 Running                  |\n      102                         \n", "[1] + Running                     | \n",
			"[1] + 101 Running                  |\n      102                         "},
		"has ended": {"[1] + 101 Done " + command + "\n", "dash: 1: jobs: No such job: %1\n", "[1] + 101 Done sh -c \""},
	} {
		if got := processLines(test.long, test.short); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func FuzzParseJobs(f *testing.F) {
	f.Add("[1]-   101 Running                 sleep 100\n       102                       | cat &\n[2]+ 103 Done true")
	f.Add("suspended:-:101=suspended:102=done")
	f.Fuzz(func(t *testing.T, text string) {
		for _, j := range parseJobs(text) {
			for _, pid := range j.pids {
				if pid <= 1 {
					t.Errorf("%q: PID %d", text, pid)
				}
			}
		}
	})
}

// TestReplaceJobs tests which words are operands. A job is replaced by an error here, because the shell knows none.
func TestReplaceJobs(t *testing.T) {
	for _, test := range []struct {
		call string
		job  string // the word that is taken for a job; "" if none is
	}{
		{"killwait 42 42@7 -v", ""},
		{"killwait %1", "%1"},
		{"killwait -- %+", "%+"},
		{"killwait 42 -v %x", "%x"},
		{"killwait --name %1 42", ""},
		{"killwait --name=%1 42 %2", "%2"},
		{"killwait -TERM %1", "%1"},
		{"killwait -s TERM %1", "%1"},
		{"killwait -k 5 -qv %1", "%1"},
		{"killwait -o %1 42", "%1"},
		{"killwait --omit %1 42", "%1"},
		{"killwait --omit=%1 42", "%1"},
		{"killwait --omi=%1 42", "%1"},
		{"killwait -o%1 42", "%1"},
		{"tkill -o=%1 42", "%1"},
		{"freezekill -vo42,%1 42", "%1"},
		{"killwait -o 42,%1 42", "%1"},
		{"tkill --parent=%1", "%1"},
		{"tkill --parent %1", "%1"},
		{"freezekill --cgroup=%1", ""},
		{"killwait --status %1", "%1"},
		{"killwait --full %1 --hook %2 --env %3", ""},
		{"tkill --ful %1 42", ""},
		{"killwait --unknown %1", ""},
		{"killwait -TREM %1", ""},
		{"killwait -k", ""},
		{"waitpid -t 5 %1", "%1"},
		{"pgkill %1", "%1"},
		{"freezekill --cgroup %1 %2", "%2"},
		{"reapwait -z %1", "%1"},
	} {
		args := strings.Fields(test.call)
		if Lookup(args[0]) == nil {
			continue // built without drop-ins
		}
		c := &shellCall{applet: Lookup(args[0]), jobs: map[string]string{}}
		got, err := c.replaceJobs(args[1:])
		var job string
		if missing := (&noJob{}); errors.As(err, &missing) {
			job = missing.word
		}
		if job != test.job {
			t.Errorf("%s: job %q, want %q", test.call, job, test.job)
		}
		if err == nil && len(got) != len(args)-1 {
			t.Errorf("%s: words %q", test.call, got)
		}
	}
}

func TestShellFunctions(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "sh", "dash", "ash"} {
		text := shellFunctions(shell, "/opt/it's/killbox", false)
		if strings.Contains(text, "@killbox@") || !strings.Contains(text, "killwait()") && !strings.Contains(text, "function killwait") {
			t.Errorf("%s: %s", shell, text)
		}
		if more := shellFunctions(shell, "/opt/it's/killbox", true); len(more) <= len(text) {
			t.Errorf("%s: --replace adds nothing", shell)
		}
	}
}

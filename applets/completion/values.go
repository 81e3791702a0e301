package completion

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"killbox/internal/cli"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// candidate is a value that a shell offers, with a description that may be "".
type candidate struct{ value, text string }

// textColumns is the width of a description: a shell that has less room cuts it, but not to one line in all cases.
const textColumns = 100

// values returns the candidates of a kind. text is the value as far as it has been typed. Each candidate is a whole
// value; the shell drops those that do not begin with text.
func values(env *cli.Env, takes, text string) (list []candidate, err error) {
	head := ""
	if kind, ok := strings.CutSuffix(takes, ","); ok {
		takes = kind
		head = text[:strings.LastIndexByte(text, ',')+1]
	}
	s := source{env: env, text: text[len(head):]}
	for _, kind := range strings.Split(takes, "+") {
		more, err := s.find(kind)
		if err != nil {
			return nil, err
		}
		for _, c := range more {
			// A value with a character that a terminal acts on could neither be shown nor be typed.
			if c.value != "" && utf8.ValidString(c.value) && !strings.ContainsFunc(c.value, show.Acts) {
				list = append(list, candidate{head + c.value, c.text})
			}
		}
	}
	return list, nil
}

// source finds the candidates for one value.
type source struct {
	env  *cli.Env
	text string
}

// find returns the candidates of a kind that the shells do not complete themselves.
func (s *source) find(kind string) ([]candidate, error) {
	switch kind {
	case "signal":
		return signalNames(s.text, ""), nil
	case "shorthand":
		return signalNames(strings.TrimPrefix(s.text, "-"), "-"), nil
	case "number":
		return signalNumbers(), nil
	case "ladder":
		return ladders(s.text), nil
	case "forwarding":
		return forwardings(s.text), nil
	case "duration":
		return durations(s.text), nil
	case "size":
		return sizes(s.text), nil
	case "state":
		return states[:], nil
	case "process":
		return s.processes()
	case "group":
		return s.leaders(func(st *procfs.Stat) int { return st.PGID })
	case "session":
		return s.leaders(func(st *procfs.Stat) int { return st.SID })
	case "name":
		return s.names()
	case "terminal":
		return s.terminals()
	case "port":
		return s.ports()
	case "cgroup":
		return s.cgroups()
	}
	return nil, fmt.Errorf("no values of the kind %s", show.Quoted(kind))
}

// signalNames returns the names of signals, in the form that the user has begun: with SIG, in lower case. Of the
// real-time signals it returns the first and the last, and all others only for a text that begins like one.
func signalNames(text, head string) (list []candidate) {
	form := func(name string) string { return name }
	switch {
	case strings.HasPrefix(text, "sig"):
		form = func(name string) string { return "sig" + strings.ToLower(name) }
	case text != "" && strings.ToLower(text) == text && strings.ToUpper(text) != text:
		form = strings.ToLower
	case strings.HasPrefix(text, "SIG"):
		form = func(name string) string { return "SIG" + name }
	}
	for _, sig := range signals.All() {
		name, description := sig.String(), strconv.Itoa(int(sig))
		switch {
		case sig < signals.RTMin:
			description += " " + syscall.Signal(sig).String()
		case sig > signals.RTMin && sig < signals.RTMax && !strings.HasPrefix(strings.TrimPrefix(strings.ToUpper(text), "SIG"), "RTM"):
			continue
		}
		list = append(list, candidate{head + form(name), description})
	}
	return list
}

func signalNumbers() (list []candidate) {
	for _, sig := range signals.All() {
		list = append(list, candidate{strconv.Itoa(int(sig)), sig.String()})
	}
	return list
}

// ladders returns the ladders that have one word more than the text: a signal, or a wait after a signal.
func ladders(text string) (list []candidate) {
	at := strings.LastIndexByte(text, '/') + 1
	head, last := text[:at], text[at:]
	if strings.Count(head, "/")%2 == 1 {
		list = append(durations(last), candidate{"forever", "no limit"})
	} else {
		list = signalNames(last, "")
		for i := range list {
			list[i].value += "/"
		}
		if head == "" {
			list = append(list, durations(last)...)
		}
	}
	for i := range list {
		list[i].value = head + list[i].value
	}
	return list
}

// forwardings returns the values A=[B].
func forwardings(text string) []candidate {
	from, to, ok := strings.Cut(text, "=")
	if !ok {
		list := signalNames(from, "")
		for i := range list {
			list[i].value += "="
		}
		return list
	}
	return signalNames(to, from+"=")
}

// units returns number with each unit, or the examples if number is no number.
func units(number string, all []candidate, examples ...string) (list []candidate) {
	if number != "" && strings.Trim(number, "0123456789.") == "" {
		for _, unit := range all {
			list = append(list, candidate{number + unit.value, unit.text})
		}
		return list
	}
	for _, example := range examples {
		list = append(list, candidate{example, ""})
	}
	return list
}

func durations(text string) []candidate {
	return units(strings.TrimRight(text, "smhd"), []candidate{
		{"ms", "milliseconds"}, {"s", "seconds"}, {"m", "minutes"}, {"h", "hours"}, {"d", "days"},
	}, "500ms", "1s", "5s", "10s", "30s", "1m", "5m", "1h")
}

func sizes(text string) []candidate {
	return units(strings.TrimRight(text, "KMGT"), []candidate{
		{"K", "kibibytes"}, {"M", "mebibytes"}, {"G", "gibibytes"}, {"T", "tebibytes"},
	}, "100M", "500M", "1G", "2G", "4G", "8G")
}

var states = [...]candidate{
	{"R", "running"}, {"S", "sleeping"}, {"D", "uninterruptible sleep"}, {"T", "stopped"}, {"t", "stopped by a tracer"},
	{"Z", "zombie"}, {"I", "idle kernel thread"},
}

// scan calls visit for each process that the user may signal, except this one, kernel threads and zombies.
func (s *source) scan(visit func(st *procfs.Stat)) error {
	proc := s.env.Proc
	if proc == nil {
		return s.env.ProcErr
	}
	var table procfs.Snapshot
	if err := proc.Snapshot(&table); err != nil {
		return err
	}
	user := syscall.Getuid()
	for i := range table.Procs {
		st := &table.Procs[i]
		if st.PID == s.env.PID || st.KernelThread() || st.Gone() {
			continue
		}
		if user != 0 {
			// kill(2) compares the real user with the real and the saved user of the process.
			status, err := proc.Status(st.PID)
			if err != nil || !slices.Contains([]int{status.UID[0], status.UID[2]}, user) {
				continue
			}
		}
		visit(st)
	}
	return nil
}

// commandLine returns the command line of a process, safe for a terminal.
func (s *source) commandLine(st *procfs.Stat) string {
	args, _ := s.env.Proc.Cmdline(st.PID) // of a process that is gone: its comm
	return report.CommandLine(st, args, textColumns, !s.env.IsUTF8())
}

// processes returns PIDs, and for a text with "@" the handle.
func (s *source) processes() (list []candidate, err error) {
	if head, _, ok := strings.Cut(s.text, "@"); ok {
		pid, ok := cli.ParseDecimal(head)
		if !ok {
			return nil, nil
		}
		st, err := s.env.Kernel.Open(pid)
		if err != nil || st.Handle() == "" {
			return nil, nil // no such process
		}
		return []candidate{{st.Handle(), s.commandLine(&st)}}, nil
	}
	err = s.scan(func(st *procfs.Stat) {
		list = append(list, candidate{strconv.Itoa(st.PID), s.commandLine(st)})
	})
	return list, err
}

// leaders returns groups or sessions, with the command line of the leader, or of the first member if the leader is
// gone.
func (s *source) leaders(id func(st *procfs.Stat) int) (list []candidate, err error) {
	members := make(map[int]*procfs.Stat)
	err = s.scan(func(st *procfs.Stat) {
		if n := id(st); n > 0 && (members[n] == nil || st.PID == n) {
			members[n] = st
		}
	})
	for n, st := range members {
		list = append(list, candidate{strconv.Itoa(n), s.commandLine(st)})
	}
	return sorted(list), err
}

// names returns the names by which --name finds processes, with the command line of one or the number of processes.
func (s *source) names() (list []candidate, err error) {
	number := make(map[string]int)
	lines := make(map[string]string)
	err = s.scan(func(st *procfs.Stat) {
		line := s.commandLine(st)
		for _, name := range target.Names(s.env.Proc, st) {
			number[name]++
			lines[name] = line
		}
	})
	for name, n := range number {
		text := lines[name]
		if n > 1 {
			text = strconv.Itoa(n) + " processes"
		}
		list = append(list, candidate{name, text})
	}
	return sorted(list), err
}

// sorted sorts candidates: numbers in their order, and other values as text.
func sorted(list []candidate) []candidate {
	sort.Sort(byValue(list))
	return list
}

type byValue []candidate

func (l byValue) Len() int      { return len(l) }
func (l byValue) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l byValue) Less(i, j int) bool {
	a, b := l[i].value, l[j].value
	if _, ok := cli.ParseDecimal(a); ok && len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// terminals returns the controlling terminals of processes, with the command line of the session leader.
func (s *source) terminals() (list []candidate, err error) {
	text := make(map[string]string)
	err = s.scan(func(st *procfs.Stat) {
		if name := procfs.TTYName(st.TTY); st.TTY != 0 && (text[name] == "" || st.PID == st.SID) {
			text[name] = s.commandLine(st)
		}
	})
	for name, line := range text {
		list = append(list, candidate{name, line})
	}
	return sorted(list), err
}

// ports returns the ports on which TCP sockets listen and, for a text that begins with "u", those to which UDP sockets
// are bound, with the process that has the socket.
func (s *source) ports() (list []candidate, err error) {
	if s.env.Proc == nil {
		return nil, s.env.ProcErr
	}
	protocol := ""
	for _, p := range []string{"tcp:", "udp:"} {
		if s.text != "" && strings.HasPrefix(p, s.text[:min(len(s.text), len(p))]) {
			protocol = p
		}
	}
	sockets, err := s.env.Proc.Sockets(protocol == "udp:", 0)
	if err != nil {
		return nil, err
	}
	objects := procfs.Objects{Sockets: make(map[uint64]bool)}
	ports := make(map[uint64]int) // by inode
	holders := make(map[int]string)
	for i := range sockets {
		objects.Sockets[sockets[i].Inode], ports[sockets[i].Inode] = true, sockets[i].Port
		holders[sockets[i].Port] = ""
	}
	err = s.scan(func(st *procfs.Stat) {
		holds, _ := s.env.Proc.Holds(st.PID, &objects) // what this user may not read lacks a description
		for _, h := range holds {
			if port := ports[h.Socket]; holders[port] == "" {
				holders[port] = strconv.Itoa(st.PID) + " " + s.commandLine(st)
			}
		}
	})
	for port, holder := range holders {
		if port != 0 {
			list = append(list, candidate{strconv.Itoa(port), holder})
		}
	}
	sorted(list)
	for i := range list {
		list[i].value = protocol + list[i].value
	}
	return list, err
}

// cgroups returns the cgroups of processes and those above them, in the v2 hierarchy.
func (s *source) cgroups() (list []candidate, err error) {
	members := make(map[string]int)
	err = s.scan(func(st *procfs.Stat) {
		cgroup, err := s.env.Proc.UnifiedPath(st)
		if err != nil || strings.HasPrefix(cgroup, "/..") {
			return // in no v2 hierarchy, gone, or outside of this cgroup namespace
		}
		for len(cgroup) > 1 {
			members[cgroup]++
			cgroup = cgroup[:strings.LastIndexByte(cgroup, '/')]
		}
	})
	for cgroup, n := range members {
		text := strconv.Itoa(n) + " processes"
		if n == 1 {
			text = "1 process"
		}
		list = append(list, candidate{cgroup, text})
	}
	return sorted(list), err
}

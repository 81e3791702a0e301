package report

import (
	"time"

	"killbox/internal/signals"
	"killbox/procfs"
)

// description is what /proc shows of a process beside its stat.
type description struct {
	args        []string
	exe         string // "" unless asked for, and for a zombie
	user        string // of the effective UID; "" if it is not known
	uid         int    // the real UID
	rss         uint64 // resident memory in bytes; 0 for a zombie or a kernel thread
	age         time.Duration
	hasAge      bool
	disposition string // what the signal would do to the process (see Disposition), or "unknown"
	permitted   bool   // this process may send the signal, see sender.permitted
	certain     bool   // permitted is known
}

// describer describes processes for people and for JSON. It reads several files of /proc for each process, so a call
// without --dry-run, --json and --verbose has none.
type describer struct {
	proc   *procfs.FS     // nil without /proc
	users  map[int]string // a cache of names by UID
	uptime time.Duration  // when the first process was described; negative if it is not known
	sender *sender
}

// describer returns the describer of the call.
func (r *Reporter) describer() *describer {
	if r.described == nil {
		r.described = newDescriber(r.opts.Proc)
	}
	return r.described
}

func newDescriber(proc *procfs.FS) *describer {
	d := &describer{proc: proc, users: make(map[int]string), uptime: -1}
	if proc != nil {
		d.sender = newSender(proc)
		if up, err := proc.Uptime(); err == nil {
			d.uptime = up
		}
	}
	return d
}

// describe reads what /proc shows of a process, and what sig would do to it. Afterwards it checks that the process
// still exists: otherwise the text may be that of a process that reuses the PID. With exe it reads the path of the
// executable as well.
func (d *describer) describe(st *procfs.Stat, sig signals.Signal, exe bool) description {
	r := description{disposition: "unknown", uid: -1}
	if d.proc == nil || st.Hidden() || st.Start == 0 {
		return r
	}
	if d.uptime >= 0 {
		r.age, r.hasAge = max(d.uptime-procfs.Ticks(st.Start), 0), true
	}
	status, err := d.proc.Status(st.PID)
	if err != nil {
		return r
	}
	args, _ := d.proc.Cmdline(st.PID)
	path := ""
	if exe && !st.Gone() {
		path, _ = d.proc.Exe(st.PID)
	}
	permitted, certain := d.sender.permitted(d.proc, st, &status, sig)
	if now, err := d.proc.Stat(st.PID); err != nil || now.ID != st.ID {
		return r
	}
	r.args, r.exe, r.user, r.uid, r.rss = args, path, d.userName(status.UID[1]), status.UID[0], status.VmRSS<<10
	r.permitted, r.certain = permitted, certain
	r.disposition = Disposition(&status, sig)
	return r
}

func (d *describer) userName(uid int) string {
	name, ok := d.users[uid]
	if !ok {
		name = userName(uid)
		d.users[uid] = name
	}
	return name
}

// describeEvent adds the description of the process to a line of JSON.
func (r *Reporter) describeEvent(e *event, st *procfs.Stat, sig signals.Signal) {
	now := r.describer().describe(st, sig, true)
	e.Args, e.Exe, e.User, e.RSS = now.args, now.exe, now.user, now.rss
	if now.hasAge {
		e.Age = toSeconds(now.age)
	}
	if sig != 0 {
		e.Disposition = now.disposition
		if now.certain && !st.Gone() {
			e.Permitted = &now.permitted
		}
	}
}

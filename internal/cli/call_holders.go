package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"killbox/internal/duration"
	"killbox/internal/escalate"
	"killbox/internal/report"
	"killbox/internal/show"
	"killbox/internal/signals"
	"killbox/internal/target"
	"killbox/procfs"
)

// mustRelease returns the condition of --port, --open or --mount if the call returns only when nothing holds the
// object, and otherwise nil.
func (c *Call) mustRelease() *target.Holders {
	if c.HoldersMayRemain || c.AsksOnly() || !c.Request.Selector.OnlyHolders() {
		return nil
	}
	return c.Request.Selector.Holders
}

// checkHolders returns an error if the call cannot end all holders of the object: an excluded process holds it, or a
// socket has no holder that this process can see.
func (c *Call) checkHolders() (st *procfs.Stat, err error) {
	h := c.mustRelease()
	if h == nil {
		return nil, nil
	}
	for i := range c.Found.Skipped {
		s := &c.Found.Skipped[i]
		// This process ends with the call, and then its own files and directories are in the way no more.
		if why := h.Why(s.ID); why != "" && (s.PID != c.Env.PID || h.Port() != "") {
			return &s.Stat, fmt.Errorf("%s, and is excluded: %s; nothing was signalled", why, s.Reason)
		}
	}
	for i := range c.Found.Refused {
		p := &c.Found.Refused[i]
		if why := h.Why(p.Stat.ID); why != "" {
			return &p.Stat, fmt.Errorf("%s, and cannot be opened: %w; nothing was signalled", why, p.Err)
		}
	}
	unseen := h.Unseen()
	if len(unseen) == 0 {
		return nil, nil
	}
	reason := "the kernel or another PID namespace has it"
	if n := h.Unexamined(c.exclude); n > 0 {
		reason = report.Unexamined(n)
	} else if c.Env.Proc.HidesProcesses() {
		reason = "/proc may hide processes of other users (hidepid)"
	}
	return nil, fmt.Errorf("%s: no visible process holds the socket at %s of user %s: %s; nothing was signalled",
		h.Port(), unseen[0].Address, show.Word(report.UserName(unseen[0].UID)), reason)
}

// mayHaveHiddenHolder reports whether a process that this one cannot see may hold the object. Root sees all processes,
// whatever hidepid is.
func (c *Call) mayHaveHiddenHolder() bool {
	s := &c.Request.Selector
	return s.OnlyHolders() && s.Holders.Incomplete(os.Geteuid() != 0 && c.Env.Proc.HidesProcesses())
}

// holds returns how a process holds the object, "" if it was not selected for that.
func (c *Call) holds(id procfs.ID) string {
	if h := c.Request.Selector.Holders; h != nil {
		return h.Why(id)
	}
	return ""
}

// The times between two looks whether the object is held.
const (
	minHoldersPause = time.Millisecond
	maxHoldersPause = 100 * time.Millisecond
)

// waitReleased waits until nothing holds the object of --port, --open or --mount. All targets are gone. It waits no
// longer than the last step of the ladder does, and not beyond the limit of the call: a socket may be on its way to
// another process (SCM_RIGHTS in unix(7)), or the kernel may close it later (io_uring(7)). It does not wait for a later
// socket. It reports what holds the object then.
func (c *Call) waitReleased(p *escalate.Plan, sum *escalate.Summary) error {
	h := c.mustRelease()
	if h == nil || len(c.Found.Processes) == 0 || sum.Count(escalate.Gone) < len(sum.Results) || p.FreezeOnly {
		return nil
	}
	grace := duration.Forever
	if !p.WaitOnly && len(p.Ladder) > 0 {
		grace = p.Ladder[len(p.Ladder)-1].Grace
	}
	limited := p.Limit > 0 && p.Limit-sum.Elapsed < grace
	if limited {
		grace = max(p.Limit-sum.Elapsed, 0)
	}
	began, pause := time.Now(), minHoldersPause
	for {
		r, err := h.Remaining(c.Env.Proc, c.Env.Kernel, c.Env.PID)
		if err != nil {
			return err
		}
		left := grace - time.Since(began)
		if r.None() {
			c.reportMountUsers(h)
			if c.mayHaveHiddenHolder() {
				c.Report.Note("/proc may hide processes of other users (hidepid)")
			}
			return nil
		}
		if r.Later || left <= 0 {
			return c.reportHolders(h, &r)
		}
		if _, _, err := c.Env.Kernel.Wait(min(pause, left)); err != nil {
			return err
		}
		pause = min(2*pause, maxHoldersPause)
	}
}

// reportHolders names the processes that hold the object, although all targets are gone.
func (c *Call) reportHolders(h *target.Holders, r *target.Remaining) error {
	if h.Port() != "" {
		if err := h.FindHolders(c.Env.Proc, c.Env.Kernel, r); err != nil {
			return err
		}
	}
	for i := range r.Holders {
		holder := &r.Holders[i]
		text := holder.Why + " now, and was not signalled"
		if args, err := c.Env.Proc.Cmdline(holder.PID); err == nil && len(args) > 0 {
			text += ": " + show.Word(strings.Join(args, " "))
		}
		c.Fail(&holder.Stat, errors.New(text), ExitSurvivor)
	}
	if len(r.Holders) == 0 {
		c.Fail(nil, fmt.Errorf("%s is not free: a process that is not visible has the socket at %s", h.Port(), r.Sockets[0].Address), ExitSurvivor)
	}
	return nil
}

// reportMountUsers says what makes umount(8) fail although no process uses the mount.
func (c *Call) reportMountUsers(h *target.Holders) {
	if h.Mount() == nil {
		return
	}
	mounts, swaps := c.Env.Proc.MountUsers(h.Mount())
	for _, point := range mounts {
		c.Report.Note("no process uses the mount, but " + show.Word(point) + " is mounted on it")
	}
	for _, file := range swaps {
		c.Report.Note("no process uses the mount, but the kernel swaps to " + show.Word(file))
	}
}

// releaseFailed adds the exit status of an error of waitReleased.
func (c *Call) releaseFailed(err error) {
	if i := new(signals.Interrupt); errors.As(err, &i) {
		c.Env.Die(i.Signal)
		c.Codes = append(c.Codes, 128+int(i.Signal))
		return
	}
	if err != nil {
		c.Fail(nil, err, ExitFailed)
	}
}

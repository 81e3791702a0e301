package escalate

import "killbox/procfs"

// Policy makes the decisions about processes that are found while the plan is carried out.
type Policy interface {
	// Exclude returns why a process that a tree, a group or the cgroup implies is excluded, or "".
	Exclude(*procfs.Stat) string
	// Selects reports whether the selector of a tree matches the process.
	Selects(*procfs.Stat) bool
	// IsAncestor reports whether a process that a group implies is an ancestor of this process. Such a process that
	// Exclude does not exclude is signalled after all others (Target.Last).
	IsAncestor(*procfs.Stat) bool
	// InCgroup reports whether the process is in the cgroup now.
	InCgroup(*procfs.Stat) bool
	// KeepFrozen reports whether a plan with FreezeOnly is to keep its targets frozen. It is called before each
	// call of Kernel.Wait.
	KeepFrozen() bool
}

// NoPolicy excludes and selects nothing. A policy that implements only some of the methods embeds it.
type NoPolicy struct{}

// Exclude implements Policy.
func (NoPolicy) Exclude(*procfs.Stat) string { return "" }

// Selects implements Policy.
func (NoPolicy) Selects(*procfs.Stat) bool { return false }

// IsAncestor implements Policy.
func (NoPolicy) IsAncestor(*procfs.Stat) bool { return false }

// InCgroup implements Policy.
func (NoPolicy) InCgroup(*procfs.Stat) bool { return false }

// KeepFrozen implements Policy.
func (NoPolicy) KeepFrozen() bool { return false }

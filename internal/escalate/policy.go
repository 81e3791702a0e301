package escalate

import "killbox/procfs"

// Policy decides what a plan, which is data, cannot say. It is asked while the plan is carried out.
type Policy interface {
	// Exclude returns why a process that a tree, a group or the cgroup implies is excluded, or "".
	Exclude(*procfs.Stat) string
	// Selects reports whether the selector of a tree matches the process.
	Selects(*procfs.Stat) bool
	// IsAncestor reports whether a process that a group implies is an ancestor of killbox that is to end all the
	// same, after all others.
	IsAncestor(*procfs.Stat) bool
	// InCgroup reports whether the process, as it was read, is in the cgroup now.
	InCgroup(*procfs.Stat) bool
	// KeepFrozen reports whether a plan that only freezes is to keep its targets frozen. It is asked after each
	// return of Kernel.Wait.
	KeepFrozen() bool
}

// NoPolicy excludes and selects nothing. It is embedded by policies that decide only some of the questions.
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

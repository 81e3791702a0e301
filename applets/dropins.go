//go:build !nodropins

package applets

import (
	"killbox/applets/dropin"
	"killbox/internal/cli"
)

// dropins returns the applets that stand in for classic tools. With the build tag nodropins it returns none, so that
// the binary contains only tkill, pgkill, killwait, reapwait and freezekill.
func dropins() []*cli.Applet { return dropin.All() }

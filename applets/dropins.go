//go:build !nodropins

package applets

import (
	"killbox/applets/dropin"
	"killbox/internal/cli"
)

// dropins returns the applets that stand in for the classic tools. This file is the only one that needs
// them: with the tag nodropins the binary has the five alone.
func dropins() []*cli.Applet { return dropin.All() }

//go:build nodropins

package applets

import "killbox/internal/cli"

func dropins() []*cli.Applet { return nil }

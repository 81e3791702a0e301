//go:build nodropins

package applets

func dropins() []*Applet { return nil }

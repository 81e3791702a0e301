package kernel

import "golang.org/x/sys/unix"

// Exec replaces this program by another. It returns only on failure.
func Exec(path string, argv, env []string) error { return unix.Exec(path, argv, env) }

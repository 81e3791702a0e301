package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

var errBootID = errors.New("malformed boot ID")

// bootIDPath is the file with the boot ID, relative to the root.
const bootIDPath = "sys/kernel/random/boot_id"

// ParseBootID returns the boot ID in /proc/sys/kernel/random/boot_id (random(4)): 36 characters, lower-case hexadecimal
// digits and dashes.
func ParseBootID(b []byte) (string, error) {
	id := bytes.TrimSuffix(b, []byte("\n"))
	ok := len(id) == 36
	for i, c := range id {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		ok = ok && dash == (c == '-') && (dash || hexDigit(c))
	}
	if !ok {
		return "", fmt.Errorf("%w: %q", errBootID, b)
	}
	return string(id), nil
}

// hexDigit reports whether c is a hexadecimal digit as the kernel prints it, in lower case.
func hexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

// BootID returns the boot ID, which the kernel draws at random at each boot. A container manager may mount a file with
// an ID of the container over it.
func (fs *FS) BootID() (string, error) {
	b, err := fs.read(bootIDPath, false, unlimited)
	if err != nil {
		return "", &os.PathError{Op: "read", Path: fs.root + "/" + bootIDPath, Err: err}
	}
	return ParseBootID(b)
}

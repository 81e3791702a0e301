package procfs

import (
	"bytes"
	"strings"
)

// scanMappings examines the mapped files of a thread's address space.
func (s *holdScan) scanMappings(task string) error {
	path := processPath(s.pid, task+"maps")
	b, err := s.fs.read(path, false, unlimited)
	if err != nil {
		return s.fs.processError("read", path, err)
	}
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		m, ok := ParseMapping(line)
		if !ok || m.Inode == 0 {
			continue
		}
		link := task + "map_files/" + m.Addresses
		if f := s.objects.File; f != nil && s.found&HeldFile == 0 && m.Inode == f.Inode && s.mapsFile(&m, link) {
			s.add(Hold{Object: HeldFile, Link: link})
		}
		if s.objects.Mount != nil && s.found&HeldMount == 0 && s.objects.Mount.hasDevice(m.Device) && s.mapsMount(&m, link) {
			s.add(Hold{Object: HeldMount, Link: link})
		}
	}
	return nil
}

// Mapping is a line of /proc/PID/maps (proc_pid_maps(5)).
type Mapping struct {
	Addresses     string // as in the name of a file in map_files
	Device, Inode uint64 // of the mapped file; 0 for a mapping without a file, which has no Addresses and Path either
	Path          string
}

// ParseMapping parses a line of /proc/PID/maps. ok is false if the line is malformed.
func ParseMapping(line []byte) (m Mapping, ok bool) {
	f := fields{rest: bytes.TrimSuffix(line, []byte("\n"))}
	addresses := f.next()
	f.skip(2)
	m.Device, ok = parseDevice(string(f.next()), 16)
	m.Inode = f.unsigned()
	if m.Inode != 0 {
		// The names in map_files have no leading zeros, the addresses in maps have at least eight digits.
		from, to, _ := strings.Cut(string(addresses), "-")
		m.Addresses = trimZeros(from) + "-" + trimZeros(to)
		m.Path = unescapeOctal(string(bytes.TrimLeft(f.rest, " ")))
	}
	return m, ok && !f.bad
}

func trimZeros(s string) string {
	if t := strings.TrimLeft(s, "0"); t != "" {
		return t
	}
	return s[:min(len(s), 1)]
}

// mapsFile reports whether a mapping, which has the inode number of the file, is one of the file. On some file systems
// (btrfs) the device number in maps is not st_dev. There the link in map_files decides, which only root can follow.
func (s *holdScan) mapsFile(m *Mapping, link string) bool {
	if m.Device == s.objects.File.Device {
		return true
	}
	id, err := identify(s.fs.fd, processPath(s.pid, link))
	return err == nil && s.matches(HeldFile, &id)
}

// mapsMount reports whether a mapping of a file on the file system was made through the mount. Where the link in
// map_files cannot be followed, which only root can do, the path decides.
func (s *holdScan) mapsMount(m *Mapping, link string) bool {
	if id, err := identify(s.fs.fd, processPath(s.pid, link)); err == nil {
		return s.matches(HeldMount, &id)
	}
	for i := range s.objects.Mount.Mounts {
		if strings.HasPrefix(m.Path, strings.TrimSuffix(s.objects.Mount.Mounts[i].Point, "/")+"/") {
			return true
		}
	}
	return false
}

package victims

import (
	"encoding/binary"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blockedArguments is `victim blocked-args`: it replaces the memory that contains its arguments and environment by
// memory that has no content until a server gives it (userfaultfd(2)), and there is no server.
func blockedArguments(args []string) {
	page := uintptr(os.Getpagesize())
	if len(args) == 0 {
		// Whole pages of arguments and environment: the first page contains a part of the stack that is in use.
		long := strings.Repeat("x", int(3*page))
		must("execve", unix.Exec("/proc/self/exe", []string{os.Args[0], os.Args[1], long}, append(os.Environ(), "LONG="+long)))
	}
	stat, err := os.ReadFile("/proc/self/stat")
	must("stat", err)
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	field := func(n int) uintptr { // as numbered in proc(5)
		value, err := strconv.ParseUint(f[n-3], 10, 64)
		must("stat", err)
		return uintptr(value)
	}
	const argStart, envEnd = 48, 51
	start := (field(argStart) + page - 1) / page * page
	size := field(envEnd)/page*page - start
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		die(1, "victim: userfaultfd: %v", errno)
	}
	_, err = unix.MmapPtr(-1, 0, *(*unsafe.Pointer)(unsafe.Pointer(&start)), size, unix.PROT_READ,
		unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_ANONYMOUS)
	must("mmap", err)
	// struct uffdio_api and uffdio_register in linux/userfaultfd.h.
	request(fd, 0xC018AA3F, 0xAA, 0, 0)
	request(fd, 0xC020AA00, uint64(start), uint64(size), 1, 0)
	ready()
	time.Sleep(lifetime)
}

// request is an ioctl(2) with a structure of 64-bit numbers.
func request(fd uintptr, number uintptr, fields ...uint64) {
	var b []byte
	for _, field := range fields {
		b = binary.NativeEndian.AppendUint64(b, field)
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, number, uintptr(unsafe.Pointer(&b[0])))
	runtime.KeepAlive(b)
	if errno != 0 {
		die(1, "victim: ioctl: %v", errno)
	}
}

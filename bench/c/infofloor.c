/*
 * infofloor: uses PIDFD_GET_INFO to read the parent of every process, and does nothing else. Exits with 3 if the
 * kernel does not have PIDFD_GET_INFO (before Linux 6.13).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct info { /* of Linux 6.13 */
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ids[8], spare;
};
#define GET_INFO _IOWR(0xFF, 11, struct info)

struct entry {
	unsigned long long ino, off;
	unsigned short len;
	unsigned char type;
	char name[];
};

int main(void)
{
	static char list[1 << 15];
	int proc = open("/proc", O_RDONLY | O_DIRECTORY);
	long n;

	while ((n = syscall(SYS_getdents64, proc, list, sizeof list)) > 0)
		for (long i = 0; i < n; i += ((struct entry *)(list + i))->len) {
			struct entry *e = (struct entry *)(list + i);
			struct info info = { .mask = 1 };

			if (e->name[0] < '0' || e->name[0] > '9')
				continue;
			int fd = syscall(SYS_pidfd_open, atoi(e->name), 0);
			if (fd < 0)
				continue;
			if (ioctl(fd, GET_INFO, &info) < 0 && errno != ESRCH)
				return 3;
			close(fd);
		}
	return n < 0;
}

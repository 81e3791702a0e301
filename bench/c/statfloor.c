/* statfloor: opens, reads and closes the stat of every process, and does nothing else. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry {
	unsigned long long ino, off;
	unsigned short len;
	unsigned char type;
	char name[];
};

int main(void)
{
	static char list[1 << 15], text[1 << 12], name[32];
	int proc = open("/proc", O_RDONLY | O_DIRECTORY);
	long n;

	while ((n = syscall(SYS_getdents64, proc, list, sizeof list)) > 0)
		for (long i = 0; i < n; i += ((struct entry *)(list + i))->len) {
			struct entry *e = (struct entry *)(list + i);

			if (e->name[0] < '0' || e->name[0] > '9')
				continue;
			snprintf(name, sizeof name, "%s/stat", e->name);
			int fd = openat(proc, name, O_RDONLY);
			if (fd < 0)
				continue;
			if (read(fd, text, sizeof text) < 0)
				text[0] = 0;
			close(fd);
		}
	return n < 0;
}

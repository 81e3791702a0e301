/*
 * pidkill [stat]: sends TERM by pidfd to the PIDs on standard input, waits for their exit by epoll, and does nothing
 * else. With stat it reads /proc/PID/stat once before each signal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_send_signal 424
#define SYS_pidfd_open 434
#endif

static void read_stat(int pid)
{
	static char path[64], text[4096];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof text) < 0)
		perror(path);
	close(fd);
}

int main(int argc, char **argv)
{
	(void)argv;
	static struct epoll_event events[1024];
	struct rlimit files;
	int epoll = epoll_create1(0), left = 0, pid;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	while (scanf("%d", &pid) == 1) {
		int fd = syscall(SYS_pidfd_open, pid, 0);
		struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

		if (fd < 0 && errno == ESRCH)
			continue;
		if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
			return 1;
		if (argc > 1)
			read_stat(pid);
		syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
		left++;
	}
	while (left > 0) {
		int n = epoll_wait(epoll, events, 1024, -1);

		if (n < 0)
			return 1;
		for (int i = 0; i < n; i++)
			close(events[i].data.fd);
		left -= n;
	}
	return 0;
}

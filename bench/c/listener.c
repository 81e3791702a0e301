/*
 * listener N: listens on a free TCP port of 127.0.0.1 and then has N descriptors. Writes the port to descriptor 3, and
 * closes it. Ends by itself after two minutes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	int n = argc > 1 ? atoi(argv[1]) : 0;
	int null = open("/dev/null", O_RDONLY);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return 1;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		return 1;
	for (int last = 0; last >= 0 && last < n - 1; )
		last = dup(null);
	dprintf(3, "%d\n", ntohs(address.sin_port));
	close(3);
	alarm(120);
	for (;;)
		pause();
}

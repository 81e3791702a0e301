/*
 * bomb [wild]: each process forks without end; with wild, descendants also exit and call setsid at random. A process
 * whose fork fails writes to descriptor 3. All processes end by themselves after a minute. Run it in a pids cgroup
 * only.
 */
#include <stdlib.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int wild = argc > 1 && argv[1][0] == 'w';
	time_t end = time(NULL) + 60;
	unsigned seed = getpid();
	pid_t root = getpid();

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	while (time(NULL) < end) {
		pid_t pid = fork();

		if (pid < 0) {
			/* EPIPE: the reader has read the byte of another process, and is gone. */
			if (write(3, "!", 1) >= 0)
				close(3);
			usleep(1000);
		} else if (pid == 0) {
			seed = seed * 31 + getpid();
		}
		if (wild && getpid() != root) {
			int r = rand_r(&seed) % 64;

			if (r == 0)
				_exit(0);
			if (r == 1)
				setsid();
		}
	}
	return 0;
}

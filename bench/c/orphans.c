/*
 * orphans N: makes N orphans that exit at the same time. Prints the microseconds from then until the last has been
 * reaped.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1, go[2], tell[2];
	pid_t *pids = calloc(n, sizeof *pids);
	char c;

	alarm(120);
	if (!pids || pipe(go) || pipe(tell))
		return 1;
	for (int i = 0; i < n; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child == 0) {
			pid_t pid = fork();

			if (pid == 0) {
				alarm(120);
				close(go[1]);
				_exit(read(go[0], &c, 1) != 0);
			}
			_exit(pid < 0 || write(tell[1], &pid, sizeof pid) != sizeof pid);
		}
		int status;

		if (waitpid(child, &status, 0) != child || status || read(tell[0], pids + i, sizeof *pids) != sizeof *pids)
			return 1;
	}
	long begun = now();

	close(go[1]);
	for (int i = 0; i < n; i++)
		while (kill(pids[i], 0) == 0)
			usleep(500);
	printf("%ld\n", now() - begun);
	return 0;
}

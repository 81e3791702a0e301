/*
 * herder N [MS]: forks N children named "herd" that sleep, and exit MS milliseconds after TERM. Writes their PIDs to
 * descriptor 3, one on each line, and closes it when all exist. All processes end by themselves after two minutes, of a
 * large herd later.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int linger;

static void late(int sig)
{
	(void)sig;
	usleep(linger * 1000);
	_exit(0);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;

	linger = argc > 2 ? atoi(argv[2]) : 0;
	if (linger)
		signal(SIGTERM, late);
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0) {
			close(3);
			prctl(PR_SET_NAME, "herd");
			alarm(120 + n / 100);
			for (;;)
				pause();
		}
		if (dprintf(3, "%d\n", pid) < 0)
			return 1;
	}
	close(3);
	signal(SIGTERM, SIG_DFL);
	alarm(120 + n / 100);
	for (;;)
		pause();
}

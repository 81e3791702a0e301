/*
 * forks hop N [setsid]: N processes, each of which forks and exits; so do their children, without end. With setsid, one
 * process in fifty leads a session of its own. No process calls execve after the first.
 *
 * forks workers N: a supervisor of N workers. Each worker executes true, and the supervisor replaces it.
 *
 * All processes end by themselves after a minute. Run it in a pids cgroup only.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static time_t end;

static void hop(int leads)
{
	while (time(NULL) < end) {
		unsigned seed = getpid();

		if (leads && rand_r(&seed) % 50 == 0)
			setsid();
		if (fork() > 0)
			_exit(0);
	}
	_exit(0);
}

static void work(void)
{
	usleep(2000);
	execlp("true", "true", (char *)NULL);
	_exit(127);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0, hops = argc > 1 && !strcmp(argv[1], "hop");

	end = time(NULL) + 60;
	if (hops)
		signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < n; i++)
		if (fork() == 0) {
			if (hops)
				hop(argc > 3);
			work();
		}
	while (time(NULL) < end)
		if (hops)
			pause();
		else if (wait(NULL) > 0 && fork() == 0)
			work();
	return 0;
}

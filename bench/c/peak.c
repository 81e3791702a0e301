/*
 * peak COMMAND...: runs the command, and writes its largest resident size in KB to descriptor 3. A process that forks
 * has its own size counted for the program that its child executes (exec_mmap in fs/exec.c), so this one is small.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0 && argc > 1) {
		close(3);
		execvp(argv[1], argv + 1);
	}
	if (pid <= 0)
		_exit(127);
	if (wait4(pid, &status, 0, &usage) != pid || status)
		return 1;
	dprintf(3, "%ld\n", usage.ru_maxrss);
	return 0;
}

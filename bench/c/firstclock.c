/*
 * firstclock: prints the time of CLOCK_MONOTONIC at which main is called, in nanoseconds.
 */
#include <stdio.h>
#include <time.h>

int main(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return printf("%lld\n", t.tv_sec * 1000000000LL + t.tv_nsec) < 0;
}

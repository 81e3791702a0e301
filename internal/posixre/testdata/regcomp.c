/*
 * regcomp reads records of three strings, each terminated by a NUL: a pattern, flags ("i" is REG_ICASE) and a text.
 * It prints one line for each record: "match", "no match", or the error of regcomp(3).
 */
#include <gnu/libc-version.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* next reads a string into *s. It returns 0 at the end of the input. */
static int next(char **s, size_t *size)
{
	return getdelim(s, size, '\0', stdin) >= 0;
}

int main(void)
{
	char *pattern = NULL, *flags = NULL, *text = NULL, *last = NULL;
	size_t pattern_size = 0, flags_size = 0, text_size = 0;
	char message[200];
	regex_t re;
	int err = 0;
	struct rlimit cpu = {60, 60}; /* glibc takes exponential time for some patterns: limit the CPU time */

	if (gnu_get_libc_version() == NULL || setrlimit(RLIMIT_CPU, &cpu) != 0)
		return 1;
	while (next(&pattern, &pattern_size) && next(&flags, &flags_size) && next(&text, &text_size)) {
		char *key = malloc(strlen(pattern) + strlen(flags) + 2);

		if (key == NULL)
			return 1;
		sprintf(key, "%s/%s", flags, pattern);
		if (last == NULL || strcmp(key, last) != 0) {
			if (last != NULL && err == 0)
				regfree(&re);
			err = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | (*flags == 'i' ? REG_ICASE : 0));
		}
		free(last);
		last = key;
		if (err != 0) {
			regerror(err, &re, message, sizeof message);
			puts(message);
		} else {
			puts(regexec(&re, text, 0, NULL, 0) == 0 ? "match" : "no match");
		}
	}
	return fflush(stdout) != 0;
}

/* The command without its process: main.c gives it standard output and error, a test its own streams. */
#ifndef HSCTL_COMMAND_H
#define HSCTL_COMMAND_H

#include <stdio.h>

#define HSCTL_VERSION "1.0"

#define EXIT_DONE 0
#define EXIT_REFUSED \
    1 /* by the hypervisor, or a file cannot be read or written, or there is no such domain */
#define EXIT_USAGE 2

/* Returns the exit status. */
int hsctl_run(int argc, char *const argv[], FILE *out, FILE *err);

#endif

/* Reads what Linux shows of a machine under a directory: / or a copy of the files of another machine. */
#ifndef TOOLS_HOMESTEAD_CHECK_READ_H
#define TOOLS_HOMESTEAD_CHECK_READ_H

#include "judge.h"

#define UNREAD_MAX 8u

/* Files that would have helped, and why they were not read. */
struct unread {
    u32 nr;
    struct {
        const char *path;
        int error; /* an errno */
    } list[UNREAD_MAX];
};

/* root without a / at its end: "" is this machine, of which the CPUID instruction is asked too. */
void machine_read(const char *root, struct machine *m, struct unread *unread);

#endif

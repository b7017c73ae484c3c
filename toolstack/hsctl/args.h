/* The command line of hsctl: parsed without looking at the host. */
#ifndef HSCTL_ARGS_H
#define HSCTL_ARGS_H

#include "state.h"

enum command {
    CMD_NONE,
    CMD_NODES,
    CMD_CLAIMS,
    CMD_CLAIM,
    CMD_RELEASE,
    CMD_LEGACY,
    CMD_REFUSALS,
    CMD_WATCH,
    CMD_TIMELINE,
    NR_COMMANDS
};

#define ENTRIES_MAX (HS_MAX_NODES + 1)
struct entry {
    uint32_t node; /* HS_ANY_NODE: host-wide */
    uint32_t order;
    uint64_t pages;
};

struct args {
    enum command command;
    bool help, version, json, pages;
    bool replace, strict, scrub;
    bool has_mode;
    uint32_t mode;      /* HS_LEGACY_* */
    const char *domain; /* name or number; NULL: all */
    struct entry entry[ENTRIES_MAX];
    uint32_t nr_entries;
    uint32_t interval_ms; /* 10 to 3600000 */
    uint32_t for_ms;      /* 0: without end */
    uint32_t count;       /* lines of watch, 0: without end */
    const char *record, *from, *file, *title;
};

/* false: wrong usage, error is a sentence. Strings of args point into argv. argv is not changed. */
#define ARGS_ERROR 256
bool args_parse(int argc, char *const argv[], struct args *args, char error[ARGS_ERROR]);

const char *command_name(enum command command);

/* A domain's number, if the text is one that a domain can have: "0" to "32751". */
bool domid_parse(const char *text, uint16_t *domid);

/* What legacy calls a mode, NULL: there is no such mode. */
const char *legacy_name(uint32_t mode);

/* The usage of a command, or of all for CMD_NONE. */
void usage_print(FILE *to, enum command command);

#endif

/*
 * Reads one guest's configuration in xl.cfg syntax: `key = value` on lines of their own (or cut by
 * ';'), '#' comments, values are numbers, "strings", 'strings' or [ lists, over several lines ].
 * Plain C on bytes that somebody else wrote. Keys and defaults: guest/README.md.
 */
#ifndef GUEST_DOM0_XLCFG_H
#define GUEST_DOM0_XLCFG_H

#include <homestead/types.h>

#define XLCFG_NAME_MAX  64u
#define XLCFG_TEXT_MAX  512u
#define XLCFG_NODES_MAX 8u

enum xlcfg_nodes { NODES_ANY, NODES_LAST, NODES_ALL, NODES_LIST };
enum xlcfg_claim { CLAIM_NODE, CLAIM_HOST, CLAIM_OFF };

/* How a guest may end; what `expect` names. */
enum xlcfg_expect {
    EXPECT_POWEROFF,
    EXPECT_REBOOT,
    EXPECT_CRASH,
    EXPECT_LOOP, /* still running at the timeout */
    EXPECT_ENOMEM,
    EXPECT_BADKERNEL,
    EXPECT_BADCONFIG,
    EXPECT_COUNT
};
extern const char *const xlcfg_expect_names[EXPECT_COUNT];

struct xlcfg {
    char name[XLCFG_NAME_MAX];
    char kernel[XLCFG_NAME_MAX]; /* a file of the archive */
    char extra[XLCFG_TEXT_MAX];  /* the guest's command line */
    u64 memory_mib;
    u64 maxmem_mib; /* >= memory_mib */
    u32 vcpus;
    u32 maxvcpus; /* >= vcpus */
    /* Affinity as cpus.h takes it; "": anywhere. */
    char cpus[XLCFG_TEXT_MAX], cpus_soft[XLCFG_TEXT_MAX];
    enum xlcfg_nodes nodes_kind;
    u32 nr_nodes; /* NODES_LIST: entries of nodes[], no duplicates */
    u32 nodes[XLCFG_NODES_MAX];
    enum xlcfg_claim claim_mode;
    enum xlcfg_expect expect;
    u32 timeout_s;
    bool optional;                /* a missing node skips the guest */
    char unknown[XLCFG_NAME_MAX]; /* the first key that is not known; "": none. xl ignores such keys too. */
};

struct xlcfg_error {
    u32 line;         /* from 1 */
    const char *text; /* what is wrong, for people */
};

/*
 * Parses len bytes. Returns 0, or -EINVAL with *err set and *out unspecified except for expect, which
 * holds what had been read until then.
 */
int xlcfg_parse(const char *text, size_t len, struct xlcfg *out, struct xlcfg_error *err);

#endif

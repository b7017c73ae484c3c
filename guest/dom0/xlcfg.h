/*
 * One guest's configuration, from a file in the syntax of xl.cfg (xlsyntax.h). Keys and defaults: guest/README.md.
 * Plain C for untrusted bytes.
 */
#ifndef GUEST_DOM0_XLCFG_H
#define GUEST_DOM0_XLCFG_H

#include <guest/dom0/xlsyntax.h>

#define XLCFG_NAME_MAX   64u
#define XLCFG_FILE_MAX   256u
#define XLCFG_TEXT_MAX   2048u
#define XLCFG_CPUS_MAX   512u
#define XLCFG_VCPUS_MAX  128u
#define XLCFG_VNODES_MAX 32u        /* what Xen's and Homestead's setvnumainfo take */
#define MEMORY_MAX_MIB   (16 << 20) /* 16 TiB */

enum xlcfg_nodes { NODES_ANY, NODES_LAST, NODES_ALL, NODES_LIST };
enum xlcfg_claim { CLAIM_NODE, CLAIM_HOST, CLAIM_OFF };

/* How a guest may end; what `expect` names. */
enum xlcfg_expect {
    EXPECT_POWEROFF,
    EXPECT_REBOOT,
    EXPECT_CRASH,
    EXPECT_LOOP,   /* still running at the timeout */
    EXPECT_KILLED, /* by a command on the console */
    EXPECT_ENOMEM,
    EXPECT_BADKERNEL,
    EXPECT_BADCONFIG,
    EXPECT_ANY, /* no end in particular, if it has run: for a guest that somebody uses */
    EXPECT_COUNT
};
extern const char *const xlcfg_expect_names[EXPECT_COUNT];

/* What becomes of a guest that has shut down. */
enum xlcfg_action { ACTION_DESTROY, ACTION_RESTART, ACTION_PRESERVE };
#define XLCFG_SHUTDOWNS 6u /* SHUTDOWN_ codes */

/* A virtual node of `vnuma`. */
struct xlcfg_vnode {
    u32 pnode;    /* the host's node that its memory comes from */
    u64 size_mib; /* 0: it has vCPUs only */
    u8 distance[XLCFG_VNODES_MAX];
};

struct xlcfg {
    struct xl_cursor file; /* the text, which must live as long as this */
    char name[XLCFG_NAME_MAX];
    char kernel[XLCFG_FILE_MAX];  /* a file of the archive */
    char ramdisk[XLCFG_FILE_MAX]; /* the same, or "" */
    char extra[XLCFG_TEXT_MAX];   /* the guest's command line */
    u64 memory_mib;
    u64 maxmem_mib; /* >= memory_mib */
    u32 vcpus;
    u32 maxvcpus;                    /* >= vcpus */
    u16 cpu_weight;                  /* 0: not given */
    u16 cap;                         /* percent of one CPU, 0: none */
    struct xl_value cpus, cpus_soft; /* for xlcfg_cpus() */
    enum xlcfg_nodes nodes_kind;
    u32 nr_nodes; /* NODES_LIST: entries of nodes[], no duplicates */
    u32 nodes[MAX_NODES];
    u32 nr_vnodes; /* > 0: nodes[] are those of the virtual nodes that have memory */
    struct xlcfg_vnode vnodes[XLCFG_VNODES_MAX];
    u8 vcpu_vnode[XLCFG_VCPUS_MAX]; /* valid below maxvcpus */
    enum xlcfg_claim claim_mode;
    u32 claim_order;                /* of the extents to claim on nodes: 0, ORDER_2M or ORDER_1G */
    bool claim_strict, claim_scrub; /* these, and claim_order > 0, only with CLAIM_NODE */
    enum xlcfg_expect expect;
    u8 on_shutdown[XLCFG_SHUTDOWNS]; /* enum xlcfg_action by SHUTDOWN_ code */
    u32 timeout_s;
    bool numa_placement; /* if no nodes are named, the builder chooses one */
    bool optional;       /* a missing node skips the guest */
};

/*
 * Parses len bytes. Returns 0, or -EINVAL with *error set and *out unspecified except for file and expect, which hold
 * what can be read in spite of the error.
 */
int xlcfg_parse(const char *text, size_t len, struct xlcfg *out, struct xl_message *error);

/*
 * What of a file has no effect: each unknown key once, a guest type that there is not, and what libxlutil
 * leaves out of values without a word. Start with *at = cfg->file. False: no further note.
 */
bool xlcfg_next_note(const struct xlcfg *cfg, struct xl_cursor *at, struct xl_message *note);

/* Writes what `cpus`, or `cpus_soft` or else vnuma, says for a vCPU below maxvcpus, for cpus_parse(). False: nothing; it
 * may run anywhere. */
bool xlcfg_cpus(const struct xlcfg *cfg, bool soft, u32 vcpu, char out[XLCFG_CPUS_MAX]);

#endif

/*
 * The builder's own parts: session, host state, populate, build, a guest's life, watch. Each function
 * returns 0 or -errno (Xen's values) unless it says otherwise; a function that fails has printed the reason.
 * Functions marked "vCPU 0" run there only, the others on any vCPU.
 */
#ifndef GUEST_DOM0_DOM0_H
#define GUEST_DOM0_DOM0_H

#include <guest/dom0/cpio.h>
#include <guest/dom0/explain.h>
#include <guest/dom0/layout.h>
#include <guest/dom0/ring.h>
#include <guest/dom0/vnuma.h>
#include <guest/dom0/xlcfg.h>
#include <guest/lib/guest.h>
#include <guest/lib/xc.h>

extern xc_interface *xch;

/* --- session.c ----------------------------------------------------------------------------------------- */

extern struct dom0_options {
    bool quiet;       /* print @ lines only, as far as possible */
    bool frames;      /* guests' output comes as @output lines, for tools/guest-logs.py */
    const char *only; /* NULL: all guests */
    u64 slack;        /* pages a destroyed domain may leave behind */
    u64 progress_mib; /* a line after so much of a build; 0: none */
    u32 vcpus;        /* number of vCPUs that build guests */
} options;
/* Reads the options, prints and records the host's state. Ends the domain on failure. vCPU 0. */
void session_begin(void);
/* Compares free pages and claims with those at session_begin(), prints @leak and @verdict, and shuts down.
 * ok: no failure so far; domains: number of domains that may each have left options.slack pages. vCPU 0. */
NORETURN void session_end(bool ok, u32 domains);

/* --- host.c -------------------------------------------------------------------------------------------- */

struct host_state {
    u32 nr_nodes;
    u64 size_pages[MAX_NODES];
    u64 free_pages[MAX_NODES];
    u64 free_total;
    u64 claimed_total; /* outstanding claims of all domains */
};
int host_read(struct host_state *out);
/* What there is for a domain: free memory, claims and their holders, what others own. The domain itself and
 * domain 0 do not count as others. */
int host_figures(u32 domid, struct memory_figures *out);
/* Prints the host's nodes; also fills host_nr_cpus and host_cpu_node. Call once, first. vCPU 0. */
int host_print(void);
extern u32 host_nr_cpus, host_cpu_node[MAX_CPUS];
/* Prints for each vCPU of a domain its CPU, the CPU's node and the time it has run. */
int host_print_vcpus(u32 domid);
/* Waits up to timeout_ms until free pages are within slack of `before` and claims are equal. *pages: pages
 * still missing (negative: more are free); *claims: outstanding claims now minus before. */
int host_settle(const struct host_state *before, u64 slack, u64 timeout_ms, s64 *pages, s64 *claims);
/* For people: rounded. */
static inline u64 pages_in_mib(u64 pages)
{
    return (pages + 128) >> (20 - PAGE_SHIFT);
}
/* Is |pages| at most slack? */
bool pages_within(s64 pages, u64 slack);
/* Does this hypervisor have domctl 91 (claims on nodes)? */
bool host_has_node_claims(void);

/* --- populate.c ---------------------------------------------------------------------------------------- */

#define POPULATE_ANY_NODE 0xffffffffu
/*
 * Populates frames [gfn, end) of a domain, largest extents first, from exactly this node or from any.
 * *done counts the pages populated, also on failure. Returns 0, -ENOMEM (the node is full) or -errno.
 */
int populate_range(u32 domid, u64 gfn, u64 end, u32 node, u64 *done);

struct build;
/* Populates all of a guest's memory, each node its quota. Fills populated[] if there are nodes. */
int populate_guest(struct build *b);

/* --- owned.c ------------------------------------------------------------------------------------------- */

/* Prints the nodes on which the guest's pages are no longer those that it was built with, because it has given some
 * back or taken more. False: some are on a node that its configuration does not name. */
bool owned_check(const struct build *b);

/* --- place.c ------------------------------------------------------------------------------------------- */

/* For a guest without nodes, whose vCPUs are pinned: claims its memory on a node that has room for all of it, which is
 * then its node. If it is not to be claimed by node, its node affinity becomes that node. 0 also if no node has room.
 */
int place_guest(struct build *b);

/* --- console.c ----------------------------------------------------------------------------------------- */

/* A guest's console: a ring in a page of its memory, and an event channel. Zeroed: not connected. */
struct console {
    u32 domid;
    const char *name;   /* its guest's */
    evtchn_port_t port; /* ours; 0: none */
    volatile struct xencons_interface *page;
    struct console *next; /* of those that are open */
    u64 window_ms;        /* visits are counted since then */
    u32 nr_visits;
    struct backlog backlog;
    char little[2048];   /* the backlog's, if there is no memory for more */
    bool paused, killed; /* as commands on the console have it */
    struct ring ring;
    struct lines lines;
    u32 nr_typed;
    char typed[1024]; /* that the guest's ring had no room for */
};
/* The guest of this name is to be in the foreground when its console opens. vCPU 0, before any guest. */
void console_foreground(const char *name);
/* Connects an event channel, and sets the HVM parameters of the ring. Before its memory is claimed, because
 * the hypervisor needs a page for the channel. Returns NULL, or what does not work, with *rc the error. */
const char *console_connect(struct console *c, u32 domid, int *rc);
#define CONSOLE_BACKLOG_BYTES (64u << 10)
/* Maps the ring, when the guest's memory is there. This vCPU serves the console from now on, one at a time.
 * name lives as long as it is open, and so does backlog, of CONSOLE_BACKLOG_BYTES or NULL. -EFAULT. */
int console_open(struct console *c, const char *name, char *backlog);
/*
 * Takes what the guest has written, and prints a piece of what was taken. Returns after how many ms at most it wants to
 * be called again, 0: at once; *listen: earlier if there is an event of c->port.
 */
u64 console_serve(struct console *c, bool *listen);
/* Prints all that the guest has written. */
void console_print_all(struct console *c);
/* A command said that the guest, or the whole run (c is NULL), is to end. */
bool console_says_end(const struct console *c);
/* Reads what was typed: carries out commands, and gives the rest to the guest in the foreground. */
void console_input(void);
/* Prints the rest, unmaps the ring and closes the channel. Before the domain is destroyed, or it stays. Does
 * nothing for a console that is not connected. */
void console_close(struct console *c);

/* --- claim.c ------------------------------------------------------------------------------------------- */

/* Claims the quotas of b->nodes[], in the order and with the flags of the configuration. By order, a node's pages are
 * rounded up to whole extents, and the domain may own as many until claim_release(). Prints nothing. */
int claim_on_nodes(struct build *b);
/* Prints the claim that claim_on_nodes() has tried. */
void claim_print(const struct build *b, int rc);
/* The guest needs a claim by node: it has an order or flags. */
bool claim_must_be_on_nodes(const struct xlcfg *cfg);
/* A claim by order was refused with -ENOMEM. Returns that, or 0: every node has enough whole extents. */
int claim_short_of_extents(struct build *b);
/* Releases what is still claimed. */
int claim_release(const struct build *b);
/*
 * The turn to claim: one vCPU's at a time. A guest that is built again holds it from before its old domain is destroyed
 * until the new one has its claim, so that no other guest is given the memory in between. Waits for it, unless this vCPU
 * has it already.
 */
void claim_turn_begin(void);
/* Nothing if this vCPU does not have it. */
void claim_turn_end(void);

/* --- nodes.c ------------------------------------------------------------------------------------------- */

/* The nodes of the configuration, with the share of each. -ENOENT: one is missing. */
int nodes_choose(struct build *b, const struct host_state *host);
/* Node affinity, affinity of vCPUs, and the virtual nodes. */
int nodes_set(struct build *b);
/* Prints the virtual nodes that the hypervisor has for the domain. False: they are others than were set. */
bool nodes_check(const struct build *b);

/* --- build.c ------------------------------------------------------------------------------------------- */

#define BUILD_WHY_MAX 512u

/* A guest that is being built. */
struct build {
    const struct xlcfg *cfg;
    u32 domid; /* valid if created */
    bool created;
    struct layout layout;
    struct vnuma_plan vnuma;
    struct elf_kernel elf; /* its segments' data is there during the build only */
    u64 start_info;        /* its address */
    struct console console;
    char *backlog;           /* the console's; of the kernels' memory, NULL: there is none */
    char why[BUILD_WHY_MAX]; /* it failed: a sentence for people */
    u32 nr_nodes;            /* 0: any node */
    u32 nodes[MAX_NODES];
    u64 quota[MAX_NODES];     /* pages wanted on nodes[i] */
    u64 surplus;              /* pages claimed beyond the quotas, for whole extents */
    u64 populated[MAX_NODES]; /* by node id */
    u64 done;                 /* pages populated in all */
    u32 stuck_at;             /* populate failed: at which of nodes[] */
};
/* Builds the guest completely and leaves it paused. -ENOENT: a node is missing; -ENOMEM: not enough memory;
 * -ENOEXEC: bad kernel. b->why has been printed. ramdisk->data may be NULL: none. */
int build_guest(struct build *b, const struct xlcfg *cfg, const struct cpio_file *kernel,
                const struct cpio_file *ramdisk, const struct host_state *host);
/* Releases what is still claimed. */
int build_release_claim(struct build *b);
/* Sets and prints b->why. Returns rc. */
int build_fail(struct build *b, int rc, const char *fmt, ...) PRINTF(3, 4);

/* --- life.c ------------------------------------------------------------------------------------------- */

/* One configuration of the archive, its guest and the result. Large: not for the stack of a vCPU. */
struct life {
    const char *file, *text; /* text: len bytes, inside the archive */
    size_t len;
    bool concurrent;       /* other guests run at the same time */
    bool no_memory;        /* if concurrent: not enough memory; to be retried alone */
    bool over;             /* it has ended; if concurrent, it is not judged yet */
    bool ran;              /* it was built */
    bool clean;            /* if over: nothing was wrong with its memory */
    u32 nr_restarts;       /* so far */
    u32 nr_quick;          /* the last ones, each of which followed a short run */
    u64 deadline_ms;       /* of all its runs together; 0: none has begun */
    bool preserve;         /* if it has run */
    enum xlcfg_expect end; /* if over */
    struct xlcfg cfg;
    struct build build;
};
/* Builds, watches and destroys the guest; judges it unless it was concurrent. */
void life_run(struct life *life);
/* Judges a concurrent guest. pages, claims: what all of them together have left behind. */
void life_judge(const struct life *life, s64 pages, s64 claims);

/* --- judge.c ------------------------------------------------------------------------------------------- */

extern struct dom0_guests {
    u32 passed, failed, skipped; /* guests; atomic */
} guests;
void judge_count(u32 *counter);
/* Prints whether the guest's end is as expected, and counts it. clean: nothing was wrong with its memory; why: a sentence
 * about an end that no expectation names, or that was not expected. */
void judge_end(const char *name, bool clean, enum xlcfg_expect expect, enum xlcfg_expect outcome,
               const char *why);
/* Prints what was left behind. False: pages or claims are missing. */
bool judge_leak(const char *name, s64 pages, s64 claims);
/* Notes a guest that is to be preserved. False: there are too many. The caller closes its console. */
bool judge_later(const struct life *life, bool clean);
/* Destroys those guests. Where no guest runs. */
void judge_destroy_preserved(void);
/* Judges them, which are then forgotten. pages, claims: what all guests together have left behind. */
void judge_preserved(s64 pages, s64 claims);

/* --- archive.c ----------------------------------------------------------------------------------------- */

/* Runs all guests of the archive in the module, on options.vcpus vCPUs at once. False: the archive is
 * missing, broken or without any configuration. vCPU 0. */
bool archive_run(void);

/* --- watch.c ------------------------------------------------------------------------------------------- */

/* gaddr: a page of physical space for the shared info. Without it, or without the VIRQ, waits by yielding. */
void watch_init(u64 gaddr);
/* Sleeps up to ms, less if a domain changes state. */
void watch_sleep(u64 ms);
/* Serves the guest's console until it ends, and the serial line's input. Returns the shutdown code (>= 0), -EAGAIN after
 * timeout_ms, -EINTR if a command on the console says that it is to be destroyed, or -errno. */
int watch_wait(u32 domid, struct console *console, u64 timeout_ms);
/* Destroys and waits until the id is gone. */
int watch_destroy(u32 domid);

/* --- claimtable.c -------------------------------------------------------------------------------------- */

/* Builds three domains over all nodes and prints their claims as a table before, during and after it.
 * False: a figure was wrong. Leaves no domain behind. vCPU 0; uses the other vCPUs itself. */
bool claimtable_run(u64 slack);

#endif

/*
 * The builder's own parts: session, host state, populate, build, a guest's life, watch. Each function
 * returns 0 or -errno (Xen's values) unless it says otherwise, and has printed why when it fails. Those that
 * do not say "vCPU 0" may run on any vCPU.
 */
#ifndef GUEST_DOM0_DOM0_H
#define GUEST_DOM0_DOM0_H

#include <guest/dom0/layout.h>
#include <guest/lib/pvhelf.h>
#include <guest/dom0/xlcfg.h>
#include <guest/lib/guest.h>
#include <guest/lib/lock.h>
#include <guest/lib/xc.h>

extern xc_interface *xch;

/* --- session.c ----------------------------------------------------------------------------------------- */

extern struct dom0_options {
    bool quiet;       /* facts only, no lines for people that go with them */
    const char *only; /* NULL: all guests */
    u64 slack;        /* pages a destroyed domain may leave behind */
    u32 vcpus;        /* on which guests are built */
} options;
/* Reads the options, prints what the host has and remembers it. Ends the domain if it cannot. vCPU 0. */
void session_begin(void);
/* Compares free pages and claims with those at session_begin(), prints @leak and @verdict, and shuts down.
 * ok: all went well so far; domains: how many of them may each have left options.slack pages. vCPU 0. */
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
/* Also reads what follows; once, on vCPU 0, first of all. */
int host_print(void);
extern u32 host_nr_cpus, host_cpu_node[MAX_CPUS];
/* Where each vCPU of a domain is now: its CPU, the CPU's node, time it has run. -errno */
int host_print_vcpus(u32 domid);
/* Waits up to timeout_ms until free pages are within slack of `before` and claims equal; *pages: what is
 * still missing (negative: more is free), *claims: outstanding now minus before. */
int host_settle(const struct host_state *before, u64 slack, u64 timeout_ms, s64 *pages, s64 *claims);
/* Is a number of missing pages, or of pages too many, at most slack? */
bool pages_within(s64 pages, u64 slack);
/* Does this hypervisor have domctl 91? Found out once. */
bool host_has_node_claims(void);

/* --- populate.c ---------------------------------------------------------------------------------------- */

/* Shared by who takes or gives memory of the host, held alone by who measures what that does. */
extern struct guest_rwlock build_memory;

#define POPULATE_ANY_NODE 0xffffffffu
/*
 * Populates frames [gfn, end) of a domain, largest extents first, from exactly this node or from any.
 * *done counts the pages populated, also on failure. Returns 0, -ENOMEM (the node is full) or -errno.
 */
int populate_range(u32 domid, u64 gfn, u64 end, u32 node, u64 *done);

struct build;
/* All of a guest's memory, each node its quota. Fills populated[], and if nobody can disturb it left_node[].
 */
int populate_guest(struct build *b);

/* --- build.c ------------------------------------------------------------------------------------------- */

/* A guest in the making. */
struct build {
    const struct xlcfg *cfg;
    u32 domid; /* valid if created */
    bool created;
    bool in_company; /* other guests are built or end at the same time */
    bool measured;   /* left_node holds what this populate took */
    struct layout layout;
    struct pvhelf elf;
    u32 nr_nodes; /* 0: any node */
    u32 nodes[MAX_NODES];
    u64 quota[MAX_NODES];     /* pages wanted on nodes[i] */
    u64 populated[MAX_NODES]; /* by node id */
    s64 left_node[MAX_NODES]; /* by node id: pages that were free before the populate and no longer are */
};
/* Everything up to the paused, complete guest. -ENOENT: a node is missing. -ENOMEM: memory; -ENOEXEC: the
 * kernel. */
int build_guest(struct build *b, const struct xlcfg *cfg, const void *image, size_t image_size,
                const struct host_state *host, bool in_company);
/* Gives up whatever is still claimed. */
int build_release_claim(const struct build *b);

/* --- life.c -------------------------------------------------------------------------------------------- */

extern struct dom0_guests {
    u32 passed, failed, skipped; /* guests; atomic */
} guests;

/* One configuration of the archive, and what became of its guest. */
struct life {
    const char *file, *text; /* text: len bytes, inside the archive */
    size_t len;
    bool in_company;               /* other lives go on at the same time */
    bool no_memory;                /* in company: there was none for it; to be tried once more, alone */
    bool over;                     /* in company: it has ended, and has still to be judged */
    bool clean;                    /* if over: nothing was wrong with its memory */
    enum xlcfg_expect expect, end; /* if over */
    char name[XLCFG_NAME_MAX];     /* if over */
};
/* Builds, watches and destroys the guest, and judges it if it was alone. */
void life_run(struct life *life);
/* The verdict on one that was in company, when pages and claims tell what all of them have left behind. */
void life_judge(const struct life *life, s64 pages, s64 claims);

/* --- archive.c ----------------------------------------------------------------------------------------- */

/* All guests of the archive in the module, on options.vcpus vCPUs at once. False: the archive is missing,
 * broken or without any configuration. vCPU 0. */
bool archive_run(void);

/* --- watch.c ------------------------------------------------------------------------------------------- */

/* gaddr: a page of physical space for the shared info. Falls back to yielding where a piece is missing. */
void watch_init(u64 gaddr);
/* Sleeps up to ms, less if a domain changes state. */
void watch_sleep(u64 ms);
/* Returns the shutdown code (>= 0), -EAGAIN after timeout_ms, or -errno. */
int watch_wait(u32 domid, u64 timeout_ms);
/* Destroys and waits until the id is gone. */
int watch_destroy(u32 domid);

/* --- claimtable.c -------------------------------------------------------------------------------------- */

/* Three domains over all nodes, their claims as a table before, during and after their builds. False: some
 * figure was wrong. Leaves nothing behind. vCPU 0; uses the others by itself. */
bool claimtable_run(u64 slack);

#endif

/*
 * `make bench-alloc`: what the parts of the host benchmark share. Two allocators do the same work in one
 * program: Homestead's mm/, by its public interface only, and a plain buddy as yardstick.
 *
 * Frames are numbers from 0. Node n of a machine has frames [bench_node_base(n), + pages a node).
 */
#ifndef BENCH_ALLOC_BENCH_H
#define BENCH_ALLOC_BENCH_H

#include <homestead/addr.h>
#include <time.h>

#define BENCH_DOMAINS 8u
#define BENCH_BULK    64u
#define BENCH_GIB     262144u /* pages */

/* One allocator. Domains 0 .. BENCH_DOMAINS - 1 have no limit and no claim; memory is not really cleared. */
struct subject {
    const char *name;
    /* A fresh machine with all its memory free and every domain without any. */
    void (*reset)(u32 nr_nodes, u64 pages_per_node);
    /* 2^order frames of exactly that node. False: none left. */
    bool (*take)(u32 domain, nodeid_t nid, u32 order, u64 *n);
    void (*give)(u32 domain, u64 n, u32 order);
    /* BENCH_BULK single pages taken and given back, by the calls for many, where there are some. */
    void (*bulk_pair)(u32 domain, nodeid_t nid);
    u64 metadata_bytes; /* for each 512 frames */
};
extern const struct subject subject_homestead, subject_buddy;

static inline u64 bench_node_base(nodeid_t nid, u64 pages_per_node)
{
    return BENCH_GIB + nid * pages_per_node;
}

static inline u64 bench_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

/* --- work.c: work that both allocators do --- */
struct work {
    const char *name;
    bool claims;   /* only Homestead has them */
    u64 count_ops; /* operations where instructions are counted, under an emulator */
    u64 time_ops;  /* where time is measured */
    u64 step_ops;  /* where single steps are taken; 0: not there */
    bool once;     /* run() uses up what prepare() made: prepare again before each */
    void (*prepare)(const struct subject *on);
    void (*run)(const struct subject *on, u64 ops);
};
extern const struct work works[];
extern const u32 nr_works;
/* 2M regions that hold a page of the four domains left, after eight filled 90 % of 4 GiB page by page in
 * random turns and four gave all back. */
u64 work_fragment(const struct subject *on);
#define FRAGMENT_IDEAL 922u

/* --- host.c: claims of Homestead's, which the yardstick does not have --- */
void host_claim(u32 domain, nodeid_t nid, u64 pages);
void host_unclaim(u32 domain);
/* A claim on each of nr nodes at once, over whatever there was. */
void host_claim_set(u32 domain, u32 nr_nodes, u64 pages);
/* Kills a domain and takes all it has; fresh and alive afterwards. */
void host_destroy(u32 domain);
void host_scrub(nodeid_t nid);
/* Takes 32 extents of 2 MiB, in as few calls as it needs, and gives them back in one. */
void host_many_2m(u32 domain, nodeid_t nid);

/* --- threads.c --- */
/* Nanoseconds until all of nr threads have done ops pairs each, single or in bulk; same: on one node. */
u64 threads_run(const struct subject *on, u32 nr, bool same, bool bulk, u64 ops);

/* --- hold.c: only in the program that takes single steps --- */
void hold_begin(void);
void hold_end(void);
/* Instructions of the longest hold of any lock since the last hold_reset(), nested ones included. */
u64 hold_longest(void);
void hold_reset(void);

#endif

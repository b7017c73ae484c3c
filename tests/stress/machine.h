/*
 * The machine under claim-stress: what mm/ needs from below, with threads as CPUs and no memory but one tag a
 * frame. A tag of 0 is a page of zeros; whoever gets a page writes his own tag, finds it there when he gives
 * it back, and so sees pages that were handed out twice, not cleared, or cleared while they were his.
 */
#ifndef TESTS_STRESS_MACHINE_H
#define TESTS_STRESS_MACHINE_H

#include <stdlib.h>
#include <homestead/errno.h>
#include <mm/claims.h>
#include <mm/mm.h>

#define MACHINE_DOMAINS 128u

extern struct mem_account machine_account[MACHINE_DOMAINS];
extern _Thread_local nodeid_t machine_cpu_node;
extern u64 machine_frames;
/* Called while frames [n, n + nr) are cleared, no lock held; before a first lock is taken. NULL: nothing. */
extern void (*machine_on_clear)(u64 n, u64 nr);
extern void (*machine_on_lock)(void);

/* A fresh mm/: nodes in a line, the lower one of equally near ones first; frames below nr_frames. */
void machine_init(u32 nr_nodes, u64 nr_frames);
void machine_add(u64 start, u64 end, nodeid_t nid);
/* The account is new, and found by its domid from now on. */
struct mem_account *machine_domain(u16 domid, u64 max_pages);

void machine_tag(u64 n, u32 order, u16 tag);   /* pages come: all were zero, or it is wrong */
void machine_untag(u64 n, u32 order, u16 tag); /* pages go: all were tag, or it is wrong */

/* Something is not as it must be: counted, and the first ones printed with what the thread was at. */
void wrong(const char *fmt, ...) PRINTF(1, 2);
extern u64 machine_wrong;
/* For wrong(): the run, and where in it. */
extern u64 machine_seed;
extern _Thread_local u64 machine_step;
extern _Thread_local const char *machine_op;

/* xorshift64*; below 1 .. 2^32 - 1 */
struct rng {
    u64 state;
};
void rng_seed(struct rng *rng, u64 seed);
static inline u32 rng_draw(struct rng *rng, u32 below)
{
    rng->state ^= rng->state >> 12;
    rng->state ^= rng->state << 25;
    rng->state ^= rng->state >> 27;
    return (u32)(((rng->state * 0x2545f4914f6cdd1dull >> 32) * below) >> 32);
}

#endif

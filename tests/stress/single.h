/* What the files of the single-threaded run share: the reference is in step with mm/ between two operations.
 */
#ifndef TESTS_STRESS_SINGLE_H
#define TESTS_STRESS_SINGLE_H

#include "reference.h"
#include "stress.h"

#define SINGLE_OPEN 4u /* takes under way at the same time */
#define SINGLE_HELD 4096u

/* The domain that fills the nodes up, so that the others meet their end. */
#define SINGLE_HOG (REF_DOMS - 1)

struct single_extent {
    u64 n;
    u32 d, order;
};
struct single_open {
    struct mm_taken taken;
    struct ref_receipt receipt;
    u32 d;
    bool overhead;
};
struct single {
    struct rng rng;
    struct stress_result *result;
    u32 faults;
    u32 profile;
    struct single_open open[SINGLE_OPEN];
    u32 nr_open;
    struct single_extent seen[SINGLE_HELD]; /* guest memory handed out lately; may have gone since */
    u32 nr_seen;
    struct single_extent held[SINGLE_HELD]; /* overhead */
    u32 nr_held;
    u32 pinned[64];
    u32 nr_pinned;
    u32 away[256]; /* offline, or leaving */
    u32 nr_away;
    u32 cleared, last_cleared; /* frames cleared in this operation, and the last of them */
};
extern struct single run;

#define MUST(cond, ...) \
    do { \
        if (!(cond)) { \
            wrong("not so: " #cond " " __VA_ARGS__); \
            return; \
        } \
    } while (0)

static inline u32 rnd(u32 below)
{
    return rng_draw(&run.rng, below);
}
static inline struct mem_account *single_account(u32 d)
{
    return d ? &accounts[d] : NULL;
}
static inline u32 single_domain(void)
{
    return 1 + rnd(REF_DOMS - 2);
}
/* A refusal for want of memory that the reference does not share is counted as such. True: as expected. */
bool single_expect(enum stress_op op, int rc, int expected);

/* single_take.c */
void single_take(u32 d, const struct mm_request *request, bool finish);
void single_op_alloc(void);
void single_op_take(void);
void single_op_done(void);
void single_op_free_overhead(void);
void single_fill_up(void);
void single_on_clear(u64 n, u64 nr);
/* single_ops.c */
void single_op_release(void);
void single_op_pin(void);
void single_op_unpin(void);
void single_op_kill(u32 d);
void single_op_release_some(void);
void single_op_scrub(void);
void single_op_offline(void);
void single_op_online(void);
void single_op_settings(void);
/* single_claims.c */
void single_op_legacy(u32 d);
void single_op_set(u32 d);
void single_op_claim_rest(u32 d, bool claim); /* host-wide all that nobody claims, or nothing any more */

#endif

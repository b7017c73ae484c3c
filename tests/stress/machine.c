/* What mm/ is given from below, and what holds it to account: see machine.h. */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/frames.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <tests/mm_table.h>

#define WRONG_PRINTED 20u

struct mem_account machine_account[MACHINE_DOMAINS];
_Thread_local nodeid_t machine_cpu_node;
u64 machine_frames;
void (*machine_on_clear)(u64 n, u64 nr);
void (*machine_on_lock)(void);
u64 machine_wrong;
u64 machine_seed;
_Thread_local u64 machine_step;
_Thread_local const char *machine_op = "start";

static u16 *tags;
static bool known[MACHINE_DOMAINS];

/* --- what mm/ calls --- */

void *mfn_to_virt(mfn_t m)
{
    (void)m;
    abort(); /* nothing in mm/ but frames_clear(), which is below, touches memory */
}

void frames_clear(mfn_t m, u64 nr)
{
    if (m.n + nr > machine_frames) {
        wrong("frames %llu.. of %llu cleared", (unsigned long long)m.n, (unsigned long long)nr);
        return;
    }
    memset(&tags[m.n], 0, nr * sizeof(tags[0]));
    if (machine_on_clear)
        machine_on_clear(m.n, nr);
}

nodeid_t this_node(void)
{
    return machine_cpu_node;
}

void mm_wake_scrubber(nodeid_t nid)
{
    (void)nid; /* scrubbing comes often enough */
}

struct mem_account *mem_account_find(u16 domid)
{
    return domid < MACHINE_DOMAINS && __atomic_load_n(&known[domid], __ATOMIC_ACQUIRE)
               ? &machine_account[domid]
               : NULL;
}

void printk(enum log_level level, const char *fmt, ...)
{
    va_list args;

    if (level > LOG_ERROR)
        return;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
}

void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "claim-stress: seed %llu, step %llu (%s): %s:%d: %s\n", (unsigned long long)machine_seed,
            (unsigned long long)machine_step, machine_op, file, line, what);
    abort();
}

/* Lock levels rise, and locks are dropped in reverse order. */
static _Thread_local u32 levels[8];
static _Thread_local u32 depth;

void lock_check_take(u32 level)
{
    if (depth == 0 && machine_on_lock)
        machine_on_lock();
    if (depth == ARRAY_SIZE(levels) || (depth && levels[depth - 1] >= level))
        assert_failed("lock levels rise", __FILE__, __LINE__);
    levels[depth++] = level;
}

void lock_check_drop(u32 level)
{
    if (!depth || levels[--depth] != level)
        assert_failed("locks are dropped in reverse order", __FILE__, __LINE__);
}

/* --- set-up --- */

void machine_init(u32 nr_nodes, u64 nr_frames)
{
    free(tags);
    tags = malloc(nr_frames * sizeof(tags[0]));
    memset(tags, 0xff, nr_frames * sizeof(tags[0])); /* rubbish */
    machine_frames = nr_frames;
    memset(known, 0, sizeof(known));
    machine_on_clear = NULL;
    machine_on_lock = NULL;
    mm_table_init_line(nr_nodes, nr_frames);
}

void machine_add(u64 start, u64 end, nodeid_t nid)
{
    if (mm_add_range(mfn(start), mfn(end), nid))
        assert_failed("mm_add_range", __FILE__, __LINE__);
}

struct mem_account *machine_domain(u16 domid, u64 max_pages)
{
    mem_account_init(&machine_account[domid], domid);
    machine_account[domid].max_pages = max_pages;
    __atomic_store_n(&known[domid], true, __ATOMIC_RELEASE);
    return &machine_account[domid];
}

/* --- contents --- */

void machine_tag(u64 n, u32 order, u16 tag)
{
    u32 found = 0;

    for (u64 i = n; i < n + BIT(order); i++) {
        found |= tags[i];
        tags[i] = tag;
    }
    if (found)
        wrong("order %u at %llu: given out dirty or twice", order, (unsigned long long)n);
}

void machine_untag(u64 n, u32 order, u16 tag)
{
    u32 other = 0;

    for (u64 i = n; i < n + BIT(order); i++)
        other |= tags[i] ^ tag;
    if (other)
        wrong("order %u at %llu: somebody else wrote there", order, (unsigned long long)n);
}

void wrong(const char *fmt, ...)
{
    va_list args;

    if (__atomic_fetch_add(&machine_wrong, 1, __ATOMIC_RELAXED) >= WRONG_PRINTED)
        return;
    fprintf(stderr, "claim-stress: seed %llu, step %llu (%s): ", (unsigned long long)machine_seed,
            (unsigned long long)machine_step, machine_op);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void rng_seed(struct rng *rng, u64 seed)
{
    rng->state = (seed + 1) * 0x9e3779b97f4a7c15ull;
    rng->state ^= rng->state >> 31;
    rng->state += rng->state == 0;
}

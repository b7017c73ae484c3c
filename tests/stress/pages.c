/* The pages, and what holds mm/ to account: see pages.h. */
#include "pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tests/machine/accounts.h>

#define WRONG_PRINTED 20u

_Thread_local nodeid_t this_cpu_node;
u64 pages_end;
void (*on_pages_cleared)(u64 n, u64 nr);
u64 nr_wrong;
u64 run_seed;
_Thread_local u64 run_step;
_Thread_local const char *run_op = "start";

static u16 *tags;

nodeid_t this_node(void)
{
    return this_cpu_node;
}

static void clear_tags(u64 n, u64 nr)
{
    if (n + nr > pages_end) {
        wrong("frames %llu.. of %llu cleared", (unsigned long long)n, (unsigned long long)nr);
        return;
    }
    memset(&tags[n], 0, nr * sizeof(tags[0]));
    if (on_pages_cleared)
        on_pages_cleared(n, nr);
}

static void say_where(const char *what, const char *file, int line)
{
    (void)what;
    fprintf(stderr, "claim-stress: seed %llu, step %llu (%s): %s:%d\n", (unsigned long long)run_seed,
            (unsigned long long)run_step, run_op, file, line);
}

/* --- set-up --- */

void pages_make(u32 nr_nodes, u64 nr_frames)
{
    free(tags);
    tags = malloc(nr_frames * sizeof(tags[0]));
    memset(tags, 0xff, nr_frames * sizeof(tags[0]));
    pages_end = nr_frames;
    accounts_forget();
    on_pages_cleared = NULL;
    on_first_lock = NULL;
    on_clear = clear_tags;
    on_assert_failed = say_where;
    report_errors = true;
    mm_make(nr_nodes, nr_frames);
}

void pages_add(u64 start, u64 end, nodeid_t nid)
{
    BUG_ON(mm_add_range(mfn(start), mfn(end), nid));
}

/* --- contents --- */

void pages_come(u64 n, u32 order, u16 tag)
{
    u32 found = 0;

    for (u64 i = n; i < n + BIT(order); i++) {
        found |= tags[i];
        tags[i] = tag;
    }
    if (found)
        wrong("order %u at %llu: given out dirty or twice", order, (unsigned long long)n);
}

void pages_go(u64 n, u32 order, u16 tag)
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

    if (__atomic_fetch_add(&nr_wrong, 1, __ATOMIC_RELAXED) >= WRONG_PRINTED)
        return;
    fprintf(stderr, "claim-stress: seed %llu, step %llu (%s): ", (unsigned long long)run_seed,
            (unsigned long long)run_step, run_op);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/*
 * What mm/ needs from below, for its host tests: a frame table, memory to clear, accounts by domid, and a
 * lock-order check. One test program includes it once.
 */
#ifndef TESTS_MM_HARNESS_H
#define TESTS_MM_HARNESS_H

#include <tests/machine/test.h>

#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/frames.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <mm/claims.h>
#include <mm/mm.h>
#include <tests/mm_table.h>

#define HARNESS_DOMAINS 80u

static u8 *harness_arena; /* real memory of frames [0, harness_arena_frames) */
static u64 harness_arena_frames;
static struct mem_account harness_accounts[HARNESS_DOMAINS];
static bool harness_live[HARNESS_DOMAINS];
static nodeid_t harness_cpu_node;
static u64 harness_cleared; /* frames, since the last reset */
static void (*harness_on_clear)(u64 n, u64 nr);
static void (*harness_on_lock)(u32 level); /* before a first lock is taken: another CPU may come in here */

void *mfn_to_virt(mfn_t m)
{
    return harness_arena + m.n * PAGE_SIZE;
}
nodeid_t this_node(void)
{
    return harness_cpu_node;
}

void frames_clear(mfn_t m, u64 nr)
{
    if (m.n + nr <= harness_arena_frames)
        memset(mfn_to_virt(m), 0, nr * PAGE_SIZE);
    __atomic_add_fetch(&harness_cleared, nr, __ATOMIC_RELAXED);
    if (harness_on_clear)
        harness_on_clear(m.n, nr);
}

static u64 harness_woken; /* bit per node: asked to be cleaned */
__attribute__((weak)) void mm_wake_scrubber(nodeid_t nid)
{
    harness_woken |= BIT(nid);
}

struct mem_account *mem_account_find(u16 domid)
{
    return domid < HARNESS_DOMAINS && harness_live[domid] ? &harness_accounts[domid] : NULL;
}

void printk(enum log_level level, const char *fmt, ...)
{
    va_list args;
    (void)level;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
}

void assert_failed(const char *what, const char *file, int line)
{
    mock_assert(0, what, file, line);
    abort();
}

/* Levels must rise; every lock of these modules is dropped in reverse order. */
static _Thread_local u32 harness_levels[8];
static _Thread_local u32 harness_depth;

void lock_check_take(u32 level)
{
    if (harness_on_lock && harness_depth == 0)
        harness_on_lock(level);
    if (harness_depth == ARRAY_SIZE(harness_levels) ||
        (harness_depth && harness_levels[harness_depth - 1] >= level)) {
        fprintf(stderr, "lock level %u taken above %u\n", level, harness_levels[harness_depth - 1]);
        abort();
    }
    harness_levels[harness_depth++] = level;
}

void lock_check_drop(u32 level)
{
    if (!harness_depth || harness_levels[--harness_depth] != level) {
        fprintf(stderr, "lock level %u dropped out of order\n", level);
        abort();
    }
}

/* A fresh mm/ with nr_nodes nodes; near as in a line of nodes, the lower one of equals first. Frames [0,
 * nr_frames) have records, the first arena_frames of them real memory, filled with rubbish. */
static inline void harness_init(u32 nr_nodes, u64 nr_frames, u64 arena_frames)
{
    free(harness_arena);
    harness_arena = malloc(arena_frames * PAGE_SIZE + 1);
    memset(harness_arena, 0xa5, arena_frames * PAGE_SIZE);
    harness_arena_frames = arena_frames;
    memset(harness_live, 0, sizeof(harness_live));
    harness_cpu_node = 0;
    harness_cleared = 0;
    harness_on_clear = NULL;
    harness_on_lock = NULL;
    mm_table_init_line(nr_nodes, nr_frames);
}

static inline struct mem_account *harness_domain(u16 domid, u64 max_pages)
{
    mem_account_init(&harness_accounts[domid], domid);
    harness_accounts[domid].max_pages = max_pages;
    harness_live[domid] = true;
    return &harness_accounts[domid];
}

/* One extent that mm_take_done() has to follow. */
static inline int harness_take(struct mem_account *account, nodeid_t nid, u32 order, u32 flags,
                               struct mm_taken *taken)
{
    struct mm_request request = {.nid = nid, .order = order, .nr = 1, .flags = flags};
    return mm_take(account, &request, taken);
}

static inline void harness_clean_all(void)
{
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++)
        while (mm_scrub_step(nid))
            ;
}

static inline u64 node_free(nodeid_t nid)
{
    struct mm_node_info info;
    mm_node_get_info(nid, &info);
    return info.free_pages;
}

static inline u64 node_claimed(nodeid_t nid)
{
    struct mm_node_info info;
    mm_node_get_info(nid, &info);
    return info.claimed_pages;
}

static inline u64 node_dirty(nodeid_t nid)
{
    struct mm_node_info info;
    mm_node_get_info(nid, &info);
    return info.dirty_pages;
}

static inline struct mm_host_info host_info(void)
{
    struct mm_host_info info;
    mm_host_get_info(&info);
    return info;
}

static inline void harness_teardown(void)
{
    mm_table_free();
    free(harness_arena);
    harness_arena = NULL;
}

#endif

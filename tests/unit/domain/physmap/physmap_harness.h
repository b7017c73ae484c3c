/*
 * The physmap on the real nested tables and the real allocator, one node of 64 MiB, up to two domains. One
 * test program includes it once; every test ends with check_all_back().
 */
#ifndef TESTS_PHYSMAP_HARNESS_H
#define TESTS_PHYSMAP_HARNESS_H

#include <tests/machine/test.h>

#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/frames.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <tests/mm_table.h>

#define FRAMES 0x4000u /* 64 MiB */

static u8 *arena;
static struct domain *doms[3];
static u32 syncs, reaps;

void *mfn_to_virt(mfn_t m)
{
    assert_true(m.n < FRAMES);
    return arena + m.n * PAGE_SIZE;
}
void frames_clear(mfn_t m, u64 nr)
{
    memset(mfn_to_virt(m), 0, nr * PAGE_SIZE);
}
void mm_wake_scrubber(nodeid_t nid)
{
    (void)nid;
}
nodeid_t this_node(void)
{
    return 0;
}
struct mem_account *mem_account_find(u16 domid)
{
    return domid < ARRAY_SIZE(doms) && doms[domid] ? &doms[domid]->mem : NULL;
}
void sched_sync_domain(struct domain *d)
{
    (void)d;
    syncs++;
}
void domain_reap(void)
{
    reaps++;
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
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}
static u32 levels[8], depth;
void lock_check_take(u32 level)
{
    assert_true(!depth || levels[depth - 1] < level);
    levels[depth++] = level;
}
void lock_check_drop(u32 level)
{
    assert_int_equal(levels[--depth], level);
}

static inline u64 free_pages(void)
{
    struct mm_host_info info;

    mm_host_get_info(&info);
    return info.free_pages;
}

static inline struct domain *new_domain(u16 id, u64 pool)
{
    struct domain *d = calloc(1, sizeof(*d));

    d->id = id;
    mem_account_init(&d->mem, id);
    d->mem.max_pages = FRAMES;
    doms[id] = d;
    assert_int_equal(physmap_init(d, pool), 0);
    return d;
}

static inline void destroy(struct domain *d)
{
    mm_account_kill(&d->mem);
    while (physmap_destroy_step(d, 3))
        ;
    while (mm_release_some(&d->mem, 3))
        ;
}

static u64 free_at_start;

static inline void setup(void)
{
    static u8 near[MAX_NODES][MAX_NODES]; /* one node: itself */

    arena = aligned_alloc(PAGE_SIZE, FRAMES * PAGE_SIZE);
    memset(arena, 0xa5, FRAMES * PAGE_SIZE);
    mm_table_init(FRAMES);
    mm_set_nodes(1, (const u8(*)[MAX_NODES])near);
    assert_int_equal(mm_add_range(mfn(0x200), mfn(FRAMES), 0), 0);
    free_at_start = free_pages();
    syncs = reaps = 0;
}

static inline void teardown(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(doms); i++) {
        free(doms[i]);
        doms[i] = NULL;
    }
    free(arena);
    mm_table_free();
}

/* Every test ends here: domains gone, every page back, the allocator consistent. */
static inline void check_all_back(void)
{
    for (u32 i = 0; i < ARRAY_SIZE(doms); i++)
        if (doms[i]) {
            destroy(doms[i]);
            assert_int_equal(doms[i]->mem.tot_pages, 0);
            assert_int_equal(doms[i]->mem.overhead_pages, 0);
            assert_int_equal(doms[i]->physmap.pool_pages, 0);
            assert_int_equal(doms[i]->physmap.pool_used, 0);
        }
    assert_int_equal(free_pages(), free_at_start);
    assert_int_equal(mm_check(), 0);
    assert_int_equal(depth, 0);
}

static inline mfn_t populate(struct domain *d, u64 g, u32 order)
{
    mfn_t m;

    assert_int_equal(mm_alloc(&d->mem, NODE_NONE, order, 0, &m), 0);
    assert_int_equal(physmap_place(d, gfn(g), m, order, NP_RAM), 0);
    return m;
}

#endif

/*
 * Nested page tables on table pages from a pool of the test's own, which can be made to fail. One test
 * program includes it once. NP_TEST(name) runs a test on AMD's entries, on Intel's, and on Intel's where large pages
 * cannot be executed; at its end the tables must be
 * such as a CPU accepts, and all pages come back.
 */
#ifndef TESTS_NP_POOL_H
#define TESTS_NP_POOL_H

#include <tests/machine/test.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/hvm/nested_paging.h>
#include <arch/x86/hvm/vmx/ept.h>
#include <homestead/errno.h>
#include <lib/assert.h>

/* --- table pages --- */

#define POOL_PAGES 1600u
#define POOL_BASE  0x12340000000ull

static u64 pool[POOL_PAGES][512];
static bool taken[POOL_PAGES];
static u32 nr_taken;
static u32 fail_after; /* allocations that still succeed */
static struct np_table np;

static u32 pool_index(u64 maddr)
{
    u64 index = (maddr - POOL_BASE) / PAGE_SIZE;

    assert_true(maddr % PAGE_SIZE == 0 && index < POOL_PAGES);
    return (u32)index;
}

/* In place of the machine's. */
void *mfn_to_virt(mfn_t m)
{
    u32 i = pool_index(mfn_to_maddr(m));

    assert_true(taken[i]); /* nobody looks at a page that has gone */
    return pool[i];
}

static u64 pool_alloc(void *ctx)
{
    assert_ptr_equal(ctx, &np);
    if (!fail_after)
        return 0;
    fail_after--;
    for (u32 i = 0; i < POOL_PAGES; i++) {
        if (taken[i])
            continue;
        taken[i] = true;
        nr_taken++;
        memset(pool[i], 0, PAGE_SIZE);
        return POOL_BASE + i * PAGE_SIZE;
    }
    fail_msg("the test's pool is too small");
    return 0;
}

static void pool_free(void *ctx, u64 maddr)
{
    u32 i = pool_index(maddr);

    assert_ptr_equal(ctx, &np);
    assert_true(taken[i]);
    taken[i] = false;
    nr_taken--;
    memset(pool[i], 0xa5, PAGE_SIZE);
}

#define TEST_MADDR_BITS 46u /* POOL_BASE has 45 */

/* AMD's rules for an entry that is used: APM2 5.3, 15.25.5. All but the address, the rights to write and execute, and the
 * ignored bits is fixed. */
static bool amd_accepts(u64 entry, u32 level)
{
    bool leaf = level == 1 || (entry & BIT(7));
    u64 address = entry & 0x000ffffffffff000ull;

    if (!(entry & 1))
        return true;
    if (!(entry & BIT(2)) || !(entry & BIT(5)) || address >> TEST_MADDR_BITS || entry >> 62)
        return false; /* user, accessed; bit 63: no execution */
    if (!leaf)
        return !(entry & BIT(6));
    /* No 512 GiB pages; caches are used (bits 3 and 4); dirty */
    return level < 4 && !(entry & 0x118) && (entry & BIT(6)) &&
           IS_ALIGNED(address, PAGE_SIZE << 9 * (level - 1));
}

static bool on_intel, exec_large; /* exec_large: large pages can be executed */

/* Walks all tables as the CPU would. */
static void check_accepted(u64 maddr, u32 level)
{
    const u64 *table = mfn_to_virt(maddr_to_mfn(maddr));

    for (u32 i = 0; i < 512; i++) {
        u64 entry = table[i];
        bool ok = on_intel ? !ept_entry_fault(entry, level, TEST_MADDR_BITS).what : amd_accepts(entry, level);

        if (!ok)
            fail_msg("entry %llx of level %u: %s", (unsigned long long)entry, level,
                     on_intel ? ept_entry_fault(entry, level, TEST_MADDR_BITS).what : "not as APM2 wants it");
        if (on_intel && (entry & 3) && !(entry & BIT(2)) != (!exec_large && level > 1 && (entry & BIT(7))))
            fail_msg("entry %llx of level %u: the right to execute", (unsigned long long)entry, level);
        if ((entry & 7) && level > 1 && !(entry & BIT(7)))
            check_accepted(entry & 0x000ffffffffff000ull, level - 1);
    }
}

#define EPT_CAP_ALL 0xf0106334141ull /* of Bochs' corei7_haswell_4770 */

static void setup_pool(void)
{
    memset(taken, 0, sizeof(taken));
    nr_taken = 0;
    fail_after = ~0u;
    np = (struct np_table){.alloc = pool_alloc, .free = pool_free, .ctx = &np};
    assert_int_equal(np_init(&np), 0);
}

static inline void setup_amd(void)
{
    on_intel = false;
    np_largest_order = ORDER_1G;
    np_set_format(NP_AMD_TABLE, NP_AMD_LEAF, 0);
    setup_pool();
}

static inline void setup_ept(bool executed)
{
    on_intel = true;
    exec_large = executed;
    assert_null(ept_choose(EPT_CAP_ALL, MEMORY_WB, exec_large));
    setup_pool();
}

static inline void setup_intel(void)
{
    setup_ept(true);
}

static inline void setup_intel_split(void)
{
    setup_ept(false);
}

static void teardown(void)
{
    u32 calls = 0;

    check_accepted(np.root_maddr, 4);

    while (np_destroy(&np, 3))
        assert_true(++calls < 10000);
    assert_int_equal(nr_taken, 0);
    assert_int_equal(np.nr_pages, 0);
    assert_false(np_destroy(&np, 1)); /* and once more does no harm */
}

/* One extent. */
static inline int map(gfn_t g, mfn_t m, u32 order, enum np_type type)
{
    u32 done = 7;

    int rc = np_map_many(&np, &g, &m, order, 1, type, &done);
    assert_int_equal(done, rc == 0);
    return rc;
}

#define NP_TEST(test_name) \
    static void test_name(void); \
    TEST_WITH(test_name##_amd, setup_amd, teardown) \
    { \
        test_name(); \
    } \
    TEST_WITH(test_name##_intel, setup_intel, teardown) \
    { \
        test_name(); \
    } \
    TEST_WITH(test_name##_intel_split, setup_intel_split, teardown) \
    { \
        test_name(); \
    } \
    static void test_name(void)

#define ALL_TYPES (1u << NP_RAM | 1u << NP_FOREIGN | 1u << NP_SPECIAL | 1u << NP_POD)

/* Whatever is mapped in 2^order frames. A part of a larger mapping is all or nothing. trim: NP_TRIM or 0. */
static inline int unmap_and(gfn_t g, u32 order, u32 trim)
{
    struct np_entry old;
    u32 piece = order;

    for (u64 n = g.n; n < g.n + BIT(order); n = (n | (BIT(MIN(old.order, order)) - 1)) + 1) {
        if (n != g.n)
            piece = MIN(order, (u32)__builtin_ctzll(n));
        int rc = np_unmap(&np, gfn(n), piece, ALL_TYPES | trim, &old);
        if (rc)
            return rc;
    }
    return 0;
}

static inline int unmap(gfn_t g, u32 order)
{
    return unmap_and(g, order, 0);
}

#endif

/* multicall: batches of zero, one and several calls, with failing calls and unreadable lists. */
#include <tests/guests/conformance/conformance.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sched.h>
#include <xen/version.h>

#define ENTRIES   128u
#define UNTOUCHED 0x5a5a

static struct multicall_entry list[ENTRIES];

static void fill(u32 nr)
{
    memset(list, 0, sizeof(list));
    for (u32 i = 0; i < ENTRIES; i++) {
        list[i].result = UNTOUCHED;
        if (i < nr) {
            list[i].op = __HYPERVISOR_xen_version;
            list[i].args[0] = XENVER_pagesize;
        }
    }
}

static long multicall(const void *calls, u64 nr)
{
    return hypercall(__HYPERVISOR_multicall, (u64)(uintptr_t)calls, nr, 0, 0, 0);
}

/* How many entries from the first one have a result of page size; and whether the next one is untouched. */
static u32 done(void)
{
    u32 i = 0;

    while (i < ENTRIES && list[i].result == PAGE_SIZE)
        i++;
    return i;
}

#define SHOW " done=%u next=%lld", done(), (long long)(done() < ENTRIES ? (s64)list[done()].result : -1)

static void counts(void)
{
    fill(ENTRIES);
    CASE_SHOW("multicall", "none", multicall(list, 0), SHOW);
    CASE("multicall", "none_null", multicall(NULL, 0));
    CASE("multicall", "none_not_mapped", multicall(bad_ptr(), 0));
    fill(ENTRIES);
    CASE_SHOW("multicall", "one", multicall(list, 1), SHOW);
    fill(ENTRIES);
    CASE_SHOW("multicall", "three", multicall(list, 3), SHOW);
    fill(ENTRIES);
    CASE_SHOW("multicall", "all", multicall(list, ENTRIES), SHOW);
    fill(ENTRIES);
    CASE_SHOW("multicall", "count_above_32_bits", multicall(list, 1ull << 32 | 2), SHOW);
    fill(ENTRIES);
    CASE_SHOW("multicall", "count_2_to_32", multicall(list, 1ull << 32), SHOW);
}

static void pointers(void)
{
    CASE("multicall", "not_mapped", multicall(bad_ptr(), 1));
    CASE("multicall", "no_memory", multicall(hole_ptr(), 1));
    CASE("multicall", "huge_count_not_mapped", multicall(bad_ptr(), 0xffffffff));
    struct multicall_entry *at = edge_ptr(2 * sizeof(*at));
    memcpy(at, list, 2 * sizeof(*at));
    at[0].op = at[1].op = __HYPERVISOR_xen_version;
    at[0].args[0] = at[1].args[0] = XENVER_pagesize;
    at[0].result = at[1].result = UNTOUCHED;
    CASE_SHOW("multicall", "to_the_edge", multicall(at, 2), " results=%lld,%lld", (long long)at[0].result,
              (long long)at[1].result);
    at[0].result = at[1].result = UNTOUCHED;
    CASE_SHOW("multicall", "list_ends_early", multicall(at, 3), " results=%lld,%lld", (long long)at[0].result,
              (long long)at[1].result);
    at[0].result = at[1].result = UNTOUCHED;
    CASE_SHOW("multicall", "huge_count_ends_early", multicall(at, 0x7fffffff), " results=%lld,%lld",
              (long long)at[0].result, (long long)at[1].result);
    at = edge_ptr(sizeof(*at) - 1);
    CASE("multicall", "one_byte_over", multicall(at, 1));
    at = edge_ptr(sizeof(u64));
    CASE("multicall", "only_the_number", multicall(at, 1));
}

/* Prints the results of a batch with this entry in the middle. */
static void middle(const char *name, u64 op, u64 a1, u64 a2)
{
    fill(3);
    list[1].op = op;
    list[1].args[0] = a1;
    list[1].args[1] = a2;
    CASE_SHOW("multicall", name, multicall(list, 3), " results=%lld,%lld,%lld", (long long)list[0].result,
              (long long)list[1].result, (long long)list[2].result);
}

static void contents(void)
{
    u32 port = 9999;

    middle("fails_in_the_middle", __HYPERVISOR_event_channel_op, EVTCHNOP_close, (u64)(uintptr_t)&port);
    middle("bad_argument", __HYPERVISOR_xen_version, XENVER_extraversion, (u64)(uintptr_t)bad_ptr());
    middle("unknown_command", __HYPERVISOR_xen_version, 99, 0);
    middle("nr_63", 63, 0, 0);
    middle("nr_64", 64, 0, 0);
    middle("nr_2_to_31", 1ull << 31, 0, 0);
    middle("nr_all_ones", ~0ull, 0, 0);
    middle("nr_above_32_bits", 1ull << 32 | __HYPERVISOR_xen_version, XENVER_pagesize, 0);
    middle("nr_of_nothing", 11, 0, 0);
    middle("nested_none", __HYPERVISOR_multicall, (u64)(uintptr_t)list, 0);
    middle("nested", __HYPERVISOR_multicall, (u64)(uintptr_t)&list[2], 1);
    middle("nested_not_mapped", __HYPERVISOR_multicall, (u64)(uintptr_t)bad_ptr(), 1);
    middle("yield", __HYPERVISOR_sched_op, SCHEDOP_yield, 0);
}

/* The arguments of an entry are unchanged afterwards. */
static void arguments(void)
{
    fill(2);
    for (u32 i = 0; i < 6; i++)
        list[0].args[i] = i ? 0x1111ull * i : XENVER_version;
    CASE_SHOW("multicall", "arguments_stay", multicall(list, 2),
              " op=%llu args=%llx,%llx,%llx,%llx,%llx,%llx", (unsigned long long)list[0].op,
              (unsigned long long)list[0].args[0], (unsigned long long)list[0].args[1],
              (unsigned long long)list[0].args[2], (unsigned long long)list[0].args[3],
              (unsigned long long)list[0].args[4], (unsigned long long)list[0].args[5]);
}

/* The batch runs in order: the next entry sees the write of one entry. */
static void order(void)
{
    fill(3);
    list[0].op = __HYPERVISOR_xen_version;
    list[0].args[0] = XENVER_get_features;
    list[0].args[1] = (u64)(uintptr_t)&list[1].args[2];
    list[1].args[2] = 0;
    struct xen_feature_info *info = (struct xen_feature_info *)&list[1].args[2];
    CASE_SHOW("multicall", "writes_into_the_list", multicall(list, 3),
              " results=%lld,%lld,%lld idx=%u submap=%u", (long long)list[0].result,
              (long long)list[1].result, (long long)list[2].result, info->submap_idx, info->submap != 0);
}

void cases_multicall(void)
{
    counts();
    pointers();
    contents();
    arguments();
    order();
}

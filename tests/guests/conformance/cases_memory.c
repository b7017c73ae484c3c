/*
 * memory_op on a domain's memory: populating with each size, node and flag, over existing memory, beyond
 * the limit; increasing, decreasing; figures of a domain. Arguments that are invalid for all of them:
 * cases_extents.c.
 */
#include <tests/guests/conformance/cases.h>

static u32 domid;

static long populate(u64 gfn, u64 nr, u32 order, u32 flags)
{
    return frames_from(XENMEM_populate_physmap, domid, gfn, nr, order, flags);
}

static long decrease(u64 gfn, u64 nr, u32 order)
{
    return frames_from(XENMEM_decrease_reservation, domid, gfn, nr, order, 0);
}

/* Each order has its own aligned place, 4 MiB apart. */
static void orders(void)
{
    static const u32 too_large[] = {18, 19, 20, 31, 32, 63, 64, 0x7fffffff, 0x80000000, 0xffffffff};

    for (u32 order = 0; order <= 10; order++) {
        char name[32];
        snprintf(name, sizeof(name), "order_%u_node_1", order);
        CASE(POPULATE, name, populate(1024ull * (order + 1), 1, order, XENMEMF_exact_node(1)));
    }
    for (u32 i = 0; i < ARRAY_SIZE(too_large); i++) {
        char name[32];
        snprintf(name, sizeof(name), "order_%u", too_large[i]);
        CASE(POPULATE, name, populate(1ull << 18, 1, too_large[i], 0));
    }
    for (u32 order = 0; order <= 10; order++) {
        char name[32];
        snprintf(name, sizeof(name), "order_%u", order);
        CASE("memory_op.decrease_reservation", name, decrease(1024ull * (order + 1), 1, order));
    }
}

static void flags(void)
{
    static const struct {
        const char *name;
        u32 flags;
    } good[] = {
        {"exact_node_0", XENMEMF_exact_node(0)},
        {"exact_node_1", XENMEMF_exact_node(1)},
        {"exact_node_2_absent", XENMEMF_exact_node(2)},
        {"exact_node_63_absent", XENMEMF_exact_node(63)},
        {"exact_node_64_absent", XENMEMF_exact_node(64)},
        {"exact_node_253_absent", XENMEMF_exact_node(253)},
        {"exact_node_254_absent", XENMEMF_exact_node(254)},
    };
    static const u32 widths[] = {1, 11, 12, 13, 20, 30, 31, 32, 33, 48, 64, 128, 255};

    for (u32 i = 0; i < ARRAY_SIZE(good); i++) {
        CASE(POPULATE, good[i].name, populate(i, 1, 0, good[i].flags));
        decrease(i, 1, 0);
    }
    watch(domid, WATCH_DOMAIN | WATCH_HOST); /* from which node is free */
    CASE(POPULATE, "any_node", populate(64, 1, 0, 0));
    CASE(POPULATE, "exact_without_a_node", populate(66, 1, 0, XENMEMF_exact_node_request));
    CASE(POPULATE, "unknown_bit_20", populate(67, 1, 0, 1u << 20));
    CASE(POPULATE, "unknown_bit_31", populate(68, 1, 0, 1u << 31));
    decrease(66, 3, 0);
    CASE(POPULATE, "absent_node_not_exact", populate(65, 1, 0, XENMEMF_node(5)));
    decrease(64, 2, 0);
    for (u32 i = 0; i < ARRAY_SIZE(widths); i++) {
        char name[32];
        snprintf(name, sizeof(name), "address_bits_%u", widths[i]);
        CASE(POPULATE, name, populate(i, 1, 0, widths[i]));
        decrease(i, 1, 0);
    }
    watch(domid, WATCH_DOMAIN | WATCH_HOST | WATCH_NODES);
}

/* Over existing memory, in pieces, and at invalid places. */
static void places(void)
{
    CASE(POPULATE, "order_9_not_aligned", populate(3, 1, 9, XENMEMF_exact_node(1)));
    CASE("memory_op.decrease_reservation", "order_9_not_aligned", decrease(3, 1, 9));
    CASE(POPULATE, "16_for_a_2m_hole", populate(512, 16, 0, XENMEMF_exact_node(1)));
    CASE("memory_op.decrease_reservation", "2m_of_which_16_are_there", decrease(512, 1, 9));
    CASE("memory_op.decrease_reservation", "16_of_them", decrease(512, 16, 0));
    CASE("memory_op.decrease_reservation", "once_more", decrease(512, 16, 0));
    CASE("memory_op.decrease_reservation", "never_there", decrease(5000, 1, 0));
    CASE(POPULATE, "2m", populate(512, 1, 9, XENMEMF_exact_node(1)));
    CASE("memory_op.decrease_reservation", "a_4k_of_a_2m", decrease(600, 1, 0));
    CASE(POPULATE, "4k_into_the_gap", populate(600, 1, 0, XENMEMF_exact_node(0)));
    CASE("memory_op.decrease_reservation", "the_2m_with_a_4k_in_it", decrease(512, 1, 9));
    CASE(POPULATE, "4k", populate(6000, 1, 0, XENMEMF_exact_node(1)));
    CASE(POPULATE, "4k_over_it", populate(6000, 1, 0, XENMEMF_exact_node(1)));
}

/* Frame numbers that no guest can have. */
static void far_away(void)
{
    watch(domid, WATCH_DOMAIN);
    CASE(POPULATE, "at_2_to_40", populate(1ull << 40, 1, 0, 0));
    CASE(POPULATE, "at_2_to_52", populate(1ull << 52, 1, 0, 0));
    CASE(POPULATE, "at_the_last_gfn", populate(~0ull, 1, 0, 0));
    CASE("memory_op.decrease_reservation", "at_2_to_40", decrease(1ull << 40, 1, 0));
    CASE("memory_op.decrease_reservation", "at_the_last_gfn", decrease(~0ull, 1, 0));
}

static void limit(void)
{
    u64 max = 8192;

    set_max(domid, 100);
    CASE(POPULATE, "up_to_max", populate(0, 100, 0, XENMEMF_exact_node(1)));
    CASE(POPULATE, "max_plus_1", populate(100, 1, 0, XENMEMF_exact_node(1)));
    CASE("memory_op.decrease_reservation", "ten", decrease(0, 10, 0));
    CASE(POPULATE, "twenty_of_which_ten_fit", populate(0, 20, 0, XENMEMF_exact_node(1)));
    CASE("memory_op.decrease_reservation", "ten_more", decrease(0, 10, 0));
    CASE(POPULATE, "16_at_once_of_which_ten_fit", populate(0, 1, 4, XENMEMF_exact_node(1)));
    CASE("domctl.max_mem", "below_tot", set_max(domid, 50));
    CASE(POPULATE, "above_max", populate(0, 1, 0, XENMEMF_exact_node(1)));
    CASE("memory_op.increase_reservation", "above_max",
         frames_op(XENMEM_increase_reservation, domid, NULL, 1, 0, 0));
    CASE("domctl.max_mem", "back", set_max(domid, max));
    decrease(10, 90, 0);
}

/* Memory that the domain owns and that is not mapped: how much, from which node. */
static void increase(void)
{
    xen_pfn_t list[4] = {1, 2, 3, 4};

    watch(domid, WATCH_DOMAIN | WATCH_HOST | WATCH_NODES);
    CASE("memory_op.increase_reservation", "4_pages_node_1",
         frames_op(XENMEM_increase_reservation, domid, NULL, 4, 0, XENMEMF_exact_node(1)));
    CASE_SHOW("memory_op.increase_reservation", "list",
              frames_op(XENMEM_increase_reservation, domid, list, 4, 0, XENMEMF_exact_node(1)),
              " list_untouched=%u", list[0] == 1 && list[3] == 4);
    CASE("memory_op.increase_reservation", "2m",
         frames_op(XENMEM_increase_reservation, domid, NULL, 1, 9, XENMEMF_exact_node(1)));
    CASE("memory_op.increase_reservation", "absent_node",
         frames_op(XENMEM_increase_reservation, domid, NULL, 1, 0, XENMEMF_exact_node(7)));
    CASE("memory_op.increase_reservation", "list_not_mapped",
         frames_op(XENMEM_increase_reservation, domid, bad_ptr(), 1, 0, XENMEMF_exact_node(1)));
    CASE("memory_op.decrease_reservation", "gfn_0", decrease(0, 1, 0));
}

static long by_domid(u64 cmd, u32 whose)
{
    domid_t id = (domid_t)whose;

    return memory_op(cmd, &id);
}

static void figures(void)
{
    static const struct {
        const char *call;
        u64 cmd;
    } calls[] = {
        {"memory_op.current_reservation", XENMEM_current_reservation},
        {"memory_op.maximum_reservation", XENMEM_maximum_reservation},
        {"memory_op.maximum_gpfn", XENMEM_maximum_gpfn},
    };

    watch(0, WATCH_NOTHING);
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        CASE(calls[i].call, "unknown_domain", by_domid(calls[i].cmd, DOMID_UNKNOWN));
        CASE(calls[i].call, "domid_invalid", by_domid(calls[i].cmd, DOMID_INVALID));
        CASE(calls[i].call, "domid_io", by_domid(calls[i].cmd, DOMID_IO));
        CASE(calls[i].call, "domid_xen", by_domid(calls[i].cmd, DOMID_XEN));
        CASE(calls[i].call, "not_mapped", memory_op(calls[i].cmd, bad_ptr()));
        CASE(calls[i].call, "start_extent", memory_op(calls[i].cmd | 1u << MEMOP_EXTENT_SHIFT, bad_ptr()));
        CASE(calls[i].call, "self_is_domain_0",
             by_domid(calls[i].cmd, DOMID_SELF) == by_domid(calls[i].cmd, 0));
        CASE(calls[i].call, "self_is_positive", by_domid(calls[i].cmd, DOMID_SELF) > 0);
    }
    u32 d = domain_new(1000);
    CASE("memory_op.current_reservation", "empty", by_domid(XENMEM_current_reservation, d));
    CASE("memory_op.maximum_reservation", "1000", by_domid(XENMEM_maximum_reservation, d));
    CASE("memory_op.maximum_gpfn", "empty", by_domid(XENMEM_maximum_gpfn, d));
    frames_from(XENMEM_populate_physmap, d, 4096, 10, 0, 0);
    CASE("memory_op.current_reservation", "ten", by_domid(XENMEM_current_reservation, d));
    CASE("memory_op.maximum_gpfn", "ten_from_4096", by_domid(XENMEM_maximum_gpfn, d));
    frames_from(XENMEM_populate_physmap, d, 512, 1, 9, 0);
    CASE("memory_op.maximum_gpfn", "2m_below_them", by_domid(XENMEM_maximum_gpfn, d));
    frames_from(XENMEM_decrease_reservation, d, 4105, 1, 0, 0);
    CASE("memory_op.maximum_gpfn", "the_last_is_gone", by_domid(XENMEM_maximum_gpfn, d));
    set_max(d, 1ull << 30);
    CASE("memory_op.maximum_reservation", "4_tib", by_domid(XENMEM_maximum_reservation, d));
    CASE("memory_op.maximum_ram_page", "not_below_the_first_gib",
         memory_op(XENMEM_maximum_ram_page, NULL) >= 1 << 18);
    CASE("memory_op.maximum_ram_page", "start_extent",
         memory_op(XENMEM_maximum_ram_page | 1u << MEMOP_EXTENT_SHIFT, NULL) > 0);
    domain_end(d);
}

static struct xen_pod_target pod;

static long pod_op(u64 cmd, u32 whose, u64 target)
{
    pod = (struct xen_pod_target){.domid = (domid_t)whose,
                                  .target_pages = target,
                                  .tot_pages = 1,
                                  .pod_cache_pages = 2,
                                  .pod_entries = 3};
    return memory_op(cmd, &pod);
}

#define POD_CASE(call, name, result) \
    CASE_SHOW("memory_op." call, name, result, " target=%lu tot=%lu cache=%lu entries=%lu", \
              pod.target_pages, pod.tot_pages, pod.pod_cache_pages, pod.pod_entries)

/* Of a domain without populate on demand: of 8192 pages at most, none or 600 are there. */
static void pod_target(void)
{
    watch(domid, WATCH_DOMAIN | WATCH_HOST);
    POD_CASE("get_pod_target", "empty", pod_op(XENMEM_get_pod_target, domid, 77));
    POD_CASE("set_pod_target", "empty_0", pod_op(XENMEM_set_pod_target, domid, 0));
    populate(0, 600, 0, XENMEMF_exact_node(1));
    POD_CASE("get_pod_target", "600", pod_op(XENMEM_get_pod_target, domid, ~0ull));
    POD_CASE("set_pod_target", "0_of_600", pod_op(XENMEM_set_pod_target, domid, 0));
    POD_CASE("set_pod_target", "10_of_600", pod_op(XENMEM_set_pod_target, domid, 10));
    POD_CASE("set_pod_target", "600_of_600", pod_op(XENMEM_set_pod_target, domid, 600));
    POD_CASE("set_pod_target", "more", pod_op(XENMEM_set_pod_target, domid, 5000));
    POD_CASE("set_pod_target", "the_limit", pod_op(XENMEM_set_pod_target, domid, 8192));
    POD_CASE("set_pod_target", "above_the_limit", pod_op(XENMEM_set_pod_target, domid, 8193));
    POD_CASE("set_pod_target", "all_ones", pod_op(XENMEM_set_pod_target, domid, ~0ull));
    POD_CASE("set_pod_target", "unknown_domain", pod_op(XENMEM_set_pod_target, DOMID_UNKNOWN, 0));
    POD_CASE("get_pod_target", "unknown_domain", pod_op(XENMEM_get_pod_target, DOMID_UNKNOWN, 0));
    POD_CASE("get_pod_target", "domid_invalid", pod_op(XENMEM_get_pod_target, DOMID_INVALID, 0));
    POD_CASE("get_pod_target", "domid_io", pod_op(XENMEM_get_pod_target, DOMID_IO, 0));
    CASE("memory_op.get_pod_target", "self", pod_op(XENMEM_get_pod_target, DOMID_SELF, 0));
    CASE("memory_op.get_pod_target", "not_mapped", memory_op(XENMEM_get_pod_target, bad_ptr()));
    CASE("memory_op.set_pod_target", "not_mapped", memory_op(XENMEM_set_pod_target, bad_ptr()));
    CASE("memory_op.get_pod_target", "start_extent",
         pod_op(XENMEM_get_pod_target | 1u << MEMOP_EXTENT_SHIFT, domid, 0));
    CASE("memory_op.set_pod_target", "start_extent",
         pod_op(XENMEM_set_pod_target | 1u << MEMOP_EXTENT_SHIFT, domid, 0));
    decrease(0, 600, 0);
}

/* Each part has its own domain, so that a difference in one does not affect the others. */
static void with_domain(void (*part)(void))
{
    domid = domain_new(8192);
    watch(domid, WATCH_DOMAIN | WATCH_HOST | WATCH_NODES);
    part();
    domain_end(domid);
}

void cases_memory(void)
{
    with_domain(orders);
    with_domain(flags);
    with_domain(places);
    with_domain(far_away);
    with_domain(limit);
    with_domain(increase);
    with_domain(pod_target);
    figures();
}

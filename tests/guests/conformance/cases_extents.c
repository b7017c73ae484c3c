/*
 * memory_op's arguments: the structure, the list of extents and its end, the number of extents, the first
 * extent of a continuation, the domain; memory maps. The same for populating, increasing and decreasing.
 */
#include <tests/guests/conformance/cases.h>
#include <lib/string.h>

static u32 domid;

static const struct {
    const char *call;
    u64 cmd;
} calls[] = {
    {POPULATE, XENMEM_populate_physmap},
    {"memory_op.increase_reservation", XENMEM_increase_reservation},
    {"memory_op.decrease_reservation", XENMEM_decrease_reservation},
};

static void structure(const char *call, u64 cmd)
{
    xen_pfn_t list[2] = {100, 101};
    struct xen_memory_reservation good = {
        .extent_start = XEN_HANDLE(list), .nr_extents = 2, .domid = (domid_t)domid};
    struct xen_memory_reservation *edge = edge_ptr(sizeof(good) - 8);

    memcpy(edge, &good, sizeof(good) - 8);
    CASE(call, "not_mapped", memory_op(cmd, bad_ptr()));
    CASE(call, "no_memory", memory_op(cmd, hole_ptr()));
    CASE(call, "over_the_edge", memory_op(cmd, edge));
    CASE(call, "not_mapped_start_extent_1", memory_op(cmd | 1u << MEMOP_EXTENT_SHIFT, bad_ptr()));
}

static void list(const char *call, u64 cmd)
{
    xen_pfn_t *edge = edge_ptr(3 * sizeof(*edge));

    for (u32 i = 0; i < 3; i++)
        edge[i] = 200 + i;
    CASE(call, "list_not_mapped", frames_op(cmd, domid, bad_ptr(), 1, 0, 0));
    CASE(call, "list_no_memory", frames_op(cmd, domid, hole_ptr(), 1, 0, 0));
    CASE(call, "list_ends_at_the_edge", frames_op(cmd, domid, edge, 3, 0, 0));
    for (u32 i = 0; i < 3 && cmd == XENMEM_populate_physmap; i++)
        edge[i] = 210 + i;
    CASE(call, "list_one_over_the_edge", frames_op(cmd, domid, edge, 4, 0, 0));
    CASE(call, "no_extents", frames_op(cmd, domid, edge, 0, 0, 0));
    CASE(call, "no_extents_list_not_mapped", frames_op(cmd, domid, bad_ptr(), 0, 0, 0));
}

static void numbers(const char *call, u64 cmd)
{
    xen_pfn_t four[4];
    static const struct {
        const char *name;
        u64 start, nr;
    } cases[] = {
        {"from_extent_0_of_4", 0, 4},
        {"from_extent_2_of_4", 2, 4},
        {"from_extent_4_of_4", 4, 4},
        {"from_extent_5_of_4", 5, 4},
        {"from_extent_63_of_4", 63, 4},
        {"from_the_last_extent_of_4", 0x3ffffff, 4},
        {"2_to_26_extents_less_1", 0x3ffffff, 1ull << 26},
        {"2_to_26_extents", 7, 1ull << 26},
        {"2_to_32_extents", 0, 1ull << 32},
        {"2_to_32_extents_and_4", 0, 1ull << 32 | 4},
        {"2_to_63_extents", 0, 1ull << 63},
        {"2_to_64_extents_less_1", 3, ~0ull},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        for (u32 n = 0; n < ARRAY_SIZE(four); n++)
            four[n] = 300 + 4 * i + n;
        CASE(call, cases[i].name,
             frames_op(cmd | cases[i].start << MEMOP_EXTENT_SHIFT, domid, four, cases[i].nr, 0, 0));
    }
}

static void whose(const char *call, u64 cmd)
{
    static xen_pfn_t frame = 400;
    static const struct {
        const char *name;
        u32 domid;
    } others[] = {
        {"unknown_domain", DOMID_UNKNOWN}, {"domid_io", DOMID_IO},           {"domid_xen", DOMID_XEN},
        {"domid_cow", DOMID_COW},          {"domid_invalid", DOMID_INVALID}, {"domid_above", 0xffff},
    };

    for (u32 i = 0; i < ARRAY_SIZE(others); i++)
        CASE(call, others[i].name, frames_op(cmd, others[i].domid, &frame, 1, 0, 0));
}

static s64 own_pages(void)
{
    xc_domaininfo_t info;

    return domain_info(0, &info) ? (s64)info.tot_pages : -1;
}

static void own_memory(void)
{
    static const struct {
        const char *name;
        u32 domid;
    } names[] = {{"self", DOMID_SELF}, {"domain_0", 0}};
    xen_pfn_t frame = case_gfn(0);
    s64 pages = own_pages();

    watch(0, WATCH_NOTHING);
    for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
        CASE_SHOW(POPULATE, names[i].name,
                  frames_op(XENMEM_populate_physmap, names[i].domid, &frame, 1, 0, 0), " tot=+%ld",
                  own_pages() - pages);
        CASE_SHOW("memory_op.decrease_reservation", names[i].name,
                  frames_op(XENMEM_decrease_reservation, names[i].domid, &frame, 1, 0, 0), " tot=+%ld",
                  own_pages() - pages);
    }
}

static long map_of(u64 cmd, u32 nr, void *buffer, u32 *nr_out)
{
    struct xen_memory_map map = {.nr_entries = nr, .buffer = XEN_HANDLE(buffer)};

    long rc = memory_op(cmd, &map);
    *nr_out = map.nr_entries;
    return rc;
}

static void own_map(void)
{
    static struct xen_e820_entry entries[128];
    u32 all = 0, nr = 0;

    map_of(XENMEM_memory_map, ARRAY_SIZE(entries), entries, &all);
    CASE_SHOW("memory_op.memory_map", "room_for_all", map_of(XENMEM_memory_map, 128, entries, &nr), " all=%u",
              nr == all);
    CASE_SHOW("memory_op.memory_map", "room_for_none", map_of(XENMEM_memory_map, 0, entries, &nr), " nr=%u",
              nr);
    CASE_SHOW("memory_op.memory_map", "room_for_one", map_of(XENMEM_memory_map, 1, entries, &nr), " nr=%u",
              nr);
    CASE_SHOW("memory_op.memory_map", "buffer_null", map_of(XENMEM_memory_map, 128, NULL, &nr), " all=%u",
              nr == all);
    CASE_SHOW("memory_op.memory_map", "buffer_not_mapped", map_of(XENMEM_memory_map, 128, bad_ptr(), &nr),
              " nr=%u", nr);
    CASE("memory_op.memory_map", "not_mapped", memory_op(XENMEM_memory_map, bad_ptr()));
    CASE("memory_op.memory_map", "start_extent",
         memory_op(XENMEM_memory_map | 1u << MEMOP_EXTENT_SHIFT, bad_ptr()));
}

static long set_map(u32 whose_map, u32 nr, const void *buffer)
{
    struct xen_foreign_memory_map map = {.domid = (domid_t)whose_map,
                                         .map = {.nr_entries = nr, .buffer = XEN_HANDLE(buffer)}};

    return memory_op(XENMEM_set_memory_map, &map);
}

static void set_maps(void)
{
    static struct xen_e820_entry entries[1100];
    static const u32 numbers_of[] = {0, 1, 2, 127, 128};

    for (u32 i = 0; i < ARRAY_SIZE(entries); i++)
        entries[i] = (struct xen_e820_entry){.addr = (u64)i << 20, .size = 1 << 20, .type = i & 1 ? 2 : 1};
    for (u32 i = 0; i < ARRAY_SIZE(numbers_of); i++) {
        char name[32];
        snprintf(name, sizeof(name), "%u_entries", numbers_of[i]);
        CASE("memory_op.set_memory_map", name, set_map(domid, numbers_of[i], entries));
    }
    CASE("memory_op.set_memory_map", "129_entries", set_map(domid, 129, entries));
    CASE("memory_op.set_memory_map", "1025_entries", set_map(domid, 1025, entries));
    CASE("memory_op.set_memory_map", "2_to_32_entries_less_1", set_map(domid, ~0u, entries));
    CASE("memory_op.set_memory_map", "buffer_not_mapped", set_map(domid, 1, bad_ptr()));
    CASE("memory_op.set_memory_map", "buffer_over_the_edge", set_map(domid, 2, edge_ptr(39)));
    CASE("memory_op.set_memory_map", "buffer_fits_to_the_edge", set_map(domid, 2, edge_ptr(40)));
    CASE("memory_op.set_memory_map", "not_mapped", memory_op(XENMEM_set_memory_map, bad_ptr()));
    CASE("memory_op.set_memory_map", "unknown_domain", set_map(DOMID_UNKNOWN, 1, entries));
    CASE("memory_op.set_memory_map", "unknown_domain_buffer_not_mapped",
         set_map(DOMID_UNKNOWN, 1, bad_ptr()));
    CASE("memory_op.set_memory_map", "domid_invalid", set_map(DOMID_INVALID, 1, entries));
}

static void exchange(void)
{
    xen_pfn_t in = 100, out = 101;
    struct xen_memory_exchange x = {
        .in = {.extent_start = XEN_HANDLE(&in), .nr_extents = 1, .domid = (domid_t)domid},
        .out = {.extent_start = XEN_HANDLE(&out), .nr_extents = 1, .domid = (domid_t)domid}};

    CASE("memory_op.exchange", "of_another_domain", memory_op(XENMEM_exchange, &x));
    x.in.domid = x.out.domid = DOMID_SELF;
    CASE("memory_op.exchange", "own", memory_op(XENMEM_exchange, &x));
    x.out.domid = 0;
    CASE("memory_op.exchange", "two_domains", memory_op(XENMEM_exchange, &x));
    x.out.domid = DOMID_SELF;
    x.nr_exchanged = 2;
    CASE("memory_op.exchange", "more_exchanged_than_there_are", memory_op(XENMEM_exchange, &x));
    x.nr_exchanged = 0;
    x.out.extent_order = 1;
    CASE("memory_op.exchange", "two_for_one", memory_op(XENMEM_exchange, &x));
    CASE("memory_op.exchange", "not_mapped", memory_op(XENMEM_exchange, bad_ptr()));
    CASE("memory_op.exchange", "start_extent", memory_op(XENMEM_exchange | 1u << MEMOP_EXTENT_SHIFT, &x));
}

static void unknown(void)
{
    for (u32 cmd = 29; cmd < 64; cmd += 7) {
        char name[32];
        snprintf(name, sizeof(name), "cmd_%u", cmd);
        CASE("memory_op", name, memory_op(cmd, bad_ptr()));
    }
}

void cases_extents(void)
{
    domid = domain_new(4096);
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        watch(domid, WATCH_DOMAIN | WATCH_HOST);
        structure(calls[i].call, calls[i].cmd);
        list(calls[i].call, calls[i].cmd);
        numbers(calls[i].call, calls[i].cmd);
        whose(calls[i].call, calls[i].cmd);
    }
    watch(domid, WATCH_DOMAIN);
    set_maps();
    exchange();
    own_memory();
    watch(0, WATCH_NOTHING);
    own_map();
    unknown();
    domain_end(domid);
}

/*
 * acquire_resource, map_grant_ref and unmap_grant_ref by domain 0: a granter that does not run, whose table domain 0
 * fills in as a toolstack does. Left out is what ends the caller on Xen: mapping over what is mapped from others.
 *
 * lint: long: the cases of two calls, by one granter
 */
#include <tests/guests/conformance/grants.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

u32 granter;
struct grant_entry_v1 *granter_table;

long acquire(u32 domid, u32 type, u32 id, u64 frame, u32 nr, u64 gfn)
{
    xen_pfn_t list[8];
    struct xen_mem_acquire_resource op = {.domid = (domid_t)domid,
                                          .type = (u16)type,
                                          .id = id,
                                          .nr_frames = nr,
                                          .frame = frame,
                                          .frame_list = XEN_HANDLE(list)};

    for (u32 i = 0; i < ARRAY_SIZE(list); i++)
        list[i] = gfn + i;
    return memory_op(XENMEM_acquire_resource, &op);
}

long grant_op1(u64 cmd, void *op)
{
    return hypercall(__HYPERVISOR_grant_table_op, cmd, XEN_HANDLE(op), 1, 0, 0);
}

static u64 map_addr(u32 index)
{
    return case_gfn(MAP_AT + index) << PAGE_SHIFT;
}

void *map_page(u32 index)
{
    return case_page(MAP_AT + index);
}

struct gnttab_map_grant_ref map_ref(u32 domid, u32 ref, u32 index, u32 flags)
{
    struct gnttab_map_grant_ref op = {.host_addr = map_addr(index),
                                      .flags = flags,
                                      .ref = ref,
                                      .dom = (domid_t)domid,
                                      .status = 77,
                                      .handle = 0xabcdef};

    if (grant_op1(GNTTABOP_map_grant_ref, &op))
        op.status = 1000;
    return op;
}

s32 unmap_ref(u32 handle, u64 addr, u64 dev_addr)
{
    struct gnttab_unmap_grant_ref op = {
        .host_addr = addr, .dev_bus_addr = dev_addr, .handle = handle, .status = 77};

    return grant_op1(GNTTABOP_unmap_grant_ref, &op) ? 1000 : op.status;
}

u8 *granter_page(u32 i)
{
    return case_page(PAGES_AT + i);
}

void granter_start(void)
{
    granter = domain_new(64);
    for (u32 i = 0; i < GRANTER_PAGES; i++) {
        if (domain_populate(granter, i, 0, NODE_ANY) != 1 || map_foreign_gfn(PAGES_AT + i, granter, i))
            give_up("a granter's page", -ENOMEM);
        memset(granter_page(i), (int)(0x50 + i), PAGE_SIZE);
    }
    long rc = acquire(granter, XENMEM_resource_grant_table, 0, 0, 1, case_gfn(TABLE_AT));
    if (rc)
        give_up("a granter's table", rc);
    granter_table = case_page(TABLE_AT);
}

void granter_end(void)
{
    unmap_gfn(TABLE_AT);
    for (u32 i = 0; i < GRANTER_PAGES; i++)
        unmap_gfn(PAGES_AT + i);
    domain_end(granter);
}

static void resources(void)
{
    struct xen_mem_acquire_resource size = {.domid = (domid_t)granter, .type = XENMEM_resource_grant_table};
    const u64 g = case_gfn(0);
    u32 new = domain_new(16);
    u64 *page = case_page(0);

    CASE_SHOW("memory_op.acquire_resource", "size", memory_op(XENMEM_acquire_resource, &size), " frames=%u",
              size.nr_frames);
    size.nr_frames = 1;
    CASE("memory_op.acquire_resource", "one_without_a_list", memory_op(XENMEM_acquire_resource, &size));
    size.nr_frames = 0;
    size.pad = 1;
    CASE("memory_op.acquire_resource", "size_with_pad", memory_op(XENMEM_acquire_resource, &size));
    size.pad = 0;
    size.type = XENMEM_resource_vmtrace_buf;
    CASE("memory_op.acquire_resource", "size_of_vmtrace", memory_op(XENMEM_acquire_resource, &size));
    size.type = 3;
    CASE("memory_op.acquire_resource", "size_of_type_3", memory_op(XENMEM_acquire_resource, &size));
    size.nr_frames = 0;
    size.type = XENMEM_resource_ioreq_server;
    CASE_SHOW("memory_op.acquire_resource", "size_of_ioreq", memory_op(XENMEM_acquire_resource, &size),
              " frames=%u", size.nr_frames);
    size = (struct xen_mem_acquire_resource){
        .domid = (domid_t)granter, .type = XENMEM_resource_grant_table, .id = 1};
    CASE_SHOW("memory_op.acquire_resource", "size_of_status", memory_op(XENMEM_acquire_resource, &size),
              " frames=%u", size.nr_frames);
    size.nr_frames = 0;
    size.id = 2;
    CASE("memory_op.acquire_resource", "size_of_id_2", memory_op(XENMEM_acquire_resource, &size));
    CASE("memory_op.acquire_resource", "not_mapped", memory_op(XENMEM_acquire_resource, bad_ptr()));
    CASE("memory_op.acquire_resource", "self", acquire(DOMID_SELF, 1, 0, 0, 1, g));
    CASE("memory_op.acquire_resource", "own_number", acquire(0, 1, 0, 0, 1, g));
    CASE("memory_op.acquire_resource", "unknown_domain", acquire(DOMID_UNKNOWN, 1, 0, 0, 1, g));
    CASE("memory_op.acquire_resource", "ioreq_server_0", acquire(new, 0, 0, 0, 1, g));
    CASE("memory_op.acquire_resource", "vmtrace", acquire(new, 2, 0, 0, 1, g));
    CASE("memory_op.acquire_resource", "type_3", acquire(new, 3, 0, 0, 1, g));
    CASE("memory_op.acquire_resource", "status_frame", acquire(new, 1, 1, 0, 1, g));
    CASE("memory_op.acquire_resource", "id_2", acquire(new, 1, 2, 0, 1, g));
    CASE("memory_op.acquire_resource", "no_frames", acquire(new, 1, 0, 0, 0, g));
    CASE("memory_op.acquire_resource", "frame_64", acquire(new, 1, 0, 64, 1, g));
    CASE("memory_op.acquire_resource", "frame_bit_32", acquire(new, 1, 0, 1ull << 32, 1, g));
    CASE("memory_op.acquire_resource", "frame_and_nr_overflow", acquire(new, 1, 0, 0xffffffff, 1, g));
    CASE("memory_op.acquire_resource", "too_many", acquire(new, 1, 0, 0, 1u << 26, g));
    struct xen_mem_acquire_resource nowhere = {.domid = (domid_t) new,
                                               .type = XENMEM_resource_grant_table,
                                               .nr_frames = 1,
                                               .frame_list = XEN_HANDLE(bad_ptr())};
    CASE("memory_op.acquire_resource", "list_not_mapped", memory_op(XENMEM_acquire_resource, &nowhere));
    case_begin();
    long rc = acquire(new, 1, 0, 1, 2, g);
    case_end("memory_op.acquire_resource", "two", rc, " zero=%u",
             rc == 0 && !page[0] && !page[511] && !page[512]);
    struct gnttab_query_size query = {.dom = (domid_t) new};
    CASE_SHOW("memory_op.acquire_resource", "has_grown_the_table", grant_op1(GNTTABOP_query_size, &query),
              " frames=%u", query.nr_frames);
    CASE("memory_op.remove_from_physmap", "resource", unmap_gfn(0));
    CASE("memory_op.acquire_resource", "over_nothing_again", acquire(new, 1, 0, 0, 1, g));
    CASE("memory_op.decrease_reservation", "resource", phys_decrease(DOMID_SELF, g));
    CASE("memory_op.remove_from_physmap", "resource_again", unmap_gfn(0));
    CASE("memory_op.add_to_physmap_batch", "of_a_resource",
         phys_foreign_one(DOMID_SELF, case_gfn(1), case_gfn(2)));
    xc_domain_destroy(xch, new);
    xc_domaininfo_t info;
    bool there = domain_info(new, &info);
    CASE_SHOW("memory_op.acquire_resource", "its_domain_ends", 0L, " there=%u zero=%u", there, !page[512]);
    CASE("memory_op.acquire_resource", "of_the_dead", acquire(new, 1, 0, 0, 1, g));
    unmap_gfn(0);
    CASE("memory_op.remove_from_physmap", "the_last_of_the_dead", unmap_gfn(1));
    settle();
    CASE_SHOW("memory_op.acquire_resource", "it_is_gone", 0L, " there=%u", domain_info(new, &info));
}

/* Entry 8 as given, mapped once with these flags, and unmapped. */
static void try_map(const char *name, struct grant_entry_v1 entry, u32 flags)
{
    granter_table[8] = entry;
    case_begin();
    struct gnttab_map_grant_ref op = map_ref(granter, 8, 0, flags);
    u16 busy = granter_table[8].flags;
    u32 byte = op.status ? 0 : *(volatile u8 *)map_page(0);
    s32 back = op.status ? 0 : unmap_ref(op.handle, op.host_addr, 0);
    case_end(GNT ".map_grant_ref", name, op.status == 1000 ? -1 : 0,
             " status=%d told=%u flags=%#x byte=%#x unmap=%d then=%#x", op.status, op.handle != 0xabcdef,
             busy, byte, back, granter_table[8].flags);
    granter_table[8] = (struct grant_entry_v1){0};
}

static void entries(void)
{
    const struct {
        const char *name;
        u16 flags, domid;
        u32 frame;
    } e[] = {
        {"plain", 1, 0, 1},
        {"readonly", GTF_permit_access | GTF_readonly, 0, 1},
        {"invalid", 0, 0, 1},
        {"accept_transfer", 2, 0, 1},
        {"transitive", 3, 0, 1},
        {"sub_page", GTF_permit_access | GTF_sub_page, 0, 1},
        {"pcd", GTF_permit_access | GTF_PCD, 0, 1},
        {"pwt", GTF_permit_access | GTF_PWT, 0, 1},
        {"pat", GTF_permit_access | GTF_PAT, 0, 1},
        {"marked_reading", GTF_permit_access | GTF_reading, 0, 1},
        {"marked_writing", GTF_permit_access | GTF_reading | GTF_writing, 0, 1},
        {"bit_9", GTF_permit_access | 1 << 9, 0, 1},
        {"bit_15", GTF_permit_access | 1 << 15, 0, 1},
        {"to_another", 1, 5, 1},
        {"to_self", 1, DOMID_SELF, 1},
        {"no_such_frame", 1, 0, 50},
        {"frame_all_ones", 1, 0, 0xffffffff},
        {"frame_bit_31", 1, 0, 0x80000001},
        {"another_page", 1, 0, 2},
    };
    char name[40];

    for (u32 i = 0; i < ARRAY_SIZE(e); i++) {
        const struct grant_entry_v1 entry = {e[i].flags, e[i].domid, e[i].frame};

        try_map(e[i].name, entry, GNTMAP_host_map);
        snprintf(name, sizeof(name), "%s_to_read", e[i].name);
        try_map(name, entry, GNTMAP_host_map | GNTMAP_readonly);
    }
}

static void flags(void)
{
    const struct grant_entry_v1 entry = {1, 0, 1};
    char name[32];

    static const u32 values[] = {0,    1,       3,       4,       5,           6 | 8,       10,      18,
                                 0x22, 2 | 256, 0x10002, 0x80002, 0x80000002u, 0xffff0002u, 2 | 128, ~0u};

    for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
        snprintf(name, sizeof(name), "map_flags_%x", values[i]);
        try_map(name, entry, values[i]);
    }
}

static void references(void)
{
    static const u32 refs[] = {511, 512, 513, 1023, 32767, 32768, 0x80000000u, ~0u};
    static const u32 domids[] = {DOMID_SELF, 0, DOMID_UNKNOWN, DOMID_INVALID, DOMID_COW, 0xffff};
    char name[32];

    granter_table[511] = (struct grant_entry_v1){1, 0, 3};
    for (u32 i = 0; i < ARRAY_SIZE(refs); i++) {
        snprintf(name, sizeof(name), "ref_%u", refs[i]);
        case_begin();
        struct gnttab_map_grant_ref op = map_ref(granter, refs[i], 0, GNTMAP_host_map);
        u32 byte = op.status ? 0 : *(volatile u8 *)map_page(0);
        case_end(GNT ".map_grant_ref", name, 0, " status=%d byte=%#x unmap=%d", op.status, byte,
                 op.status ? 0 : unmap_ref(op.handle, op.host_addr, 0));
    }
    for (u32 i = 0; i < ARRAY_SIZE(domids); i++) {
        snprintf(name, sizeof(name), "domid_%x", domids[i]);
        CASE_STATUS(GNT ".map_grant_ref", name, map_ref(domids[i], 0, 0, GNTMAP_host_map).status, "");
    }
}

/* Where it is to be mapped. */
static void addresses(void)
{
    static const u64 addrs[] = {1ull << 40, 1ull << 51, 1ull << 52, 1ull << 63, ~0ull};
    char name[32];

    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    for (u32 i = 0; i < ARRAY_SIZE(addrs); i++) {
        struct gnttab_map_grant_ref op = {
            .host_addr = addrs[i], .flags = GNTMAP_host_map, .ref = 8, .dom = (domid_t)granter, .status = 77};

        snprintf(name, sizeof(name), "at_%lx", addrs[i]);
        case_begin();
        long rc = grant_op1(GNTTABOP_map_grant_ref, &op);
        s32 back = op.status ? 0 : unmap_ref(op.handle, op.host_addr, 0);
        case_end(GNT ".map_grant_ref", name, rc, " status=%d unmap=%d flags=%#x", op.status, back,
                 granter_table[8].flags);
    }
    struct gnttab_map_grant_ref op = {
        .host_addr = map_addr(0) + 0x123, .flags = GNTMAP_host_map, .ref = 8, .dom = (domid_t)granter};
    case_begin();
    long rc = grant_op1(GNTTABOP_map_grant_ref, &op);
    u32 byte = *(volatile u8 *)map_page(0);
    case_end(GNT ".map_grant_ref", "in_the_middle_of_a_page", rc, " status=%d byte=%#x unmap=%d", op.status,
             byte, unmap_ref(op.handle, map_addr(0) + 0xfff, 0));

    /* Over memory of our own. */
    op.host_addr = phys_own_gfn() << PAGE_SHIFT;
    case_begin();
    rc = grant_op1(GNTTABOP_map_grant_ref, &op);
    byte = *(volatile u8 *)(phys_own_gfn() << PAGE_SHIFT);
    case_end(GNT ".map_grant_ref", "over_memory", rc, " status=%d byte=%#x unmap=%d", op.status, byte,
             unmap_ref(op.handle, op.host_addr, 0));
    phys_own_back();
}

static void unmaps(void)
{
    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    struct gnttab_map_grant_ref a = map_ref(granter, 8, 0, GNTMAP_host_map);
    u64 addr = a.host_addr;
    static const u32 handles[] = {1u << 16, 1u << 18, 1u << 31, ~0u};
    char name[32];

#define UNMAP(name, ...) \
    CASE_STATUS(GNT ".unmap_grant_ref", name, unmap_ref(__VA_ARGS__), " flags=%#x", granter_table[8].flags)
    for (u32 i = 0; i < ARRAY_SIZE(handles); i++) {
        snprintf(name, sizeof(name), "handle_%x", handles[i]);
        UNMAP(name, handles[i], addr, 0);
    }
    UNMAP("no_address", a.handle, 0, 0);
    UNMAP("another_frame", a.handle, addr + PAGE_SIZE, 0);
    UNMAP("memory_of_our_own", a.handle, phys_own_gfn() << PAGE_SHIFT, 0);
    UNMAP("a_foreign_mapping_of_it", a.handle, case_gfn(PAGES_AT + 1) << PAGE_SHIFT, 0);
    UNMAP("address_all_ones", a.handle, ~0ull, 0);
    UNMAP("device_address_wrong", a.handle, addr, 0x1000);
    UNMAP("again", a.handle, addr, 0);
    a = map_ref(granter, 8, 0, GNTMAP_host_map);
    UNMAP("both", a.handle, addr, a.dev_bus_addr);
    a = map_ref(granter, 8, 0, GNTMAP_host_map);
    UNMAP("device_address_alone", a.handle, 0, a.dev_bus_addr);
    UNMAP("then_the_other", a.handle, addr, 0);

    u64 op[3] = {0}; /* struct gnttab_unmap_and_replace */
    CASE(GNT ".unmap_and_replace", "one", grant_op1(GNTTABOP_unmap_and_replace, op));
}

/* A grant in our map, and the calls that change maps. Those that Xen answers with our end are left out. */
static void in_the_way(void)
{
    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    u64 g = case_gfn(MAP_AT);
    struct gnttab_map_grant_ref a = map_ref(granter, 8, 0, GNTMAP_host_map);

    CASE("memory_op.remove_from_physmap", "a_grant", phys_remove(DOMID_SELF, g));
    CASE("memory_op.decrease_reservation", "a_grant", phys_decrease(DOMID_SELF, g));
    CASE_STATUS(GNT ".unmap_grant_ref", "after_that", unmap_ref(a.handle, a.host_addr, 0), " flags=%#x",
                granter_table[8].flags);
    a = map_ref(granter, 8, 0, GNTMAP_host_map | GNTMAP_readonly);
    volatile u8 *page = map_page(0);
    page[5] = 0x99;
    CASE_SHOW(GNT ".map_grant_ref", "written_to_a_reading_one", 0L, " byte=%#x", page[5]);
    struct gnttab_query_size *query = (void *)(uintptr_t)(page + 64);
    long rc = grant_op1(GNTTABOP_query_size, query);
    CASE_SHOW(GNT ".query_size", "into_a_reading_one", rc, " byte=%#x", page[64]);
    CASE(GNT ".unmap_grant_ref", "the_reading_one", unmap_ref(a.handle, a.host_addr, 0));
}

/* The marks: several mappings of one entry. */
static void marks(void)
{
    struct gnttab_map_grant_ref m[4];

    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    for (u32 i = 0; i < 4; i++) {
        char name[24];

        m[i] = map_ref(granter, 8, i, GNTMAP_host_map | (i % 2 ? 0 : GNTMAP_readonly));
        snprintf(name, sizeof(name), "mapping_%u", i);
        CASE_SHOW(GNT ".map_grant_ref", name, 0L, " status=%d flags=%#x", m[i].status,
                  granter_table[8].flags);
    }
    u32 distinct = 0;
    for (u32 i = 0; i < 4; i++)
        for (u32 j = 0; j < i; j++)
            distinct += m[i].handle != m[j].handle;
    CASE_SHOW(GNT ".map_grant_ref", "handles", 0L, " distinct_pairs=%u", distinct);
    static const u32 order[] = {1, 3, 0, 2};
    for (u32 k = 0; k < 4; k++) {
        char name[24];

        snprintf(name, sizeof(name), "mapping_%u", order[k]);
        CASE_STATUS(GNT ".unmap_grant_ref", name, unmap_ref(m[order[k]].handle, m[order[k]].host_addr, 0),
                    " flags=%#x", granter_table[8].flags);
    }
    /* What the guest changes meanwhile. */
    m[0] = map_ref(granter, 8, 0, GNTMAP_host_map | GNTMAP_readonly);
    granter_table[8].frame = 2;
    m[1] = map_ref(granter, 8, 1, GNTMAP_host_map | GNTMAP_readonly);
    CASE_SHOW(GNT ".map_grant_ref", "frame_changed_while_mapped", 0L, " status=%d byte=%#x", m[1].status,
              *(u8 *)map_page(1));
    m[2] = map_ref(granter, 8, 2, GNTMAP_host_map);
    CASE_SHOW(GNT ".map_grant_ref", "and_for_writing", 0L, " status=%d byte=%#x flags=%#x", m[2].status,
              m[2].status ? 0 : *(u8 *)map_page(2), granter_table[8].flags);
    granter_table[8].domid = 5;
    m[3] = map_ref(granter, 8, 3, GNTMAP_host_map);
    CASE_SHOW(GNT ".map_grant_ref", "domid_changed_while_mapped", 0L, " status=%d", m[3].status);
    if (!m[3].status)
        unmap_ref(m[3].handle, m[3].host_addr, 0);
    granter_table[8].flags = 0;
    m[3] = map_ref(granter, 8, 3, GNTMAP_host_map);
    CASE_SHOW(GNT ".map_grant_ref", "flags_cleared_while_mapped", 0L, " status=%d flags=%#x", m[3].status,
              granter_table[8].flags);
    if (!m[3].status)
        unmap_ref(m[3].handle, m[3].host_addr, 0);
    CASE_STATUS(GNT ".unmap_grant_ref", "flags_cleared_1", unmap_ref(m[2].handle, m[2].host_addr, 0),
                " flags=%#x", granter_table[8].flags);
    granter_table[8].flags = 0xffff;
    CASE_STATUS(GNT ".unmap_grant_ref", "flags_all_ones_1", unmap_ref(m[1].handle, m[1].host_addr, 0),
                " flags=%#x", granter_table[8].flags);
    CASE_STATUS(GNT ".unmap_grant_ref", "flags_all_ones_0", unmap_ref(m[0].handle, m[0].host_addr, 0),
                " flags=%#x", granter_table[8].flags);
    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    m[0] = map_ref(granter, 8, 0, GNTMAP_host_map | GNTMAP_readonly);
    granter_table[8].flags |= GTF_readonly;
    CASE_STATUS(GNT ".map_grant_ref", "made_readonly_while_mapped",
                map_ref(granter, 8, 1, GNTMAP_host_map).status, " flags=%#x", granter_table[8].flags);
    unmap_ref(m[0].handle, m[0].host_addr, 0);
}

static long array_op(u64 cmd, void *array, u64 count)
{
    return hypercall(__HYPERVISOR_grant_table_op, cmd, XEN_HANDLE(array), count, 0, 0);
}

static void arrays(void)
{
    static struct gnttab_map_grant_ref maps[24];
    static struct gnttab_unmap_grant_ref unmaps[24];
    s32 sum = 0, back = 0;

    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    for (u32 i = 0; i < 24; i++)
        maps[i] = (struct gnttab_map_grant_ref){.host_addr = map_addr(i),
                                                .flags = GNTMAP_host_map,
                                                .ref = i % 5 == 4 ? 9 : 8,
                                                .dom = (domid_t)granter,
                                                .status = 77};
    case_begin();
    long rc = array_op(GNTTABOP_map_grant_ref, maps, 24);
    for (u32 i = 0; i < 24; i++) {
        sum += maps[i].status;
        unmaps[i] =
            (struct gnttab_unmap_grant_ref){maps[i].host_addr, 0, maps[i].status ? ~0u : maps[i].handle, 77};
    }
    case_end(GNT ".map_grant_ref", "24", rc, " sum=%d", sum);
    unmaps[1].handle = unmaps[0].handle;
    case_begin();
    rc = array_op(GNTTABOP_unmap_grant_ref, unmaps, 24);
    for (u32 i = 0; i < 24; i++)
        back += unmaps[i].status;
    case_end(GNT ".unmap_grant_ref", "24_one_twice", rc, " sum=%d flags=%#x", back, granter_table[8].flags);
    CASE_STATUS(GNT ".unmap_grant_ref", "the_one_left", unmap_ref(maps[1].handle, maps[1].host_addr, 0),
                " flags=%#x", granter_table[8].flags);
    static const u32 cmds[] = {0, 1, 4, 5, 7, 11};
    char name[32];
    for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
        snprintf(name, sizeof(name), "none_of_%u", cmds[i]);
        CASE(GNT, name, array_op(cmds[i], bad_ptr(), 0));
        snprintf(name, sizeof(name), "not_mapped_of_%u", cmds[i]);
        CASE(GNT, name, array_op(cmds[i], bad_ptr(), 1));
        snprintf(name, sizeof(name), "over_the_edge_of_%u", cmds[i]);
        CASE(GNT, name, array_op(cmds[i], edge_ptr(3), 1));
        snprintf(name, sizeof(name), "count_bit_31_of_%u", cmds[i]);
        CASE(GNT, name, array_op(cmds[i], bad_ptr(), 1u << 31));
    }
}

/* A hundred and twenty-eight of a kind are as many as there can be. */
static void counts(void)
{
    static struct gnttab_map_grant_ref maps[130];
    const u64 first = case_gfn(2 * CASE_GFNS);
    u32 good = 0, back = 0;

    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    for (u32 i = 0; i < ARRAY_SIZE(maps); i++)
        maps[i] = (struct gnttab_map_grant_ref){.host_addr = (first + i) << PAGE_SHIFT,
                                                .flags = GNTMAP_host_map | GNTMAP_readonly,
                                                .ref = 8,
                                                .dom = (domid_t)granter};
    case_begin();
    long rc = array_op(GNTTABOP_map_grant_ref, maps, ARRAY_SIZE(maps));
    for (u32 i = 0; i < ARRAY_SIZE(maps); i++)
        good += maps[i].status == 0;
    case_end(GNT ".map_grant_ref", "130_of_one", rc, " good=%u last=%d", good, maps[129].status);
    struct gnttab_map_grant_ref m = map_ref(granter, 8, 0, GNTMAP_host_map);
    CASE_SHOW(GNT ".map_grant_ref", "and_one_for_writing", 0L, " status=%d flags=%#x", m.status,
              granter_table[8].flags);
    if (!m.status)
        unmap_ref(m.handle, m.host_addr, 0);
    for (u32 i = 0; i < good; i++)
        back += unmap_ref(maps[i].handle, maps[i].host_addr, 0) == 0;
    CASE_SHOW(GNT ".unmap_grant_ref", "all_of_them", 0L, " good=%u flags=%#x", back, granter_table[8].flags);
}

void grants_map(void)
{
    granter_start();
    resources();
    entries();
    flags();
    references();
    addresses();
    unmaps();
    in_the_way();
    marks();
    arrays();
    counts();
    granter_end();
}

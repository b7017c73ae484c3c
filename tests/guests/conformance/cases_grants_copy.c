/* GNTTABOP_copy by domain 0, and what is done with entries besides: swap, transfer, status frames, set-up, cache. */
#include <tests/guests/conformance/grants.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

static u8 buffer[PAGE_SIZE] ALIGNED(4096);

static struct gnttab_copy_ptr own(u16 offset)
{
    return (struct gnttab_copy_ptr){
        .u.gmfn = (u64)(uintptr_t)buffer >> PAGE_SHIFT, .domid = DOMID_SELF, .offset = offset};
}

static struct gnttab_copy_ptr ref(u32 nr, u16 offset)
{
    return (struct gnttab_copy_ptr){.u.ref = nr, .domid = (domid_t)granter, .offset = offset};
}

static void try_copy(const char *name, struct gnttab_copy_ptr from, struct gnttab_copy_ptr to, u16 len,
                     u16 flags)
{
    struct gnttab_copy op = {.source = from, .dest = to, .len = len, .flags = flags, .status = 77};
    u32 sum = 0;

    memset(buffer, 0x20, sizeof(buffer));
    for (u32 i = 0; i < GRANTER_PAGES; i++)
        memset(granter_page(i), (int)(0x50 + i), PAGE_SIZE);
    case_begin();
    long rc = grant_op1(GNTTABOP_copy, &op);
    for (u32 i = 0; i < PAGE_SIZE; i++)
        sum += buffer[i] - 0x20u + granter_page(1)[i] - 0x51u + granter_page(2)[i] - 0x52u;
    case_end(GNT ".copy", name, rc, " status=%d sum=%d flags=%#x/%#x", op.status, (s32)sum,
             granter_table[8].flags, granter_table[9].flags);
}

#define FROM GNTCOPY_source_gref
#define TO   GNTCOPY_dest_gref

static void copies(void)
{
    granter_table[8] = (struct grant_entry_v1){1, 0, 1};
    granter_table[9] = (struct grant_entry_v1){1, 0, 2};
    granter_table[10] = (struct grant_entry_v1){GTF_permit_access | GTF_readonly, 0, 1};
    granter_table[11] = (struct grant_entry_v1){1, 5, 1};
    granter_table[12] = (struct grant_entry_v1){1, 0, 50};
    granter_table[13] = (struct grant_entry_v1){GTF_permit_access | GTF_sub_page, 0, 1};
    granter_table[14] = (struct grant_entry_v1){3, 0, 1};
    granter_table[15] = (struct grant_entry_v1){2, 0, 1};
    granter_table[16] = (struct grant_entry_v1){GTF_permit_access | GTF_PCD, 0, 1};
    struct gnttab_copy_ptr bad = own(0), elsewhere = ref(8, 0), numbered = ref(8, 0);
    elsewhere.domid = DOMID_UNKNOWN;
    numbered.domid = 0;

    try_copy("from_a_ref", ref(8, 100), own(50), 10, FROM);
    try_copy("to_a_ref", own(50), ref(8, 100), 10, TO);
    try_copy("between_refs", ref(8, 0), ref(9, 0), PAGE_SIZE, FROM | TO);
    try_copy("within_a_ref", ref(8, 0), ref(8, 100), 10, FROM | TO);
    try_copy("own_to_own", own(0), own(100), 10, 0);
    try_copy("nothing", ref(8, 0), own(0), 0, FROM);
    try_copy("a_page", ref(8, 0), own(0), PAGE_SIZE, FROM);
    try_copy("from_a_readonly_ref", ref(10, 0), own(0), 10, FROM);
    try_copy("to_a_readonly_ref", own(0), ref(10, 0), 10, TO);
    try_copy("from_anothers_ref", ref(11, 0), own(0), 10, FROM);
    try_copy("from_no_page", ref(12, 0), own(0), 10, FROM);
    try_copy("to_no_page", own(0), ref(12, 0), 10, TO);
    try_copy("from_a_sub_page", ref(13, 0), own(0), 10, FROM);
    try_copy("from_a_transitive_ref", ref(14, 0), own(0), 10, FROM);
    try_copy("from_a_transfer_ref", ref(15, 0), own(0), 10, FROM);
    try_copy("from_an_uncached_ref", ref(16, 0), own(0), 10, FROM);
    try_copy("from_an_empty_ref", ref(100, 0), own(0), 10, FROM);
    try_copy("ref_512", ref(512, 0), own(0), 10, FROM);
    try_copy("ref_all_ones", ref(~0u, 0), own(0), 10, FROM);
    try_copy("ref_without_its_flag", ref(8, 0), own(0), 10, 0);
    try_copy("dest_ref_without_its_flag", own(0), ref(8, 0), 10, 0);
    try_copy("unknown_source_domain", elsewhere, own(0), 10, FROM);
    try_copy("unknown_dest_domain", own(0), elsewhere, 10, TO);
    try_copy("own_number_as_a_ref", numbered, own(0), 10, FROM);
    try_copy("self_by_number_as_a_frame", numbered, own(0), 10, 0);
    try_copy("source_beyond", ref(8, 4090), own(0), 10, FROM);
    try_copy("dest_beyond", ref(8, 0), own(4090), 10, FROM);
    try_copy("up_to_the_end", ref(8, 4086), own(4086), 10, FROM);
    try_copy("len_all_ones", ref(8, 0), own(0), 0xffff, FROM);
    try_copy("offset_4096_len_0", ref(8, 4096), own(0), 0, FROM);
    try_copy("offset_4097_len_0", ref(8, 4097), own(0), 0, FROM);
    try_copy("unknown_flags", ref(8, 0), own(0), 10, FROM | 0xfffc);
    bad.u.gmfn = case_gfn(0);
    try_copy("from_a_hole", bad, own(0), 10, 0);
    try_copy("to_a_hole", own(0), bad, 10, 0);
    bad.u.gmfn = 1ull << 40;
    try_copy("from_frame_2_40", bad, own(0), 10, 0);
    bad.u.gmfn = ~0ull;
    try_copy("to_frame_all_ones", own(0), bad, 10, 0);
    bad.u.gmfn = case_gfn(PAGES_AT);
    try_copy("from_a_foreign_mapping", bad, own(0), 10, 0);
    try_copy("to_a_foreign_mapping", own(0), bad, 10, 0);

    struct gnttab_map_grant_ref m = map_ref(granter, 8, 0, GNTMAP_host_map);
    bad.u.gmfn = case_gfn(MAP_AT);
    try_copy("from_a_mapped_grant", bad, own(0), 10, 0);
    try_copy("to_a_mapped_grant", own(0), bad, 10, 0);
    try_copy("from_a_ref_that_is_mapped", ref(8, 0), own(0), 10, FROM);
    try_copy("to_a_ref_that_is_mapped", own(0), ref(8, 0), 10, TO);
    unmap_ref(m.handle, m.host_addr, 0);
    m = map_ref(granter, 8, 0, GNTMAP_host_map | GNTMAP_readonly);
    try_copy("to_a_ref_mapped_for_reading", own(0), ref(8, 0), 10, TO);
    try_copy("to_a_grant_mapped_for_reading", own(0), bad, 10, 0);
    unmap_ref(m.handle, m.host_addr, 0);
}

static void several(void)
{
    static struct gnttab_copy ops[20];
    s32 sum = 0;

    for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
        ops[i] = (struct gnttab_copy){.source = ref(i == 7 ? 100 : 8, 0),
                                      .dest = own((u16)(i * 10)),
                                      .len = 10,
                                      .flags = FROM,
                                      .status = 77};
    memset(buffer, 0, sizeof(buffer));
    case_begin();
    long rc = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, XEN_HANDLE(ops), ARRAY_SIZE(ops), 0, 0);
    for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
        sum += ops[i].status;
    case_end(GNT ".copy", "20_one_bad", rc, " sum=%d bytes=%#x/%#x/%#x", sum, buffer[69], buffer[70],
             buffer[199]);
}

static void swap(const char *name, u32 a, u32 b)
{
    struct gnttab_swap_grant_ref op = {a, b, 77};
    struct grant_entry_v1 *table = case_page(0);

    CASE_SHOW(GNT ".swap_grant_ref", name, grant_op1(GNTTABOP_swap_grant_ref, &op), " status=%d frames=%u/%u",
              op.status, table[20].frame, table[21].frame);
}

/* Our own table, whose first frame is at case_gfn(0). */
static void own_entries(void)
{
    struct grant_entry_v1 *table = case_page(0);

    if (phys_add(DOMID_SELF, XENMAPSPACE_grant_table, 0, case_gfn(0)))
        return;
    table[20] = (struct grant_entry_v1){1, 0, (u32)((u64)(uintptr_t)buffer >> PAGE_SHIFT)};
    table[21] = (struct grant_entry_v1){1, 0, 7};
    u32 frame = table[20].frame;
    table[20].frame = 5;
    swap("two", 20, 21);
    swap("back", 20, 21);
    swap("with_itself", 20, 20);
    swap("ref_100000", 20, 100000);
    swap("ref_all_ones", ~0u, 20);
    table[20].frame = frame;
    memset(buffer, 0x77, sizeof(buffer));
    struct gnttab_map_grant_ref m = map_ref(0, 20, 0, GNTMAP_host_map);
    CASE_SHOW(GNT ".map_grant_ref", "our_own", 0L, " status=%d byte=%#x flags=%#x", m.status,
              m.status ? 0 : *(u8 *)map_page(0), table[20].flags);
    struct gnttab_swap_grant_ref op = {20, 21, 77};
    CASE_SHOW(GNT ".swap_grant_ref", "in_use", grant_op1(GNTTABOP_swap_grant_ref, &op), " status=%d moved=%u",
              op.status, table[21].frame != 7);
    if (!m.status)
        CASE_STATUS(GNT ".unmap_grant_ref", "our_own", unmap_ref(m.handle, m.host_addr, 0), " flags=%#x",
                    table[20].flags);
    table[20] = table[21] = (struct grant_entry_v1){0};
    unmap_gfn(0);
}

/* struct gnttab_transfer */
static void transfer(const char *name, u64 frame, u32 domid, u32 nr)
{
    u64 op[3] = {frame, domid | (u64)nr << 32, 77};

    CASE_SHOW(GNT ".transfer", name, grant_op1(GNTTABOP_transfer, op), " status=%u", (u16)op[2]);
}

/* struct gnttab_get_status_frames */
static void status_frames(const char *name, u32 domid, u32 nr)
{
    u64 list[4] = {0}, op[2] = {nr | (u64)domid << 32 | 77ull << 48, XEN_HANDLE(list)};

    CASE_SHOW(GNT ".get_status_frames", name, grant_op1(GNTTABOP_get_status_frames, op), " status=%lu",
              op[0] >> 48);
}

static void set_up(const char *name, u32 domid, u32 nr, void *list)
{
    struct gnttab_setup_table op = {
        .dom = (domid_t)domid, .nr_frames = nr, .status = 77, .frame_list = XEN_HANDLE(list)};
    struct gnttab_query_size size = {.dom = (domid_t)domid};

    case_begin();
    long rc = grant_op1(GNTTABOP_setup_table, &op);
    grant_op1(GNTTABOP_query_size, &size);
    case_end(GNT ".setup_table", name, rc, " status=%d frames=%u", op.status, size.nr_frames);
}

static void set_ups(void)
{
    static u64 list[64];

    phys_add(granter, XENMAPSPACE_grant_table, 1, 200);
    set_up("none", granter, 0, list);
    set_up("three", granter, 3, list);
    CASE_SHOW(GNT ".setup_table", "where", 0L, " gfns=%lx/%lx/%lx", list[0], list[1], list[2]);
    set_up("two", granter, 2, list);
    set_up("64", granter, 64, list);
    set_up("65", granter, 65, list);
    set_up("too_many", granter, 1u << 20, list);
    set_up("all_ones", granter, ~0u, list);
    set_up("unknown_domain", DOMID_UNKNOWN, 1, list);
    set_up("list_not_mapped", granter, 1, bad_ptr());
    set_up("no_list_none", granter, 0, bad_ptr());
    struct gnttab_setup_table op = {.dom = (domid_t)granter};
    CASE(GNT ".setup_table", "count_2",
         hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, XEN_HANDLE(&op), 2, 0, 0));
    CASE(GNT ".setup_table", "count_0",
         hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, XEN_HANDLE(&op), 0, 0, 0));
}

/* struct gnttab_cache_flush */
static void cache(const char *name, u64 addr, u16 offset, u16 length, u32 op)
{
    u64 flush[2] = {addr, offset | (u64)length << 16 | (u64)op << 32};

    CASE(GNT ".cache_flush", name, grant_op1(GNTTABOP_cache_flush, flush));
}

void grants_copy(void)
{
    granter_start();
    copies();
    several();
    own_entries();
    transfer("own_page", phys_own_gfn(), granter, 8);
    transfer("hole", case_gfn(0), granter, 8);
    transfer("frame_all_ones", ~0ull, granter, 8);
    transfer("unknown_domain", phys_own_gfn(), DOMID_UNKNOWN, 8);
    status_frames("self", DOMID_SELF, 1);
    status_frames("self_none", DOMID_SELF, 0);
    status_frames("other", granter, 1);
    status_frames("unknown_domain", DOMID_UNKNOWN, 1);
    set_ups();
    cache("nothing", 0, 0, 0, 0);
    cache("clean", 0, 0, 64, 1);
    cache("clean_and_inval", 0, 0, 64, 3);
    cache("beyond", 0, 4000, 1000, 1);
    cache("unknown_op", 0, 0, 64, 8);
    cache("by_ref", 8, 0, 64, 1 | 1u << 31);
    CASE(GNT ".cache_flush", "not_mapped",
         hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_cache_flush, XEN_HANDLE(bad_ptr()), 1, 0, 0));
    CASE(GNT ".cache_flush", "none",
         hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_cache_flush, XEN_HANDLE(bad_ptr()), 0, 0, 0));
    CASE(GNT ".dump_table", "nr_3",
         hypercall(__HYPERVISOR_grant_table_op, 3, XEN_HANDLE(bad_ptr()), 1, 0, 0));
    granter_end();
}

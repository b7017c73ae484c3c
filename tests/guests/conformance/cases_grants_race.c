/*
 * Grants between domain 0 and a guest that runs: the helper maps ours without privilege, and each of us works on entries
 * and mappings while the other uses them. What happens in a race differs from run to run; what must not happen is
 * counted and printed.
 */
#include <tests/guests/conformance/grants.h>
#include <tests/guests/conformance/guest_caller.h>
#include <lib/printf.h>
#include <lib/string.h>

#define TABLE_GADDR 0x9000ull /* of the helper: its grant table's frame is put there, */
#define PAGE_GADDR  0xa000ull /* and this is the page that it grants */
#define TO_GADDR    0xb000ull /* and that it copies to */
#define ROUNDS      2000u
#define TABLE_INDEX 0u /* of case_gfn(): our own table */

static u8 pages[2][PAGE_SIZE] ALIGNED(4096);
static struct grant_entry_v1 *table; /* ours */

static u32 frame_of(u32 i)
{
    return (u32)((u64)(uintptr_t)pages[i] >> PAGE_SHIFT);
}

static long helper_map(u32 ref, u64 addr, u32 flags, struct gnttab_map_grant_ref *op)
{
    *op = (struct gnttab_map_grant_ref){.host_addr = addr, .flags = flags, .ref = ref, .status = 77};
    long rc = helper_call(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, guest_put(0, op, sizeof(*op)),
                          1, 0, 0);
    memcpy(op, helper_data(), sizeof(*op));
    return rc;
}

static s32 helper_unmap(u32 handle, u64 addr)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = addr, .handle = handle, .status = 77};

    helper_call(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, guest_put(0, &op, sizeof(op)), 1, 0,
                0);
    memcpy(&op, helper_data(), sizeof(op));
    return op.status;
}

/* Our pages in the helper's map. */
static void guest_maps(u32 helper)
{
    struct gnttab_map_grant_ref op;

    memset(pages[0], 0x61, PAGE_SIZE);
    table[30] = (struct grant_entry_v1){1, (domid_t)helper, frame_of(0)};
    long rc = helper_map(30, HOLE_GVA, GNTMAP_host_map, &op);
    CASE_SHOW(GNT ".map_grant_ref", "guest_maps_ours", rc, " status=%d flags=%#x", op.status,
              table[30].flags);
    u64 byte = helper_load(HOLE_GVA + 5, 1);
    helper_store(HOLE_GVA + 7, 1, 0x42);
    CASE_SHOW(GNT ".map_grant_ref", "guest_reads_and_writes", 0L, " byte=%#lx ours=%#x", byte, pages[0][7]);
    CASE_SHOW("memory_op.remove_from_physmap", "guests_grant", phys_remove(helper, HOLE_GVA >> PAGE_SHIFT),
              " byte=%#lx", helper_load(HOLE_GVA + 5, 1));
    CASE_SHOW("memory_op.add_to_physmap_batch", "guests_grant",
              phys_foreign_one(helper, HOLE_GVA >> PAGE_SHIFT, case_gfn(1)), " flags=%#x", table[30].flags);
    CASE_STATUS(GNT ".unmap_grant_ref", "not_by_us", unmap_ref(op.handle, HOLE_GVA, 0), "");
    CASE_STATUS(GNT ".unmap_grant_ref", "guest", helper_unmap(op.handle, HOLE_GVA), " flags=%#x byte=%#lx",
                table[30].flags, helper_load(HOLE_GVA + 5, 1));

    rc = helper_map(30, HOLE_GVA, GNTMAP_host_map | GNTMAP_readonly, &op);
    helper_store(HOLE_GVA + 8, 1, 0x43);
    byte = helper_load(HOLE_GVA + 8, 1);
    CASE_SHOW(GNT ".map_grant_ref", "guest_writes_to_a_reading_one", rc, " status=%d byte=%#lx ours=%#x",
              op.status, byte, pages[0][8]);
    CASE_STATUS(GNT ".unmap_grant_ref", "guest_reading_one", helper_unmap(op.handle, HOLE_GVA), " flags=%#x",
                table[30].flags);
    table[30].domid = DOMID_SELF;
    rc = helper_map(30, HOLE_GVA, GNTMAP_host_map, &op);
    CASE_SHOW(GNT ".map_grant_ref", "guest_maps_anothers", rc, " status=%d flags=%#x", op.status,
              table[30].flags);
    table[30] = (struct grant_entry_v1){0};
}

/* The helper's own table and page, and our views of them. */
static bool share(u32 helper)
{
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .gpfn = TABLE_GADDR >> PAGE_SHIFT};

    return !helper_call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, guest_put(0, &add, sizeof(add)), 0, 0,
                        0) &&
           !acquire(helper, XENMEM_resource_grant_table, 0, 0, 1, case_gfn(TABLE_AT));
}

/* The helper revokes and grants; we map. While we have it, its counter is even and stands still. */
static void map_while_it_revokes(u32 helper, u32 flags, const char *name)
{
    struct grant_entry_v1 *theirs = case_page(TABLE_AT);
    u32 odd = 0, moved = 0, failed_unmaps = 0, other = 0;

    (void)helper;
    helper_store(PAGE_GADDR, 8, 0);
    theirs[40] = (struct grant_entry_v1){1, 0, PAGE_GADDR >> PAGE_SHIFT};
    helper_begin_revoking(TABLE_GADDR + 40 * sizeof(*theirs), PAGE_GADDR, ROUNDS);
    for (u32 i = 0; i < ROUNDS / 4 || helper_busy(); i++) {
        struct gnttab_map_grant_ref m = map_ref(helper, 40, 0, flags);

        other += m.status && m.status != GNTST_general_error;
        if (m.status)
            continue;
        const volatile u64 *counter = map_page(0);
        u64 first = *counter;
        odd += first & 1;
        for (u32 n = 0; n < 20; n++)
            moved += *counter != first;
        failed_unmaps += unmap_ref(m.handle, m.host_addr, 0) != 0;
    }
    helper_wait();
    CASE_SHOW(GNT ".map_grant_ref", name, 0L, " odd=%u moved=%u other=%u failed_unmaps=%u flags=%#x", odd,
              moved, other, failed_unmaps, theirs[40].flags);
    theirs[40] = (struct grant_entry_v1){0};
}

/* We revoke and grant the entry, and change its frame; the helper maps or copies. Its two bytes are of one page. */
static void revoke_while_it_works(u32 helper, bool copies, const char *name)
{
    struct gnttab_map_grant_ref map = {.host_addr = HOLE_GVA, .flags = GNTMAP_host_map, .ref = 31};
    struct gnttab_copy copy = {.source = {.u.ref = 31, .domid = 0},
                               .dest = {.u.gmfn = TO_GADDR >> PAGE_SHIFT, .domid = DOMID_SELF},
                               .len = 64,
                               .flags = GNTCOPY_source_gref};
    u32 written = 0;

    memset(pages[0], 0x61, PAGE_SIZE);
    memset(pages[1], 0x62, PAGE_SIZE);
    table[31] = (struct grant_entry_v1){1, (domid_t)helper, frame_of(0)};
    if (copies)
        helper_begin_copying(guest_put(0, &copy, sizeof(copy)), TO_GADDR, ROUNDS);
    else
        helper_begin_mapping(guest_put(0, &map, sizeof(map)), ROUNDS);
    for (u32 i = 0; i < ROUNDS || helper_busy(); i++) {
        u16 flags = GTF_permit_access;

        /* Against the rules too: the frame changes whether or not the entry is in use. */
        __atomic_store_n(&table[31].frame, frame_of(i % 2), __ATOMIC_SEQ_CST);
        if (!__atomic_compare_exchange_n(&table[31].flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
            continue;
        written++;
        __atomic_store_n(&table[31].flags, GTF_permit_access, __ATOMIC_SEQ_CST);
    }
    long wrong = helper_wait();
    CASE_SHOW(GNT, name, 0L, " wrong=%ld flags=%#x revoked=%s", wrong, table[31].flags,
              written ? "yes" : "no");
    table[31] = (struct grant_entry_v1){0};
}

/* We map what the helper maps away from us: one entry of ours, mapped by both sides' calls at once, and its table rewritten. */
static void corrupt_while_it_maps(u32 helper)
{
    struct gnttab_map_grant_ref map = {.host_addr = HOLE_GVA, .flags = GNTMAP_host_map, .ref = 32};
    u32 seed = 1;

    helper_begin_mapping(guest_put(0, &map, sizeof(map)), ROUNDS);
    for (u32 i = 0; i < ROUNDS || helper_busy(); i++) {
        seed = seed * 1664525u + 1013904223u;
        table[32].domid = (domid_t)(i % 3 ? helper : seed >> 16);
        table[32].frame = i % 4 ? frame_of(0) : seed;
        table[32].flags = (u16)(seed >> 8 | (i % 2 ? GTF_permit_access : 0));
    }
    CASE_SHOW(GNT, "entry_rewritten_while_it_maps", 0L, " wrong=%ld", helper_wait());
    table[32] = (struct grant_entry_v1){0};
}

/* The helper ends while it maps our page: then nothing is in use. */
static void destroy_while_it_maps(u32 helper)
{
    struct gnttab_map_grant_ref map = {.host_addr = HOLE_GVA, .flags = GNTMAP_host_map, .ref = 33};

    for (u32 i = 33; i < 35; i++)
        table[i] = (struct grant_entry_v1){1, (domid_t)helper, frame_of(0)};
    struct gnttab_map_grant_ref op;
    helper_map(34, HOLE_GVA + PAGE_SIZE, GNTMAP_host_map, &op);
    helper_begin_mapping(guest_put(0, &map, sizeof(map)), ~0ull);
    settle();
    unmap_gfn(TABLE_AT);
    unmap_gfn(HELPER_GFN);
    unmap_gfn(HELPER_GFN + 1);
    domain_end(helper);
    CASE_SHOW(GNT, "guest_ends_while_it_maps", 0L, " status=%d flags=%#x/%#x", op.status, table[33].flags,
              table[34].flags);
    table[33] = table[34] = (struct grant_entry_v1){0};
}

/* A granter ends while we have its page. */
static void granter_ends(void)
{
    xc_domaininfo_t info;

    granter_start();
    granter_table[8] = granter_table[9] = (struct grant_entry_v1){1, 0, 1};
    struct gnttab_map_grant_ref a = map_ref(granter, 8, 0, GNTMAP_host_map);
    struct gnttab_map_grant_ref b = map_ref(granter, 9, 1, GNTMAP_host_map | GNTMAP_readonly);
    granter_table[8].flags &= (u16)~GTF_reading; /* its own affair */
    granter_table[10] = (struct grant_entry_v1){1, 0, 2};
    for (u32 i = 0; i < GRANTER_PAGES; i++)
        unmap_gfn(PAGES_AT + i);
    unmap_gfn(TABLE_AT);
    xc_domain_destroy(xch, granter);
    settle();
    bool there = domain_info(granter, &info);
    CASE_SHOW("domctl.destroydomain", "granter_of_a_mapped_page", 0L, " there=%u pages=%lu byte=%#x", there,
              there ? (u64)info.tot_pages : 0, *(u8 *)map_page(0));
    CASE_SHOW(GNT ".map_grant_ref", "of_the_dead", 0L, " good=%u",
              map_ref(granter, 10, 2, GNTMAP_host_map).status == 0);
    CASE_STATUS(GNT ".unmap_grant_ref", "of_the_dead", unmap_ref(a.handle, a.host_addr, 0), "");
    there = domain_info(granter, &info);
    CASE_SHOW(GNT ".unmap_grant_ref", "one_is_left", 0L, " there=%u byte=%#x", there, *(u8 *)map_page(1));
    CASE_STATUS(GNT ".unmap_grant_ref", "the_last_of_the_dead", unmap_ref(b.handle, b.host_addr, 0), "");
    settle();
    CASE_SHOW(GNT ".unmap_grant_ref", "it_is_gone", 0L, " there=%u", domain_info(granter, &info));
}

void grants_races(void)
{
    granter_ends();
    table = case_page(TABLE_INDEX);
    if (phys_add(DOMID_SELF, XENMAPSPACE_grant_table, 0, case_gfn(TABLE_INDEX)))
        return;
    u32 helper = helper_start();
    guest_maps(helper);
    if (share(helper)) {
        map_while_it_revokes(helper, GNTMAP_host_map, "while_it_is_revoked");
        map_while_it_revokes(helper, GNTMAP_host_map | GNTMAP_readonly, "reading_while_it_is_revoked");
    }
    revoke_while_it_works(helper, false, "revoked_while_it_maps");
    revoke_while_it_works(helper, true, "revoked_while_it_copies");
    corrupt_while_it_maps(helper);
    destroy_while_it_maps(helper);
    unmap_gfn(TABLE_INDEX);
}

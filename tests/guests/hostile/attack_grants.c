/*
 * attack=grants: a domain that grants its pages to itself and to everybody, while vCPU 1 writes rubbish into its grant
 * table and the others map, unmap, copy and swap entries, read and write through what is mapped, and try to unmap, free
 * and replace it by other calls; vCPU 0 also gives granted pages back. Ends after ms= milliseconds; then an honest mapping
 * must still work, and nothing may be lost.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <lib/string.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/vcpu.h>

#define PAGES   8u
#define REFS    32u
#define HANDLES 64u
#define IDS     512u /* where our own id is looked for */

static u8 pages[PAGES][PAGE_SIZE] ALIGNED(4096);
static struct grant_entry_v1 *table;
static u64 hole; /* gfn: the table, then where grants are mapped */
static u16 self;
static u32 nr_vcpus;
static volatile bool over;
static u64 nr_mapped, nr_calls, nr_written;

static long grant_op(u64 cmd, const void *op, u64 nr)
{
    return hypercall(__HYPERVISOR_grant_table_op, cmd, XEN_HANDLE(op), nr, 0, 0);
}

static u32 frame_of(u32 page)
{
    return (u32)((u64)(uintptr_t)pages[page % PAGES] >> PAGE_SHIFT);
}

static s16 map_one(u16 domid, u32 ref, u64 gfn, u32 flags, u32 *handle)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = gfn << PAGE_SHIFT, .flags = flags, .ref = ref, .dom = domid, .status = 77};

    grant_op(GNTTABOP_map_grant_ref, &op, 1);
    *handle = op.handle;
    return op.status;
}

static s16 unmap_one(u32 handle, u64 gfn)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = gfn << PAGE_SHIFT, .handle = handle, .status = 77};

    grant_op(GNTTABOP_unmap_grant_ref, &op, 1);
    return op.status;
}

static void write_rubbish(u64 *state)
{
    u64 r = random_next(state);
    struct grant_entry_v1 *entry = &table[r % REFS];

    if (r >> 8 & 1)
        *(volatile u64 *)entry = random_next(state);
    else if (r >> 9 & 1)
        *(volatile u16 *)&entry->flags = (u16)(r >> 16);
    else
        *entry = (struct grant_entry_v1){GTF_permit_access, r >> 10 & 7 ? self : (domid_t)(r >> 32),
                                         r >> 13 & 7 ? frame_of((u32)(r >> 48)) : (u32)(r >> 20)};
    __atomic_fetch_add(&nr_written, 1, __ATOMIC_RELAXED);
}

static void copy(u64 r)
{
    struct gnttab_copy op = {
        .source = {.u.ref = r % REFS, .domid = self, .offset = (u16)(r >> 8 & 4095)},
        .dest = {.u.ref = (u32)(r >> 20) % REFS, .domid = self, .offset = (u16)(r >> 28)},
        .len = (u16)(r >> 44 & 1023),
        .flags = (u16)(r >> 60 & 3)};

    if (r >> 60 & 1 ? r >> 62 & 1 : 1)
        op.source = (struct gnttab_copy_ptr){.u.gmfn = frame_of((u32)r), .domid = DOMID_SELF};
    grant_op(GNTTABOP_copy, &op, 1);
}

static void use_grants(u64 *state)
{
    u64 r = random_next(state), g = hole + 1 + (r >> 40) % HANDLES;
    struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = g};
    struct xen_add_to_physmap place = {.domid = DOMID_SELF,
                                       .space =
                                           r >> 39 & 1 ? XENMAPSPACE_shared_info : XENMAPSPACE_grant_table,
                                       .gpfn = g};
    xen_pfn_t frame = g;
    struct xen_memory_reservation give = {
        .extent_start = XEN_HANDLE(&frame), .nr_extents = 1, .domid = DOMID_SELF};
    struct gnttab_swap_grant_ref swap = {(u32)(r >> 8) % REFS, (u32)(r >> 16) % REFS, 0};
    u32 handle;

    switch (r & 15) {
    case 0:
        copy(random_next(state));
        break;
    case 1:
        grant_op(GNTTABOP_swap_grant_ref, &swap, 1);
        break;
    case 2:
        hypercall2(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &remove);
        break;
    case 3:
        hypercall2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &give);
        break;
    case 4:
        place.idx = 1; /* the frame with the entries stays where it is */
        hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &place);
        hypercall2(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, &remove);
        break;
    case 5:
    case 6:
    case 7: /* nothing is mapped there, or a page of ours, or one that is read only */
        *(volatile u8 *)(g << PAGE_SHIFT | (r >> 8 & 4095)) = (u8)r;
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        unmap_one((u32)(r >> 8) % HANDLES, g);
        break;
    default:
        if (!map_one(self, (u32)(r >> 8) % REFS, g, (u32)(r >> 20 & 31 ? 2 | (r >> 25 & 4) : r >> 26),
                     &handle))
            __atomic_fetch_add(&nr_mapped, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);
}

static void body(u32 id)
{
    u64 state = id + 200;

    while (!over) {
        if (id == 1)
            write_rubbish(&state);
        else
            use_grants(&state);
        __builtin_ia32_pause();
    }
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_down, id, 0, 0, 0);
}

/* Another page in place of one that may be mapped: the old one stays until it is unmapped. */
static void replace(u32 page)
{
    xen_pfn_t g = frame_of(page);
    struct xen_memory_reservation r = {.extent_start = XEN_HANDLE(&g), .nr_extents = 1, .domid = DOMID_SELF};

    hypercall2(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, &r);
    while (hypercall2(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r) != 1)
        for (u32 i = 0; i < HANDLES; i++) /* the old ones still count */
            for (u32 handle = 0; handle < 4 * HANDLES; handle++)
                unmap_one(handle, hole + 1 + i);
}

static void unmap_all(void)
{
    for (u32 handle = 0; handle < 4 * HANDLES; handle++)
        for (u32 i = 0; i < HANDLES; i++)
            if (unmap_one(handle, hole + 1 + i) != GNTST_general_error)
                break;
}

static long own_pages(void)
{
    u16 domid = DOMID_SELF;

    return hypercall2(__HYPERVISOR_memory_op, XENMEM_current_reservation, &domid);
}

/* Maps a page of ours, and sees it. Also how we learn our id. */
static bool honest(u16 id)
{
    u32 handle;

    table[1] = (struct grant_entry_v1){GTF_permit_access, id, frame_of(0)};
    pages[0][9] = 0x5a;
    if (map_one(id, 1, hole + 1, GNTMAP_host_map, &handle))
        return false;
    volatile u8 *there = (u8 *)((hole + 1) << PAGE_SHIFT);
    bool ok = there[9] == 0x5a && table[1].flags == (GTF_permit_access | GTF_reading | GTF_writing);
    there[10] = 0x5b;
    ok = *(volatile u8 *)&pages[0][10] == 0x5b && ok;
    return unmap_one(handle, hole + 1) == GNTST_okay && table[1].flags == GTF_permit_access && ok;
}

static bool start(void)
{
    hole = hostile_find_hole();
    struct xen_add_to_physmap place = {.domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .gpfn = hole};

    if (!hole || hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &place))
        return false;
    table = (struct grant_entry_v1 *)(hole << PAGE_SHIFT);
    for (u32 id = 0; id < IDS; id++)
        if (honest((u16)id)) {
            self = (u16)id;
            return true;
        }
    return false;
}

bool attack_grants(void)
{
    u64 state = 5, end = guest_now_ms() + guest_option_number("ms", 1000), rounds = 0;

    if (!start()) {
        printf("hostile   grants: none of our own\n");
        return false;
    }
    nr_vcpus = smp_count();
    smp_init();
    smp_body = body;
    for (u32 id = 1; id < nr_vcpus; id++)
        smp_start(id);
    long before = own_pages();
    do {
        for (u32 i = 0; i < 200; i++) {
            use_grants(&state);
            write_rubbish(&state);
        }
        replace((u32)random_next(&state));
        rounds++;
        /* On a busy host there is more time, until enough was done. */
    } while (guest_now_ms() < end ||
             (guest_now_ms() < end + MORE_MS && (nr_mapped <= 20 || nr_written <= 50)));
    over = true;
    for (u32 id = 1; id < nr_vcpus; id++)
        while (hypercall(__HYPERVISOR_vcpu_op, VCPUOP_is_up, id, 0, 0, 0) > 0)
            __builtin_ia32_pause();
    unmap_all();
    memset(table, 0, PAGE_SIZE);
    bool ok = honest(self);
    long lost = before - own_pages();
    printf("hostile   grants: %u vCPUs, %lu calls, %lu mapped, %lu entries written, %lu rounds, %ld pages "
           "lost%s\n",
           nr_vcpus, nr_calls, nr_mapped, nr_written, rounds, lost, ok ? "" : ", and none mapped in the end");
    return ok && !lost && nr_mapped > 20 && nr_written > 50;
}

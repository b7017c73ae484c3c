/*
 * The balloon: gives most of the guest's memory back and takes it again, page by page and in extents of 2 MiB, then takes
 * grow=N MiB more than it was built with, then one page beyond the domain's limit, which must be refused. The builder
 * checks afterwards on which nodes the pages are. At the end the guest has shrink=N MiB less than its memory.
 *
 * What arrives must be zero, and what was written must stay.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/test/test.h>
#include <xen/memory.h>

#define BATCH 512u

static u64 given, taken, faults;

static volatile u64 *page_at(u64 gfn)
{
    return (volatile u64 *)(gfn << PAGE_SHIFT);
}

static u64 tag(u64 gfn)
{
    return gfn * 0x9e3779b97f4a7c15ull | 1;
}

static void complain(const char *what, u64 gfn, u64 value)
{
    faults++;
    printf("balloon: frame %#lx %s: %#lx\n", gfn, what, value);
}

/* Regions of 2 MiB: every second one as an extent, the others page by page. Returns the pages done. */
static u64 move_region(u64 cmd, u64 gfn)
{
    static xen_pfn_t frames[BATCH];
    bool whole = (gfn / BATCH) % 2;
    struct xen_memory_reservation arg = {.extent_start = XEN_HANDLE(frames),
                                         .nr_extents = whole ? 1 : BATCH,
                                         .extent_order = whole ? ORDER_2M : 0,
                                         .domid = DOMID_SELF};

    for (u32 i = 0; i < BATCH; i++)
        frames[i] = gfn + i;
    long rc = hypercall2(__HYPERVISOR_memory_op, cmd, &arg);
    return rc < 0 ? 0 : (u64)rc << arg.extent_order;
}

static void give(u64 start, u64 end)
{
    for (u64 gfn = start; gfn < end && !faults; gfn += BATCH) {
        u64 pages = move_region(XENMEM_decrease_reservation, gfn);
        if (pages != BATCH)
            complain("and the pages after it: given back", gfn, pages);
        given += pages;
    }
}

static void take(u64 start, u64 end)
{
    for (u64 gfn = start; gfn < end && !faults; gfn += BATCH) {
        u64 pages = move_region(XENMEM_populate_physmap, gfn);
        if (pages != BATCH)
            complain("and the pages after it: taken", gfn, pages);
        taken += pages;
        for (u64 i = 0; i < pages && !faults; i++) {
            if (*page_at(gfn + i))
                complain("is not zero on arrival", gfn + i, *page_at(gfn + i));
            *page_at(gfn + i) = tag(gfn + i);
        }
    }
}

static void check_tags(u64 start, u64 end)
{
    for (u64 gfn = start; gfn < end && !faults; gfn++)
        if (*page_at(gfn) != tag(gfn))
            complain("has changed", gfn, *page_at(gfn));
}

/* The RAM from 1 MiB on, without this image and what the builder has put behind it. */
static void find_memory(u64 *start, u64 *end)
{
    *start = *end = (ALIGN_UP((u64)(uintptr_t)image_end, MIB(2)) + MIB(2)) >> PAGE_SHIFT;
    for (u32 i = 0; i < guest_env.nr_ranges; i++) {
        const struct guest_range *r = &guest_env.ranges[i];
        if (r->type == XEN_HVM_MEMMAP_TYPE_RAM && r->base == MIB(1))
            *end = ALIGN_DOWN(r->base + r->size, MIB(2)) >> PAGE_SHIFT;
    }
}

static long reservation(u64 cmd)
{
    domid_t self = DOMID_SELF;

    return hypercall2(__HYPERVISOR_memory_op, cmd, &self);
}

bool balloon_run(void)
{
    u64 grow = guest_option_number("grow", 0) << (20 - PAGE_SHIFT);
    u64 shrink = guest_option_number("shrink", 0) << (20 - PAGE_SHIFT);
    long before = reservation(XENMEM_current_reservation);
    u64 start, end;

    find_memory(&start, &end);
    give(start, end);
    if (reservation(XENMEM_current_reservation) != before - (long)(end - start))
        complain("is the last one given back; the domain has pages", end - 1,
                 (u64)reservation(XENMEM_current_reservation));
    take(start, end + grow);
    check_tags(start, end + grow);
    if (grow && reservation(XENMEM_current_reservation) == reservation(XENMEM_maximum_reservation)) {
        u64 beyond = move_region(XENMEM_populate_physmap, end + grow);
        if (beyond)
            complain("is beyond the limit and was taken", end + grow, beyond);
    }
    if (shrink)
        give(end - shrink, end + grow);
    printf("balloon: %lu pages given, %lu taken, %lu beyond the memory it was built with, %lu faults\n",
           given, taken, grow, faults);
    return start < end && !faults;
}

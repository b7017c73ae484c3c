/*
 * A neighbour whose memory and event channels never stay the same: for ms=N milliseconds it gives back pages and
 * extents of its memory and takes them again, and opens and closes event channels, at random (seed=N). Memory that it
 * keeps must not change, and what it gets must be zero. The host may have none: then it goes on with less.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/test/test.h>
#include <lib/string.h>
#include <xen/event_channel.h>
#include <xen/memory.h>

#define REGIONS_MAX 64u /* of 2 MiB, behind the program */
#define PAGES       512u
#define PORTS_MAX   700u

static struct {
    u64 gfn;
    bool there[PAGES];
} regions[REGIONS_MAX];
static u32 nr_regions;
static u32 ports[PORTS_MAX], nr_ports;
static u64 seed, given, taken, short_of, opened, wrong;

static u32 draw(u32 limit)
{
    return (u32)(random_next(&seed) >> 33) % limit;
}

static volatile u64 *page_at(u64 gfn)
{
    return (volatile u64 *)(gfn << PAGE_SHIFT);
}

static u64 tag(u64 gfn)
{
    return gfn * 0x9e3779b97f4a7c15ull | 1;
}

static void find_regions(void)
{
    u64 first = ALIGN_UP((u64)(uintptr_t)image_end, MIB(2)) + MIB(2);

    for (u32 i = 0; i < guest_env.nr_ranges; i++) {
        const struct guest_range *r = &guest_env.ranges[i];
        if (r->type != XEN_HVM_MEMMAP_TYPE_RAM || r->base > MIB(1))
            continue;
        for (u64 at = first; at + MIB(2) <= r->base + r->size && nr_regions < REGIONS_MAX; at += MIB(2)) {
            regions[nr_regions].gfn = at >> PAGE_SHIFT;
            for (u32 p = 0; p < PAGES; p++) {
                regions[nr_regions].there[p] = true;
                *page_at(regions[nr_regions].gfn + p) = tag(regions[nr_regions].gfn + p);
            }
            nr_regions++;
        }
    }
}

static long reservation(u64 cmd, u64 gfn, u32 order)
{
    xen_pfn_t frame = gfn;
    struct xen_memory_reservation arg = {
        .extent_start = XEN_HANDLE(&frame), .nr_extents = 1, .extent_order = order, .domid = DOMID_SELF};

    return hypercall2(__HYPERVISOR_memory_op, cmd, &arg);
}

static void complain(const char *what, u64 gfn, long value)
{
    wrong++;
    printf("restless: frame %#lx %s: %#lx\n", gfn, what, value);
}

/* One extent, all of it there (give) or none of it. */
static void move(u64 gfn, u32 order, bool *there, bool give)
{
    long rc = reservation(give ? XENMEM_decrease_reservation : XENMEM_populate_physmap, gfn, order);

    if (rc != 1) {
        short_of++;
        if (give || rc)
            complain(give ? "cannot be given back" : "cannot be populated", gfn, rc);
        return;
    }
    for (u32 i = 0; i < 1u << order; i++) {
        there[i] = !give;
        if (!give && *page_at(gfn + i))
            complain("is not zero on arrival", gfn + i, (long)*page_at(gfn + i));
        if (!give)
            *page_at(gfn + i) = tag(gfn + i);
    }
    *(give ? &given : &taken) += 1u << order;
}

static bool all_are(const bool *there, bool wanted)
{
    for (u32 i = 0; i < PAGES; i++)
        if (there[i] != wanted)
            return false;
    return true;
}

static void balloon(void)
{
    u32 r = draw(nr_regions), first = draw(PAGES), nr = 1 + draw(48);
    bool *there = regions[r].there, give = draw(2);

    if (draw(4) == 0 && all_are(there, give)) {
        move(regions[r].gfn, ORDER_2M, there, give);
        return;
    }
    for (u32 i = first; i < MIN(first + nr, PAGES); i++)
        if (there[i] == give)
            move(regions[r].gfn + i, ORDER_4K, &there[i], give);
}

static void open_port(void)
{
    struct evtchn_alloc_unbound unbound = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    bool is_ipi = draw(2);

    if (nr_ports == PORTS_MAX)
        return;
    if (hypercall2(__HYPERVISOR_event_channel_op, is_ipi ? EVTCHNOP_bind_ipi : EVTCHNOP_alloc_unbound,
                   is_ipi ? (void *)&ipi : (void *)&unbound))
        return;
    ports[nr_ports++] = is_ipi ? ipi.port : unbound.port;
    opened++;
}

static void close_port(void)
{
    if (!nr_ports)
        return;
    u32 i = draw(nr_ports);
    struct evtchn_close arg = {.port = ports[i]};

    ports[i] = ports[--nr_ports];
    long rc = hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &arg);
    if (rc)
        complain("(a port) cannot be closed", arg.port, rc);
}

static void check_tags(void)
{
    for (u32 r = 0; r < nr_regions; r++)
        for (u32 p = 0; p < PAGES; p++)
            if (regions[r].there[p] && *page_at(regions[r].gfn + p) != tag(regions[r].gfn + p))
                complain("has changed", regions[r].gfn + p, (long)*page_at(regions[r].gfn + p));
}

bool restless_run(void)
{
    u64 end = guest_now_ms() + guest_option_number("ms", 500);

    seed = guest_option_number("seed", 1) | 1ull << 40;
    find_regions();
    while (nr_regions && guest_now_ms() < end && !wrong) {
        balloon();
        for (u32 n = draw(24), more = draw(2); n; n--)
            more ? open_port() : close_port();
    }
    check_tags();
    printf("restless: %lu pages given, %lu taken, %lu not, %lu ports opened, %lu faults\n", given, taken,
           short_of, opened, wrong);
    return nr_regions && !wrong;
}

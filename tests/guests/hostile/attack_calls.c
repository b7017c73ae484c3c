/*
 * attack=calls, domain 0 only: many random, mostly almost valid hypercalls, from a seed that it prints. It avoids
 * only calls that would end itself or change its own memory map. Afterwards it destroys every domain it made and
 * compares the host's free memory and claims with those at the start: nothing may be lost.
 *
 * Options: seed=N, calls=N.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>

/* Uses every event port once, so that the port table has its full size before memory is counted. */
static void warm_up_ports(xc_interface *xch)
{
    struct evtchn_close close;

    while (xc_evtchn_alloc_unbound(xch, 0, 0) >= 0)
        ;
    for (close.port = 1; close.port < HOSTILE_PORTS; close.port++)
        hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &close);
}

/* Makes every frame of domain 0's grant table, which keeps them, before memory is counted. */
static bool warm_up_grants(xc_interface *xch)
{
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .gpfn = hostile_find_hole()};

    if (hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, XEN_HANDLE(&size), 1, 0, 0) ||
        size.status != GNTST_okay)
        return false;
    add.idx = size.max_nr_frames - 1;
    return hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &add) == 0 &&
           xc_domain_remove_from_physmap(xch, DOMID_SELF, add.gpfn) == 0;
}

static u32 destroy_all(xc_interface *xch)
{
    static xc_domaininfo_t info[64];
    u32 left = 0;

    hostile_unmap_window();
    for (u32 round = 0; round < 1000; round++) {
        int nr = xc_domain_getinfolist(xch, 1, ARRAY_SIZE(info), info);
        if (nr <= 0)
            return 0;
        left = (u32)nr;
        for (u32 i = 0; i < left; i++)
            xc_domain_destroy(xch, info[i].domain);
    }
    return left;
}

bool attack_calls(void)
{
    xc_interface *xch = xc_interface_open();
    xc_physinfo_t before, after;
    u64 seed = guest_option_number("seed", 1), calls = guest_option_number("calls", 100000);
    u64 errors = 0;

    printf("hostile   %lu calls from seed %lu\n", calls, seed);
    warm_up_ports(xch);
    if (!warm_up_grants(xch) || xc_physinfo(xch, &before) || hostile_init(seed)) {
        printf("hostile   cannot start\n");
        return false;
    }
    for (u64 i = 0; i < calls; i++)
        errors += hostile_call() < 0;

    u32 left = destroy_all(xch);
    int rc = xc_physinfo(xch, &after);
    s64 pages = (s64)(before.free_pages - after.free_pages);
    s64 claims = (s64)(after.outstanding_pages - before.outstanding_pages);

    printf("hostile   %lu of %lu calls refused, %lu domains made, %u left\n", errors, calls,
           hostile_domains_made, left);
    printf("hostile   %lu INIT and STARTUP interrupts\n", hostile_aps_poked);
    printf("@leak pages=%ld claims=%ld name=hostile\n", pages, claims);
    return !rc && !left && !pages && !claims;
}

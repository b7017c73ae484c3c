/* Populate on demand: a guest that touches marked frames, by itself and through hypercalls, and balloons. */
#include <tests/guests/conformance/cases_pod.h>
#include <tests/guests/conformance/physmap.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/sched.h>
#include <xen/version.h>

#define WAIT_MS  5000u
#define FRAME    0x2000ull /* where the marked frames are: above the helper's memory */
#define GADDR(i) ((FRAME + (i)) << PAGE_SHIFT)

static u32 helper;

static long give_back(u64 gfn, u64 nr, u32 order)
{
    xen_pfn_t *list = helper_data();
    struct xen_memory_reservation *arg = (void *)((u8 *)helper_data() + PAGE_SIZE - sizeof(*arg));

    for (u64 i = 0; i < nr; i++)
        list[i] = gfn + (i << order);
    *arg = (struct xen_memory_reservation){
        .extent_start = helper_gaddr(), .nr_extents = nr, .extent_order = order, .domid = DOMID_SELF};
    return helper_call(__HYPERVISOR_memory_op, XENMEM_decrease_reservation,
                       helper_gaddr() + PAGE_SIZE - sizeof(*arg), 0, 0, 0);
}

static void own_mark(void)
{
    struct xen_memory_reservation *arg = (void *)((u8 *)helper_data() + 64);

    *(xen_pfn_t *)helper_data() = FRAME + 0x1000;
    *arg = (struct xen_memory_reservation){.extent_start = helper_gaddr(),
                                           .nr_extents = 1,
                                           .mem_flags = XENMEMF_populate_on_demand,
                                           .domid = DOMID_SELF};
    POD_CASE(helper, POPULATE, "by_a_guest_to_itself",
             helper_call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, helper_gaddr() + 64, 0, 0, 0));
}

static void own_target(void)
{
    struct xen_pod_target *arg = helper_data();

    *arg = (struct xen_pod_target){.target_pages = 5, .domid = DOMID_SELF};
    CASE(POD_SET, "by_a_guest",
         helper_call(__HYPERVISOR_memory_op, XENMEM_set_pod_target, helper_gaddr(), 0, 0, 0));
}

static void touches(void)
{
    u64 value = 0;

    POD_CASE(helper, "guest.load", "marked_page", (long)(value = helper_load(GADDR(3), 8)));
    helper_store(GADDR(3) + 8, 8, 0x55);
    POD_CASE(helper, "guest.store", "same_page", (long)helper_load(GADDR(3) + 8, 8));
    POD_CASE(helper, "guest.store", "other_page", (helper_store(GADDR(4), 8, 7), 0L));
    POD_CASE(helper, "guest.store", "across_two_pages", (helper_store(GADDR(9) - 4, 8, ~0ull), 0L));
    POD_CASE(helper, "guest.call", "copy_to_a_marked_page",
             helper_call(__HYPERVISOR_xen_version, XENVER_extraversion, GADDR(12), 0, 0, 0));
    POD_CASE(helper, "guest.call", "copy_from_a_marked_page",
             helper_call(__HYPERVISOR_memory_op, XENMEM_current_reservation, GADDR(13), 0, 0, 0) >= 0 ? 0
                                                                                                      : -1);
    POD_CASE(helper, "guest.load", "2m", (long)helper_load(GADDR(0x205), 8));
    (void)value;
}

static void balloons(void)
{
    POD_CASE(helper, "guest.decrease", "touched_page", give_back(FRAME + 3, 1, 0));
    POD_CASE(helper, "guest.decrease", "marked_pages", give_back(FRAME + 0x20, 64, 0));
    POD_CASE(helper, "guest.decrease", "touched_2m", give_back(FRAME + 0x200, 1, 9));
    POD_CASE(helper, "guest.decrease", "marked_2m", give_back(FRAME + 0x400, 1, 9));
    helper_store(0x9ff000, 8, 1);
    POD_CASE(helper, "guest.decrease", "pages_of_its_own", give_back(0x800, 64, 0));
}

/* A guest that writes to one page after the other, whatever its target is: it ends with code 3. */
static void touches_all(void)
{
    struct patience patience = patience_of(WAIT_MS);
    xc_domaininfo_t info;
    u64 at = 0x600, left;

    pod_set(helper, phys_tot(helper));
    case_begin();
    for (; (left = pod_get(helper).pod_cache_pages) && at < 0x1000; at += left < 512 ? 1 : 512)
        helper_store(GADDR(at), 8, 1);
    helper_store_last(GADDR(at), 8, 1);
    while (domain_info(helper, &info) && !(info.flags & XEN_DOMINF_shutdown) && patience_yield(&patience))
        ;
    case_end("guest.store", "more_than_the_target", 0, " shutdown=%u code=%u",
             (info.flags & XEN_DOMINF_shutdown) != 0,
             (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
}

void pod_guest(void)
{
    helper = helper_start();
    set_max(helper, 0x8000);
    watch(helper, WATCH_DOMAIN);
    POD_CASE(helper, POPULATE, "marks_for_a_guest", pod_mark(helper, FRAME, 8, 9));
    POD_CASE(helper, POD_SET, "for_a_guest", pod_set(helper, 0x1000 + 0x400 + 20));
    own_mark();
    own_target();
    touches();
    balloons();
    touches_all();
    watch(0, WATCH_NOTHING);
    helper_stop();
}

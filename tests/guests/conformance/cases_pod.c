/*
 * Populate on demand: frames that are marked, the target and the cache, what an access by domain 0 does, what giving
 * frames back does. Each case prints the cache and the entries that are left. A guest's own accesses: cases_pod_guest.c.
 */
#include <tests/guests/conformance/cases_pod.h>
#include <tests/guests/conformance/physmap.h>
#include <homestead/errno.h>
#include <lib/string.h>

#define MAX_PAGES 8192u

static u32 pod_domid;

static long pod_target(u32 domid, u64 cmd, u64 pages, struct xen_pod_target *got)
{
    *got = (struct xen_pod_target){.target_pages = pages, .domid = (domid_t)domid};
    return memory_op(cmd, got);
}

long pod_set(u32 domid, u64 pages)
{
    struct xen_pod_target got;

    return pod_target(domid, XENMEM_set_pod_target, pages, &got);
}

struct xen_pod_target pod_get(u32 domid)
{
    struct xen_pod_target got;

    pod_target(domid, XENMEM_get_pod_target, 0, &got);
    return got;
}

long pod_mark(u32 domid, u64 gfn, u64 nr, u32 order)
{
    return frames_from(XENMEM_populate_physmap, domid, gfn, nr, order, XENMEMF_populate_on_demand);
}

static long populate(u64 gfn, u64 nr, u32 order)
{
    return frames_from(XENMEM_populate_physmap, pod_domid, gfn, nr, order, 0);
}

static long decrease(u64 gfn, u64 nr, u32 order)
{
    return frames_from(XENMEM_decrease_reservation, pod_domid, gfn, nr, order, 0);
}

static void begin(void)
{
    pod_domid = domain_new(MAX_PAGES);
    watch(pod_domid, WATCH_DOMAIN);
}

static void end(void)
{
    watch(0, WATCH_NOTHING);
    domain_end(pod_domid);
}

static long mark(u64 gfn, u64 nr, u32 order)
{
    return pod_mark(pod_domid, gfn, nr, order);
}

static void marks(void)
{
    xen_pfn_t mixed[3] = {0x900, 0x800, 0x901};

    begin();
    POD_CASE(pod_domid, POPULATE, "one_page", mark(0x100, 1, 0));
    POD_CASE(pod_domid, POPULATE, "the_same_again", mark(0x100, 1, 0));
    POD_CASE(pod_domid, POPULATE, "2m", mark(0x200, 1, 9));
    POD_CASE(pod_domid, POPULATE, "page_of_a_marked_2m", mark(0x234, 1, 0));
    POD_CASE(pod_domid, POPULATE, "2m_around_a_page", mark(0, 1, 9));
    POD_CASE(pod_domid, POPULATE, "2m_again", mark(0, 1, 9));
    POD_CASE(pod_domid, POPULATE, "order_3", mark(0x400, 2, 3));
    POD_CASE(pod_domid, POPULATE, "1g_beyond_max_pages", mark(1u << 18, 1, 18));
    POD_CASE(pod_domid, POPULATE, "order_19", mark(1u << 20, 1, 19));
    POD_CASE(pod_domid, POPULATE, "no_extents", mark(0x700, 0, 0));
    POD_CASE(pod_domid, POPULATE, "exact_node_1",
             frames_from(XENMEM_populate_physmap, pod_domid, 0x600, 1, 0,
                         XENMEMF_populate_on_demand | XENMEMF_exact_node(1)));
    POD_CASE(pod_domid, POPULATE, "real_page", populate(0x800, 1, 0));
    POD_CASE(pod_domid, POPULATE, "over_a_real_page", mark(0x800, 1, 0));
    POD_CASE(pod_domid, POPULATE, "2m_around_a_real_page", mark(0x800, 1, 9));
    POD_CASE(pod_domid, POPULATE, "list_with_a_real_page",
             frames_op(XENMEM_populate_physmap, pod_domid, mixed, 3, 0, XENMEMF_populate_on_demand));
    POD_CASE(pod_domid, POPULATE, "not_mapped_list",
             frames_op(XENMEM_populate_physmap, pod_domid, bad_ptr(), 1, 0, XENMEMF_populate_on_demand));
    POD_CASE(pod_domid, "memory_op.increase_reservation", "flag",
             frames_op(XENMEM_increase_reservation, pod_domid, NULL, 1, 0, XENMEMF_populate_on_demand));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "flag",
             frames_from(XENMEM_decrease_reservation, pod_domid, 0x100, 1, 0, XENMEMF_populate_on_demand));
    POD_CASE(0, POPULATE, "self",
             frames_from(XENMEM_populate_physmap, DOMID_SELF, case_gfn(0), 1, 0, XENMEMF_populate_on_demand));
    domid_t domid = (domid_t)pod_domid;
    CASE("memory_op.maximum_gpfn", "marked", memory_op(XENMEM_maximum_gpfn, &domid));
    POD_CASE(pod_domid, POPULATE, "real_over_a_marked_page", populate(0x300, 1, 0));
    POD_CASE(pod_domid, POPULATE, "real_2m_over_marked_ones", populate(0x400, 1, 9));
    end();
}

/* A target before the frames are marked, as builders set it. */
static void target_first(void)
{
    begin();
    POD_CASE(pod_domid, POD_SET, "0_of_an_empty_domain", pod_set(pod_domid, 0));
    POD_CASE(pod_domid, POD_SET, "1_before_marks", pod_set(pod_domid, 1));
    POD_CASE(pod_domid, POD_SET, "1000_before_marks", pod_set(pod_domid, 1000));
    POD_CASE(pod_domid, POD_SET, "the_same", pod_set(pod_domid, 1000));
    POD_CASE(pod_domid, POD_SET, "less", pod_set(pod_domid, 999));
    POD_CASE(pod_domid, POPULATE, "then_marks", mark(0, 4, 9));
    POD_CASE(pod_domid, POPULATE, "real_page_over_a_mark", populate(5, 1, 0));
    POD_CASE(pod_domid, POD_SET, "a_real_page_counts", pod_set(pod_domid, 1002));
    POD_CASE(pod_domid, POD_SET, "more_than_entries", pod_set(pod_domid, 3000));
    POD_CASE(pod_domid, POD_SET, "max_pages", pod_set(pod_domid, MAX_PAGES));
    POD_CASE(pod_domid, POD_SET, "max_pages_and_1", pod_set(pod_domid, MAX_PAGES + 1));
    POD_CASE(pod_domid, POD_SET, "all_ones", pod_set(pod_domid, ~0ull));
    POD_CASE(pod_domid, POD_SET, "2_to_63", pod_set(pod_domid, 1ull << 63));
    CASE(POD_SET, "unknown_domain", pod_set(DOMID_UNKNOWN, 1));
    CASE(POD_SET, "not_mapped", memory_op(XENMEM_set_pod_target, bad_ptr()));
    CASE(POD_SET, "self", pod_set(DOMID_SELF, 0) > 0);
    set_max(pod_domid, 100);
    POD_CASE(pod_domid, POD_SET, "above_a_lowered_max", pod_set(pod_domid, 101));
    POD_CASE(pod_domid, POD_SET, "a_lowered_max", pod_set(pod_domid, 100));
    end();
}

static void target_later(void)
{
    begin();
    POD_CASE(pod_domid, POPULATE, "marks_first", mark(0, 2, 9));
    POD_CASE(pod_domid, POD_SET, "above_the_entries", pod_set(pod_domid, 2000));
    end();
    begin();
    populate(0x1000, 10, 0);
    POD_CASE(pod_domid, POD_SET, "with_pages_without_marks", pod_set(pod_domid, 500));
    POD_CASE(pod_domid, POPULATE, "with_pages_marks", mark(0, 2, 9));
    POD_CASE(pod_domid, POD_SET, "with_pages", pod_set(pod_domid, 500));
    POD_CASE(pod_domid, POD_SET, "with_pages_up", pod_set(pod_domid, 700));
    POD_CASE(pod_domid, POD_SET, "with_pages_down", pod_set(pod_domid, 600));
    POD_CASE(pod_domid, POD_SET, "with_pages_above_the_entries", pod_set(pod_domid, 2000));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "cache_is_cut", decrease(0, 1, 9));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "to_the_last", decrease(0x200, 1, 9));
    POD_CASE(pod_domid, POD_SET, "nothing_left", pod_set(pod_domid, 600));
    end();
}

/* The claim covers the target, and the target redeems it. claims.md CL-4.20, CL-4.21. */
static void claims(void)
{
    begin();
    CASE("memory_op.claim_pages", "of_the_target", claim(pod_domid, 1024));
    POD_CASE(pod_domid, POD_SET, "half_of_a_claim", pod_set(pod_domid, 512));
    POD_CASE(pod_domid, POPULATE, "marks_redeem_nothing", mark(0, 4, 9));
    POD_CASE(pod_domid, POD_SET, "all_of_a_claim", pod_set(pod_domid, 1024));
    POD_CASE(pod_domid, POD_SET, "more_than_a_claim", pod_set(pod_domid, 1025));
    CASE("memory_op.claim_pages", "released", claim(pod_domid, 0));
    end();
}

/* Domain 0 maps marked frames. claims.md CL-4.23. */
static void access(void)
{
    volatile u64 *at = case_page(0);

    begin();
    pod_set(pod_domid, 3);
    mark(0, 4, 0);
    mark(0x400, 1, 9);
    POD_CASE(pod_domid, "foreign.map", "marked_page", phys_foreign_one(pod_domid, 1, case_gfn(0)));
    CASE_SHOW("foreign.map", "is_zero", 0, " reads=%#lx", *at);
    *at = 0x1234;
    unmap_gfn(0);
    POD_CASE(pod_domid, "foreign.map", "again", phys_foreign_one(pod_domid, 1, case_gfn(0)));
    CASE_SHOW("foreign.map", "as_written", 0, " reads=%#lx", *at);
    unmap_gfn(0);
    POD_CASE(pod_domid, "foreign.map", "page_of_a_marked_2m",
             phys_foreign_one(pod_domid, 0x4ff, case_gfn(0)));
    unmap_gfn(0);
    POD_CASE(pod_domid, "memory_op.remove_from_physmap", "marked_page", phys_remove(pod_domid, 2));
    POD_CASE(pod_domid, "memory_op.add_to_physmap", "shared_info_over_a_mark",
             phys_add(pod_domid, XENMAPSPACE_shared_info, 0, 0x401));
    POD_CASE(pod_domid, POPULATE, "mark_over_shared_info", mark(0x401, 1, 0));
    end();
}

static void access_2m(void)
{
    begin();
    pod_set(pod_domid, 1024);
    mark(0, 3, 9);
    mark(1u << 18, 1, 18);
    POD_CASE(pod_domid, "foreign.map", "2m", phys_foreign_one(pod_domid, 0x123, case_gfn(0)));
    unmap_gfn(0);
    POD_CASE(pod_domid, "foreign.map", "other_page_of_it", phys_foreign_one(pod_domid, 0x124, case_gfn(0)));
    unmap_gfn(0);
    POD_CASE(pod_domid, "foreign.map", "in_a_marked_1g",
             phys_foreign_one(pod_domid, (1u << 18) + 20, case_gfn(0)));
    *(u64 *)case_page(0) = 1;
    unmap_gfn(0);
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "real_2m_to_the_cache", decrease(0, 1, 9));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "real_pages_to_the_cache",
             decrease(1u << 18, 9, 0));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "marked_pages", decrease(0x200, 9, 0));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "hole", decrease(0x200, 1, 0));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "2m_with_a_hole", decrease(0x200, 1, 9));
    phys_foreign_one(pod_domid, 0x400, case_gfn(0));
    unmap_gfn(0);
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "page_of_a_2m_of_zeroes", decrease(0x400, 1, 0));
    end();
}

/* The cache is as large as there are entries: what is given back goes to the host. */
static void decreases(void)
{
    begin();
    pod_set(pod_domid, 600);
    mark(0, 600, 0);
    phys_foreign_one(pod_domid, 1, case_gfn(0));
    unmap_gfn(0);
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "real_page", decrease(1, 1, 0));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "marked_page", decrease(2, 1, 0));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "8_marked_pages", decrease(8, 1, 3));
    phys_foreign_one(pod_domid, 0x21, case_gfn(0));
    unmap_gfn(0);
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "8_with_a_real_one", decrease(0x20, 1, 3));
    phys_foreign_one(pod_domid, 0x31, case_gfn(0));
    POD_CASE(pod_domid, "memory_op.decrease_reservation", "real_page_that_is_mapped", decrease(0x31, 1, 0));
    unmap_gfn(0);
    POD_CASE(pod_domid, POD_SET, "back_up", pod_set(pod_domid, 600));
    end();
}

/* More is touched than there is. */
static void exhausted(void)
{
    xc_domaininfo_t info;

    begin();
    pod_set(pod_domid, 1);
    mark(0, 4, 0);
    POD_CASE(pod_domid, "foreign.map", "last_of_the_cache", phys_foreign_one(pod_domid, 0, case_gfn(0)));
    *(u64 *)case_page(0) = 1; /* no page of zeroes that could be taken back */
    POD_CASE(pod_domid, "foreign.map", "cache_is_empty",
             phys_foreign_one(pod_domid, 1, case_gfn(1)) ? -1 : 0);
    domain_info(pod_domid, &info);
    CASE_SHOW("domctl.getdomaininfo", "crashed", 0, " shutdown=%u code=%u",
              (info.flags & XEN_DOMINF_shutdown) != 0,
              (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
    POD_CASE(pod_domid, POD_SET, "of_a_crashed_domain", pod_set(pod_domid, 3));
    unmap_gfn(0);
    end();
}

void cases_pod(void)
{
    marks();
    target_first();
    target_later();
    claims();
    access();
    access_2m();
    decreases();
    exhausted();
    pod_guest();
}

/*
 * How populating and freeing change a claim, how a claim limits others, and claims that end with their
 * domain. docs/hypervisor-guide/mm/claims.md sections 1, 2 and 4.
 */
#include <tests/guests/conformance/cases.h>

#define CLAIM "memory_op.claim_pages"

#define LIST_MAX 1024u

long frames_from(u64 cmd, u32 domid, u64 gfn, u64 nr, u32 order, u32 flags)
{
    static xen_pfn_t list[LIST_MAX];

    for (u64 i = 0; i < nr && i < LIST_MAX; i++)
        list[i] = gfn + (i << order);
    return frames_op(cmd, domid, list, MIN(nr, (u64)LIST_MAX), order, flags);
}

static u64 host_free(void)
{
    xc_physinfo_t info;

    return xc_physinfo(xch, &info) ? 0 : info.free_pages;
}

static u64 host_claimed(void)
{
    xc_physinfo_t info;

    return xc_physinfo(xch, &info) ? 0 : info.outstanding_pages;
}

static long populate(u32 domid, u64 gfn, u64 nr, u32 order, u32 flags)
{
    return frames_from(XENMEM_populate_physmap, domid, gfn, nr, order, flags);
}

/* claims.md CL-1.4c, CL-4.13, CL-4.19. */
static void redeem(void)
{
    u32 domid = domain_new(8192);

    watch(domid, WATCH_DOMAIN | WATCH_HOST | WATCH_NODES);
    CASE(CLAIM, "4096_pages", claim(domid, 4096));
    CASE(POPULATE, "4k_node_0", populate(domid, 0, 1, 0, XENMEMF_exact_node(0)));
    CASE(POPULATE, "4k_node_1", populate(domid, 1, 1, 0, XENMEMF_exact_node(1)));
    CASE(POPULATE, "100_of_4k_node_1", populate(domid, 2, 100, 0, XENMEMF_exact_node(1)));
    CASE(POPULATE, "order_1", populate(domid, 102, 1, 1, XENMEMF_exact_node(1)));
    CASE(POPULATE, "order_4", populate(domid, 112, 1, 4, XENMEMF_exact_node(0)));
    CASE(POPULATE, "2m_node_1", populate(domid, 512, 1, 9, XENMEMF_exact_node(1)));
    watch(domid, WATCH_DOMAIN | WATCH_HOST); /* which node depends on what has been scrubbed */
    CASE(POPULATE, "2m_preferred_node_0", populate(domid, 1024, 1, 9, XENMEMF_node(0)));
    watch(domid, WATCH_DOMAIN | WATCH_HOST | WATCH_NODES);
    CASE(POPULATE, "1g_not_to_be_had", populate(domid, 1ull << 18, 1, 18, XENMEMF_exact_node(1)));
    CASE(POPULATE, "absent_node", populate(domid, 1536, 1, 9, XENMEMF_exact_node(9)));
    CASE("memory_op.increase_reservation", "8_pages_redeem",
         frames_op(XENMEM_increase_reservation, domid, NULL, 8, 0, XENMEMF_exact_node(1)));
    CASE("memory_op.decrease_reservation", "with_a_claim",
         frames_from(XENMEM_decrease_reservation, domid, 2, 10, 0, 0));
    CASE("memory_op.decrease_reservation", "2m_with_a_claim",
         frames_from(XENMEM_decrease_reservation, domid, 512, 1, 9, 0));
    CASE(POPULATE, "again", populate(domid, 512, 1, 9, XENMEMF_exact_node(1)));
    CASE(CLAIM, "release", claim(domid, 0));
    CASE(POPULATE, "without_a_claim", populate(domid, 2, 10, 0, XENMEMF_exact_node(1)));
    domain_end(domid);

    domid = domain_new(8192);
    watch(domid, WATCH_DOMAIN | WATCH_HOST);
    CASE(CLAIM, "100_pages", claim(domid, 100));
    CASE(POPULATE, "more_than_is_claimed", populate(domid, 512, 1, 9, 0));
    CASE("memory_op.decrease_reservation", "when_all_is_redeemed",
         frames_from(XENMEM_decrease_reservation, domid, 512, 1, 9, 0));
    domain_end(domid);
}

/* A domain claims all but some pages; another one gets only the rest. claims.md CL-1.6, CL-2.13. */
static void all_claimed(void)
{
    u64 whole = host_free();
    u32 a = domain_new(whole), b = domain_new(4096);

    u64 free_pages = host_free();
    watch(a, WATCH_DOMAIN);
    CASE_SHOW(CLAIM, "one_more_than_is_free", claim(a, free_pages + 1), " claimed_now=%lu", host_claimed());
    long rc = claim(a, free_pages - 10);
    if (rc)
        give_up("claiming all but 10 pages", rc);
    watch(b, WATCH_DOMAIN | WATCH_HOST | WATCH_NODES);
    CASE(CLAIM, "other_one_too_many", claim(b, 11));
    CASE(CLAIM, "other_the_rest", claim(b, 10));
    CASE(POPULATE, "a_page_of_the_rest", populate(b, 0, 1, 0, XENMEMF_exact_node(1)));
    CASE(CLAIM, "other_release", claim(b, 0));
    CASE(POPULATE, "4_pages_at_once_of_9", populate(b, 4, 1, 2, XENMEMF_exact_node(1)));
    CASE(POPULATE, "8_pages_at_once_of_5", populate(b, 8, 1, 3, XENMEMF_exact_node(1)));
    CASE(POPULATE, "16_single_pages_of_5", populate(b, 16, 16, 0, XENMEMF_exact_node(1)));
    CASE(POPULATE, "none_is_left", populate(b, 64, 1, 0, 0));
    CASE(POPULATE, "none_is_left_on_the_other_node", populate(b, 64, 1, 0, XENMEMF_exact_node(0)));
    CASE("memory_op.increase_reservation", "none_is_left",
         frames_op(XENMEM_increase_reservation, b, NULL, 1, 0, 0));
    CASE("domctl.set_paging_mempool_size", "none_is_left", xc_set_paging_mempool_size(xch, b, MIB(8)));
    CASE("memory_op.decrease_reservation", "gives_one_back",
         frames_from(XENMEM_decrease_reservation, b, 0, 1, 0, 0));
    CASE(POPULATE, "takes_it_again", populate(b, 0, 2, 0, XENMEMF_exact_node(1)));
    watch(a, WATCH_HOST | WATCH_NODES); /* its own figures are as large as the machine */
    CASE(POPULATE, "the_claimant_can", populate(a, 0, 16, 0, XENMEMF_exact_node(1)));
    watch(a, WATCH_NOTHING);
    CASE_SHOW(CLAIM, "claimant_releases", claim(a, 0), " claimed_now=%lu", host_claimed());
    watch(b, WATCH_DOMAIN | WATCH_HOST);
    CASE(POPULATE, "now_the_other_can", populate(b, 64, 16, 0, 0));
    domain_end(a);
    domain_end(b);
}

/*
 * A request that a claim covers in part, while another domain has claimed the rest of memory.
 * claims.md CL-4.7, CL-4.8.
 */
static void in_part(void)
{
    u64 whole = host_free();
    u32 a = domain_new(4096), b = domain_new(whole);

    long rc = claim(a, 100);
    if (!rc)
        rc = claim(b, host_free() - 100 - 500);
    if (rc)
        give_up("claiming for two", rc);
    watch(a, WATCH_DOMAIN | WATCH_HOST);
    CASE(POPULATE, "100_claimed_500_not_of_600", populate(a, 512, 1, 9, 0));
    CASE(POPULATE, "64_pages_in_the_claim", populate(a, 0, 1, 6, 0));
    domain_end(a);
    domain_end(b);
}

static void ends(void)
{
    u32 domid = domain_new(4096);
    u64 claimed = host_claimed();

    watch(domid, WATCH_NOTHING);
    claim(domid, 1000);
    CASE_SHOW("domctl.destroydomain", "with_a_claim", xc_domain_destroy(xch, domid), " claimed=%ld",
              (long)(host_claimed() - claimed));
    domain_end(domid);
    domid = domain_new(4096);
    claim(domid, 1000);
    populate(domid, 5, 1, 0, 0);
    map_foreign_gfn(0, domid, 5);
    watch(domid, WATCH_DOMAIN);
    CASE_SHOW("domctl.destroydomain", "half_alive_with_a_claim", xc_domain_destroy(xch, domid),
              " claimed=%ld", (long)(host_claimed() - claimed));
    CASE(CLAIM, "dying", claim(domid, 500));
    CASE(CLAIM, "dying_release", claim(domid, 0));
    CASE(CLAIM, "dying_more_than_max", claim(domid, 5000));
    CASE(POPULATE, "dying", populate(domid, 6, 1, 0, 0));
    unmap_gfn(0);
    domain_end(domid);
    CASE_SHOW(CLAIM, "gone", claim(domid, 500), " claimed=%ld", (long)(host_claimed() - claimed));
}

void cases_redeem(void)
{
    redeem();
    all_claimed();
    in_part();
    ends();
}

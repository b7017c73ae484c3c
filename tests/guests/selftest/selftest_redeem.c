/* What allocations redeem: docs/hypervisor-guide/mm/claims.md section 4. */
#include <tests/guests/selftest/selftest.h>
#include <lib/printf.h>

#define HOST  XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
#define PAIR  1u /* an order */
#define PAGES (1u << ORDER_2M)

/* One extent from exactly a node; 1: done. */
static int take(u32 domid, u64 gfn, u32 order, u32 node)
{
    xen_pfn_t at = gfn;

    return xc_domain_populate_physmap(xch, domid, 1, order, (unsigned int)XENMEMF_exact_node(node), &at);
}

/*
 * A claim of 4 MiB after max_mem; 2 MiB of it redeemed; nothing after the end.
 * claims.md CL-1.3, CL-1.7b, CL-2.14, CL-2.15.
 */
static void four_mib(const struct selftest_host *host)
{
    xc_domaininfo_t info;
    u32 a;

    if (!selftest_domain(0, PAGES, &a))
        return;
    selftest_equal("four_mib_before_max_mem", "result", -EINVAL, xc_domain_claim_pages(xch, a, 2 * PAGES));
    selftest_equal("four_mib_max_mem", "result", 0, xc_domain_setmaxmem(xch, a, MIB(4) >> 10));
    selftest_equal("four_mib_one_too_many", "result", -EINVAL, xc_domain_claim_pages(xch, a, 2 * PAGES + 1));
    selftest_equal("four_mib_claim", "result", 0, xc_domain_claim_pages(xch, a, 2 * PAGES));
    selftest_equal("four_mib_outstanding", "pages", 2 * PAGES, shell_outstanding(a));
    selftest_equal("four_mib_populate", "extents", 1, take(a, CASE_GFN, ORDER_2M, host->last));
    selftest_equal("four_mib_half_is_left", "pages", PAGES, shell_outstanding(a));
    selftest_equal("four_mib_host_says_so", "pages", (s64)host->now.claimed_total + PAGES,
                   selftest_claimed());
    selftest_equal("four_mib_destroy", "result", 0, watch_destroy(a));
    selftest_equal("four_mib_gone", "result", -ESRCH, xc_domain_getinfo_single(xch, a, &info));
    selftest_equal("four_mib_no_claim_is_left", "pages", (s64)host->now.claimed_total, selftest_claimed());
}

/* The set as host/first/last in one number, 100s, 10s, 1s: 212 is {host 2, first 1, last 2}. */
static s64 digits(u32 domid, const struct selftest_host *host)
{
    return 100 * shell_claim_on(domid, HOST) + 10 * shell_claim_on(domid, host->first) +
           shell_claim_on(domid, host->last);
}

/*
 * From the claim on the node, then the host-wide one, then those on other nodes.
 * claims.md CL-4.1 to CL-4.5, CL-4.10.
 */
static void order_of_redemption(const struct selftest_host *host)
{
    memory_claim_t set[] = {XEN_NODE_CLAIM_INIT(2, HOST), XEN_NODE_CLAIM_INIT(2, host->first),
                            XEN_NODE_CLAIM_INIT(2, host->last)};
    const struct {
        u32 node, order;
        s64 left;
    } steps[] = {{host->first, 0, 212},
                 {host->last, 0, 211},
                 {host->last, PAIR, 110},
                 {host->last, 0, 10},
                 {host->last, 0, 0}};
    char name[32];
    u32 a;

    if (!selftest_domain(PAGES, PAGES, &a))
        return;
    /* As the contract counts them: pages behind `host` are more than what is owned on nodes without an entry.
     */
    selftest_equal("redemption_set", "result", 0, xc_domain_claim_memory(xch, a, ARRAY_SIZE(set), set));
    selftest_equal("redemption_start", "host/first/last", 222, digits(a, host));
    for (u32 i = 0; i < ARRAY_SIZE(steps); i++) {
        snprintf(name, sizeof(name), "redemption_step_%u", i + 1);
        int done = take(a, CASE_GFN + 2 * i, steps[i].order, steps[i].node);
        selftest_equal(name, "host/first/last", steps[i].left, done == 1 ? digits(a, host) : -1);
    }
    selftest_equal("redemption_end", "pages", 0, shell_outstanding(a));
    selftest_equal("redemption_owned", "pages", 6, shell_owned(a));
}

/* A claim on all of one node is redeemed by a big extent on another. claims.md CL-4.4, CL-4.6. */
static void big_extent_elsewhere(const struct selftest_host *host)
{
    struct host_state h;
    u32 a;

    if (!selftest_domain(host->now.free_total, PAGES, &a) || host_read(&h))
        return;
    s64 all = (s64)h.free_pages[host->first];
    selftest_equal("elsewhere_claim_all", "result", 0, shell_claim_node(a, host->first, (u64)all));
    selftest_equal("elsewhere_big_extent", "extents", 1, take(a, CASE_GFN, ORDER_2M, host->last));
    selftest_equal("elsewhere_redeemed", "pages", all - PAGES, shell_claim_on(a, host->first));
    selftest_equal("elsewhere_outstanding", "pages", all - PAGES, shell_outstanding(a));
    selftest_equal("elsewhere_node_is_whole", "pages free", all, selftest_free_on(host->first));
}

const struct selftest_case selftest_redeem[] = {
    {.name = "case_claim_four_mib", .run = four_mib, .min_nodes = 1},
    {.name = "case_order_of_redemption", .run = order_of_redemption, .node_claims = true, .min_nodes = 2},
    {.name = "case_big_extent_elsewhere", .run = big_extent_elsewhere, .node_claims = true, .min_nodes = 2},
    {0},
};

/* Two domains: neither a build nor a claim of one may use what the other has claimed. */
#include <guest/lib/hypercall.h>
#include <tests/guests/selftest/selftest.h>

#define KEEP     10u /* pages left unclaimed */
#define WANT     20u /* pages the other domain asks for: more than KEEP */
#define MANY_GFN 0x400ull
#define HOST     XEN_DOMCTL_CLAIM_MEMORY_NO_NODE

/*
 * A claims all but KEEP pages of the host; B's build comes up short; A's claim stays whole.
 * claims.md CL-1.2, CL-1.4b, CL-1.6.
 */
static void host_claim_holds(const struct selftest_host *host)
{
    struct host_state h;
    u32 a, b;

    if (!selftest_domain(host->now.free_total, WANT, &a) ||
        !selftest_domain(MIB(64) >> PAGE_SHIFT, WANT, &b) || host_read(&h))
        return;
    s64 claimed = (s64)h.free_total - KEEP;
    selftest_equal("host_claim_too_large", "result", -ENOMEM,
                   xc_domain_claim_pages(xch, a, h.free_total + 1));
    selftest_equal("host_claim", "result", 0, xc_domain_claim_pages(xch, a, (u64)claimed));
    selftest_equal("host_claim_outstanding", "pages", claimed, shell_outstanding(a));
    selftest_equal("host_claim_again", "result", -EINVAL, xc_domain_claim_pages(xch, a, (u64)claimed));
    int got = shell_populate_few(b, CASE_GFN, WANT, 0);
    selftest_true("host_claim_other_is_short", got >= 0 && got <= (int)KEEP, "pages", KEEP, got);
    selftest_equal("host_claim_still_whole", "pages", claimed, shell_outstanding(a));
    selftest_equal("host_claim_own_build", "pages", WANT, shell_populate_few(a, CASE_GFN, WANT, 0));
    selftest_equal("host_claim_redeemed", "pages", claimed - WANT, shell_outstanding(a));
    selftest_equal("host_claim_release", "result", 0, xc_domain_claim_pages(xch, a, 0));
    selftest_equal("host_claim_release_twice", "result", 0, xc_domain_claim_pages(xch, a, 0));
    selftest_equal("host_claim_gone", "pages", 0, shell_outstanding(a));
}

/*
 * A claims all but KEEP pages of a node; B's exact build there is short, B's free build lands elsewhere, A's
 * build gets every page it was promised.
 * claims.md CL-1.1, CL-1.4, CL-1.6.
 */
static void node_claim_holds(const struct selftest_host *host)
{
    struct host_state h;
    u64 done = 0;
    u32 a, b, node = host->last;

    if (!selftest_domain(host->now.free_total, host->now.size_pages[node], &a) ||
        !selftest_domain(MIB(64) >> PAGE_SHIFT, 2 * WANT, &b) || host_read(&h))
        return;
    u64 pages = h.free_pages[node] - KEEP;
    int rc = shell_claim_node(a, node, pages);
    printf("@claim domain=%u node=%u pages=%lu result=%d name=selftest\n", a, node, pages, rc);
    selftest_equal("node_claim", "result", 0, rc);
    int got = shell_populate_few(b, CASE_GFN, WANT, (unsigned int)XENMEMF_exact_node(node));
    selftest_equal("node_claim_other_is_short", "pages", KEEP, got);
    selftest_equal("node_claim_others_took", "pages free", (s64)pages, selftest_free_on(node));
    if (host->nr_nodes > 1) {
        selftest_equal("node_claim_elsewhere", "pages", WANT,
                       shell_populate_few(b, CASE_GFN + WANT, WANT, 0));
        selftest_equal("node_claim_not_there", "pages free", (s64)pages, selftest_free_on(node));
        selftest_equal("node_claim_still_whole", "pages", (s64)pages, shell_outstanding(a));
    }
    rc = populate_range(a, MANY_GFN, MANY_GFN + pages, node, &done);
    printf("@populated domain=%u node=%u pages=%lu\n", a, node, done);
    selftest_equal("node_claim_own_build", "pages", (s64)pages, rc && rc != -ENOMEM ? rc : (s64)done);
    selftest_equal("node_claim_redeemed", "pages", 0, shell_outstanding(a));
    selftest_equal("node_claim_node_is_full", "pages free", 0, selftest_free_on(node));
}

/*
 * A has a legacy claim of all but 200 pages: B's claims of 400 fail each of the three ways.
 * claims.md CL-1.2, CL-2.13.
 */
static void legacy_claim_against_each_way(const struct selftest_host *host)
{
    struct host_state h;
    u32 a, b;

    if (!selftest_domain(host->now.free_total, WANT, &a) ||
        !selftest_domain(host->now.free_total, WANT, &b) || host_read(&h))
        return;
    selftest_equal("legacy_all_but_200", "result", 0, xc_domain_claim_pages(xch, a, h.free_total - 200));
    selftest_equal("legacy_other_legacy", "result", -ENOMEM, xc_domain_claim_pages(xch, b, 400));
    selftest_equal("legacy_other_host", "result", -ENOMEM, shell_claim_node(b, HOST, 400));
    selftest_equal("legacy_other_node", "result", -ENOMEM, shell_claim_node(b, host->last, 400));
    selftest_equal("legacy_other_has_none", "pages", 0, shell_outstanding(b));
    selftest_equal("legacy_whole", "pages", (s64)h.free_total - 200, shell_outstanding(a));
    selftest_equal("legacy_other_fits", "result", 0, shell_claim_node(b, host->last, 200));
    selftest_equal("legacy_host_is_full", "pages", (s64)h.free_total, selftest_claimed());
}

static int set_legacy(u32 domid, u32 mode)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_homestead_legacy_claims,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                            .domain = (domid_t)domid,
                            .u.homestead_legacy_claims.mode = mode};

    return (int)hypercall1(__HYPERVISOR_domctl, (u64)(uintptr_t)&op);
}

/*
 * A's claim, which names no node, is on the node of its affinity; what that lacks is host-wide, or refused.
 * claims.md CL-2.21 to CL-2.22.
 */
static void legacy_claim_by_affinity(const struct selftest_host *host)
{
    struct host_state h;
    u32 a, b, node = host->last;
    u8 nodes[MAX_NODES / 8] = {0};

    if (!selftest_domain(host->now.free_total, WANT, &a) ||
        !selftest_domain(host->now.free_total, WANT, &b) || host_read(&h))
        return;
    nodes[node / 8] = (u8)(1u << node % 8);
    u64 there = h.free_pages[node];
    selftest_equal("legacy_affinity_set", "result", 0, xc_domain_node_setaffinity(xch, a, nodes));
    selftest_equal("legacy_affinity_mode", "result", 0, set_legacy(a, XEN_HOMESTEAD_LEGACY_affinity));
    selftest_equal("legacy_affinity_claim", "result", 0, xc_domain_claim_pages(xch, a, there - KEEP));
    selftest_equal("legacy_affinity_other", "result", -ENOMEM, shell_claim_node(b, node, KEEP + 1));
    selftest_equal("legacy_affinity_other_fits", "result", 0, shell_claim_node(b, node, KEEP));
    selftest_equal("legacy_affinity_release", "result", 0, xc_domain_claim_pages(xch, a, 0));
    selftest_equal("legacy_affinity_beyond", "result", 0, xc_domain_claim_pages(xch, a, there));
    selftest_equal("legacy_affinity_rest", "pages", (s64)there, shell_outstanding(a));
    selftest_equal("legacy_affinity_again", "result", 0, xc_domain_claim_pages(xch, a, 0));
    selftest_equal("legacy_only_mode", "result", 0, set_legacy(a, XEN_HOMESTEAD_LEGACY_affinity_only));
    selftest_equal("legacy_only_too_large", "result", -ENOMEM, xc_domain_claim_pages(xch, a, there));
    selftest_equal("legacy_only_has_none", "pages", 0, shell_outstanding(a));
    selftest_equal("legacy_only_fits", "result", 0, xc_domain_claim_pages(xch, a, there - KEEP));
    selftest_equal("legacy_only_build", "pages", WANT, shell_populate_few(a, CASE_GFN, WANT, 0));
    selftest_equal("legacy_only_redeemed", "pages", (s64)(there - KEEP - WANT), shell_outstanding(a));
}

const struct selftest_case selftest_two[] = {
    {.name = "case_host_claim", .run = host_claim_holds, .min_nodes = 1},
    {.name = "case_node_full_but_ten", .run = node_claim_holds, .node_claims = true, .min_nodes = 1},
    {.name = "case_legacy_against_each_way",
     .run = legacy_claim_against_each_way,
     .node_claims = true,
     .min_nodes = 1},
    {.name = "case_legacy_by_affinity",
     .run = legacy_claim_by_affinity,
     .node_claims = true,
     .ours = true,
     .min_nodes = 2},
    {0},
};

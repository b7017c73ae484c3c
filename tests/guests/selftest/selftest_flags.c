/* Homestead's flags of claim_memory, which hold only if asked for: docs/hypervisor-guide/mm/claims.md section 3. */
#include <tests/guests/selftest/selftest.h>

#define ORDER_PAGES (1u << ORDER_2M)
#define FEW         32u
#define OTHER_GFN   0x40000ull /* 1 GiB */

static int take_few(u32 domid, u64 gfn, u32 node)
{
    return shell_populate_few(domid, gfn, FEW, (unsigned int)XENMEMF_exact_node(node));
}

static int claim_flags(u32 domid, u32 node, u64 pages, u32 order, u32 flags)
{
    memory_claim_t entry = XEN_NODE_CLAIM_INIT(pages, node);

    entry.pad = order;
    return xc_domain_claim_memory_flags(xch, domid, 1, &entry, flags);
}

/*
 * An allocation on another node that would redeem the claim: refused with STRICT, allowed without.
 * claims.md CL-3.41, CL-3.44.
 */
static void strict(const struct selftest_host *host)
{
    u32 a;

    if (!selftest_domain(ORDER_PAGES, ORDER_PAGES, &a))
        return;
    selftest_equal("strict_claim", "result", 0,
                   claim_flags(a, host->first, 4 * FEW, 0, XEN_DOMCTL_CLAIM_STRICT));
    selftest_equal("strict_elsewhere", "pages", 0, take_few(a, CASE_GFN, host->last));
    selftest_equal("strict_claim_is_whole", "pages", 4 * FEW, shell_claim_on(a, host->first));
    selftest_equal("strict_there", "pages", FEW, take_few(a, CASE_GFN, host->first));
    selftest_equal("strict_redeemed", "pages", 3 * FEW, shell_claim_on(a, host->first));
    selftest_equal("strict_replaced_without", "result", 0,
                   claim_flags(a, host->first, 4 * FEW, 0, XEN_DOMCTL_CLAIM_REPLACE));
    selftest_equal("loose_elsewhere", "pages", FEW, take_few(a, CASE_GFN + FEW, host->last));
    selftest_equal("loose_redeemed", "pages", 2 * FEW, shell_claim_on(a, host->first));
}

/*
 * Extents of 2 MiB that are claimed stay whole while others take 4 KiB pages.
 * claims.md CL-3.28, CL-3.35, CL-3.46 to CL-3.49, CL-3.52, CL-3.53.
 */
static void by_order(const struct selftest_host *host)
{
    const u32 flags = XEN_DOMCTL_CLAIM_ORDERS;
    const u64 extents = 8, pages = extents * ORDER_PAGES;
    xen_pfn_t gfns[8];
    u64 free_there = host->now.free_pages[host->last];
    u32 a, b;

    if (!selftest_domain(2 * host->now.free_total, pages, &a) || !selftest_domain(free_there, free_there, &b))
        return;
    selftest_equal("order_bad_order", "result", -EINVAL, claim_flags(a, host->last, pages, 5, flags));
    selftest_equal("order_bad_multiple", "result", -EINVAL,
                   claim_flags(a, host->last, pages + 1, ORDER_2M, flags));
    selftest_equal("order_too_many", "result", -ENOMEM,
                   claim_flags(a, host->last, ALIGN_UP(free_there, ORDER_PAGES), ORDER_2M, flags));
    selftest_equal("order_claim", "result", 0, claim_flags(a, host->last, pages, ORDER_2M, flags));
    selftest_equal("order_outstanding", "pages", (s64)pages, shell_outstanding(a));
    /* 4 KiB at a time, and at frame numbers where nothing larger fits: until there is no more for B. */
    u64 taken = 0;
    for (int got = FEW; got == (int)FEW && taken < free_there; taken += (u64)got) {
        got = take_few(b, OTHER_GFN + taken, host->last);
        if (got < 0)
            break;
    }
    selftest_equal("order_rest_is_the_others", "pages free", (s64)pages, selftest_free_on(host->last));
    selftest_equal("order_claim_is_whole", "pages", (s64)pages, shell_claim_on(a, host->last));
    for (u32 i = 0; i < extents; i++)
        gfns[i] = CASE_GFN + (u64)i * ORDER_PAGES;
    selftest_equal("order_own_build", "extents", (s64)extents,
                   xc_domain_populate_physmap(xch, a, extents, ORDER_2M,
                                              (unsigned int)XENMEMF_exact_node(host->last), gfns));
    selftest_equal("order_redeemed", "pages", 0, shell_outstanding(a));
    selftest_equal("order_node_is_full", "pages free", 0, selftest_free_on(host->last));
}

/* Memory claimed with SCRUB is scrubbed before it is allocated. claims.md CL-3.45, CL-3.60, CL-3.61. */
static void scrubbed(const struct selftest_host *host)
{
    xc_node_claim_t nodes[MAX_NODES];
    u64 deadline = guest_now_ms() + 20000, claimed = host->now.free_pages[host->last] / 2;
    u64 clean = 0;
    u32 a, b;

    /* Dirty again: pages that B has freed. */
    if (!selftest_domain(host->now.free_total, claimed, &b))
        return;
    u64 done = 0;
    int rc = populate_range(b, CASE_GFN, CASE_GFN + claimed, host->last, &done);
    selftest_equal("scrub_make_dirty", "result", 0, rc ? rc : watch_destroy(b));
    if (!selftest_domain(host->now.free_total, FEW, &a))
        return;
    selftest_equal("scrub_claim", "result", 0,
                   claim_flags(a, host->last, claimed, 0, XEN_DOMCTL_CLAIM_SCRUB));
    do {
        u32 nr = MAX_NODES;
        rc = xc_node_claim_info(xch, &nr, nodes, NULL);
        clean = rc ? 0 : nodes[host->last].free_pages - nodes[host->last].dirty_pages;
        if (clean < claimed)
            watch_sleep(20);
    } while (!rc && clean < claimed && guest_now_ms() < deadline);
    selftest_true("scrub_clean", clean >= claimed, "pages, at least", (s64)claimed, rc ? rc : (s64)clean);
    selftest_equal("scrub_outstanding", "pages", (s64)claimed, shell_outstanding(a));
}

/* The refusal records name the refused domain and the claimant. claims.md CL-7.12 to CL-7.14. */
static void refusal_is_told(const struct selftest_host *host)
{
    xc_claim_refusals_t before, after;
    struct host_state h;
    u32 a, b;

    if (!selftest_domain(host->now.free_total, FEW, &a) || !selftest_domain(FEW, FEW, &b) || host_read(&h))
        return;
    u64 free_there = h.free_pages[host->last];
    selftest_equal("refusal_holder", "result", 0, shell_claim_node(a, host->last, free_there));
    selftest_equal("refusal_read", "result", 0, xc_claim_refusals(xch, &before));
    selftest_equal("refusal_claim", "result", -ENOMEM, shell_claim_node(b, host->last, 7));
    selftest_equal("refusal_read_again", "result", 0, xc_claim_refusals(xch, &after));
    selftest_equal("refusal_counted", "claims", 1, (s64)(after.nr_claims - before.nr_claims));
    selftest_equal("refusal_whose", "domain", b, after.domid);
    selftest_equal("refusal_how_much", "pages", 7, (s64)after.pages);
    selftest_equal("refusal_where", "node", host->last, after.node);
    selftest_equal("refusal_holders", "domain", a, after.nr_holders ? after.holder[0].domid : -1);
    selftest_equal("refusal_held", "pages", (s64)free_there, (s64)after.holder[0].node_pages);
    selftest_equal("refusal_populate", "pages", 0, take_few(b, CASE_GFN, host->last));
    selftest_equal("refusal_read_third", "result", 0, xc_claim_refusals(xch, &before));
    selftest_true("refusal_alloc_counted", before.nr_allocs > after.nr_allocs, "more than",
                  (s64)after.nr_allocs, (s64)before.nr_allocs);
}

const struct selftest_case selftest_flags[] = {
    {.name = "case_strict", .run = strict, .ours = true, .min_nodes = 2},
    {.name = "case_claim_by_order", .run = by_order, .ours = true, .min_nodes = 1},
    {.name = "case_scrub_on_claim", .run = scrubbed, .ours = true, .min_nodes = 1},
    {.name = "case_refusal_is_told", .run = refusal_is_told, .ours = true, .min_nodes = 1},
    {0},
};

/* The ends of domains and of claims: docs/hypervisor-guide/mm/claims.md section 1, rules 7 and 5. */
#include <guest/lib/lock.h>
#include <tests/guests/selftest/selftest.h>
#include <guest/lib/work.h>

#define HOST  XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
#define PAGES 4096u
#define PIECE 256u

static struct {
    u32 domid, node;
    u32 ready; /* half of it is built; atomic */
    int destroyed, populated;
    u64 done;
} midway;

/* Job 0 populates piece by piece; job 1 destroys the domain when half is there. With one vCPU job 0 does
 * both. */
static void build_or_destroy(void *arg, u32 job)
{
    (void)arg;
    if (job == 1) {
        while (!__atomic_load_n(&midway.ready, __ATOMIC_ACQUIRE))
            vcpu_yield();
        midway.destroyed = watch_destroy(midway.domid);
        return;
    }
    for (u64 at = CASE_GFN; at < CASE_GFN + PAGES && !midway.populated; at += PIECE) {
        if (at == CASE_GFN + PAGES / 2) {
            __atomic_store_n(&midway.ready, 1, __ATOMIC_RELEASE);
            if (work_vcpus() == 1)
                midway.destroyed = watch_destroy(midway.domid);
        }
        midway.populated = populate_range(midway.domid, at, at + PIECE, midway.node, &midway.done);
    }
}

/* claims.md CL-1.7b. */
static void destroyed_midway(const struct selftest_host *host)
{
    struct host_state h;
    xc_domaininfo_t info;
    u32 a;

    if (!selftest_domain(PAGES, PAGES, &a))
        return;
    selftest_equal("midway_claim", "result", 0, shell_claim_node(a, host->last, PAGES));
    midway.domid = a;
    midway.node = host->last;
    midway.ready = 0;
    midway.populated = midway.destroyed = 0;
    midway.done = 0;
    bool ok = work_run(2, work_vcpus() > 1 ? 2 : 1, build_or_destroy, NULL);
    selftest_equal("midway_destroy", "result", 0, ok ? midway.destroyed : -EBUSY);
    selftest_true("midway_half_was_built", midway.done >= PAGES / 2, "pages at least", PAGES / 2,
                  (s64)midway.done);
    if (work_vcpus() == 1)
        selftest_true("midway_no_page_after_the_end", midway.populated < 0, "result below", 0,
                      midway.populated);
    selftest_equal("midway_gone", "result", -ESRCH, xc_domain_getinfo_single(xch, a, &info));
    if (host_read(&h))
        return;
    selftest_equal("midway_claims_back", "pages", (s64)host->now.claimed_total, (s64)h.claimed_total);
    selftest_equal("midway_pages_back", "pages", (s64)host->now.free_total, (s64)h.free_total);
}

/*
 * A destroyed domain that dom0 holds a page of: it has no claim and gets none.
 * claims.md CL-1.7, CL-2.8, CL-3.27.
 */
static void dying_domain(const struct selftest_host *host)
{
    xen_pfn_t gfn = CASE_GFN;
    xc_domaininfo_t info;
    u32 a;

    if (!selftest_domain(PAGES, PAGES, &a))
        return;
    selftest_equal("dying_claim", "result", 0, shell_claim_node(a, host->last, 64));
    selftest_equal("dying_populate", "pages", 1, shell_populate_few(a, gfn, 1, 0));
    selftest_true("dying_mapped", xc_map_foreign_pages(xch, a, &gfn, 1) != NULL, "frame", (s64)gfn, (s64)gfn);
    int rc;
    do
        rc = xc_domain_destroy(xch, a);
    while (rc == -ERESTART || rc == -EAGAIN);
    selftest_equal("dying_destroy", "result", 0, rc);
    rc = xc_domain_getinfo_single(xch, a, &info);
    selftest_equal("dying_is_dying", "flag", XEN_DOMINF_dying,
                   rc ? rc : (s64)(info.flags & XEN_DOMINF_dying));
    selftest_equal("dying_claims_nothing", "pages", 0, rc ? rc : (s64)info.outstanding_pages);
    selftest_equal("dying_set", "result", -EINVAL, shell_claim_node(a, host->last, 64));
    selftest_equal("dying_legacy", "result", -EINVAL, xc_domain_claim_pages(xch, a, 64));
    selftest_equal("dying_release", "result", -EINVAL, shell_claim_release(a));
    selftest_equal("dying_release_legacy", "result", -EINVAL, xc_domain_claim_pages(xch, a, 0));
    selftest_true("dying_no_page", shell_populate_few(a, CASE_GFN + 1, 1, 0) <= 0, "pages at most", 0, 0);
    xc_unmap_foreign();
    for (u32 i = 0; i < 100 && xc_domain_getinfo_single(xch, a, &info) == 0; i++)
        watch_sleep(10);
    selftest_equal("dying_gone", "result", -ESRCH, xc_domain_getinfo_single(xch, a, &info));
}

/* claims.md CL-2.9, CL-3.5, CL-3.15, CL-3.17. */
static void release_twice(const struct selftest_host *host)
{
    u32 a;

    if (!selftest_domain(PAGES, 64, &a))
        return;
    selftest_equal("release_claim", "result", 0, shell_claim_node(a, host->last, 64));
    selftest_equal("release_once", "result", 0, shell_claim_release(a));
    selftest_equal("release_none_left", "pages", 0, shell_outstanding(a));
    selftest_equal("release_again", "result", 0, shell_claim_release(a));
    selftest_equal("release_legacy", "result", 0, xc_domain_claim_pages(xch, a, 0));
    selftest_equal("release_host_figure", "pages", (s64)host->now.claimed_total, selftest_claimed());
    /* A legacy 0 releases claims on nodes too. */
    selftest_equal("release_claim_nodes", "result", 0, shell_claim_node(a, host->first, 64));
    selftest_equal("release_all_by_legacy", "result", 0, xc_domain_claim_pages(xch, a, 0));
    selftest_equal("release_nodes_gone", "pages", 0, shell_outstanding(a));
    /* Also when the domain has more than its limit. */
    selftest_equal("release_populate", "pages", 32, shell_populate_few(a, CASE_GFN, 32, 0));
    selftest_equal("release_claim_more", "result", 0, shell_claim_node(a, HOST, 64));
    selftest_equal("release_lower_limit", "result", 0, xc_domain_setmaxmem(xch, a, 16 * 4));
    selftest_equal("release_above_limit", "result", 0, shell_claim_release(a));
    selftest_equal("release_limit_none_left", "pages", 0, shell_outstanding(a));
}

const struct selftest_case selftest_life[] = {
    {.name = "case_destroyed_midway", .run = destroyed_midway, .node_claims = true, .min_nodes = 1},
    {.name = "case_dying_domain", .run = dying_domain, .node_claims = true, .min_nodes = 1},
    {.name = "case_release_twice", .run = release_twice, .node_claims = true, .min_nodes = 1},
    {0},
};

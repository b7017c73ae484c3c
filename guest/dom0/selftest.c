/*
 * Claims of two domains against each other, with facts printed: what one domain has claimed, another's
 * build must not eat. Runs on any hypervisor with XENMEM_claim_pages; the node part only where domctl 91
 * exists. Both domains stay empty shells: no vCPU ever runs.
 */
#include <guest/dom0/dom0.h>
#include <lib/string.h>

#define KEEP     16u /* pages left unclaimed */
#define WANT     20u /* pages the other domain asks for: more than KEEP */
#define B_GFN    0x100ull
#define MANY_GFN 0x200ull

static u32 failures;

static void check(const char *name, bool ok, const char *what, s64 expected, s64 got)
{
    printf("%-9s %-28s %s %ld, wanted %ld: %s\n", "selftest", name, what, got, expected, ok ? "ok" : "WRONG");
    printf("@selftest name=%s expected=%ld got=%ld result=%s\n", name, expected, got, ok ? "PASS" : "FAIL");
    failures += !ok;
}

static void check_equal(const char *name, const char *what, s64 expected, s64 got)
{
    check(name, expected == got, what, expected, got);
}

/* An empty domain that may own `pages`, its paging pool filled. Returns 0 or -errno. */
static int make_shell(u64 pages, u32 *domid)
{
    struct xen_domctl_createdomain config = {
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        .max_vcpus = 1,
        .max_evtchn_port = 1023,
        .max_grant_frames = 64,
        .max_maptrack_frames = 1024,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch = {.emulation_flags = XEN_X86_EMU_LAPIC},
    };

    *domid = 0;
    int rc = xc_domain_create(xch, domid, &config);
    if (rc)
        return rc;
    rc = xc_domain_setmaxmem(xch, *domid, pages << (PAGE_SHIFT - 10));
    if (!rc)
        rc = xc_set_paging_mempool_size(xch, *domid, xc_domain_overhead(pages, 1));
    if (rc)
        (void)watch_destroy(*domid);
    return rc;
}

static int populate_small(u32 domid, u64 first, u32 count, unsigned int flags)
{
    xen_pfn_t gfns[WANT];

    for (u32 i = 0; i < count; i++)
        gfns[i] = first + i;
    return xc_domain_populate_physmap(xch, domid, count, ORDER_4K, flags, gfns);
}

static s64 outstanding(u32 domid)
{
    xc_domaininfo_t info;
    int rc = xc_domain_getinfo_single(xch, domid, &info);

    return rc ? rc : (s64)info.outstanding_pages;
}

/* A claims all but KEEP pages of the host; B's build comes up short; A's claim stays whole. */
static void host_claim_holds(u32 a, u32 b)
{
    struct host_state h;

    if (host_read(&h)) {
        failures++;
        return;
    }
    u64 claimed = h.free_total - KEEP;
    check_equal("host_claim_too_large", "result", -ENOMEM, xc_domain_claim_pages(xch, a, h.free_total + 1));
    check_equal("host_claim", "result", 0, xc_domain_claim_pages(xch, a, claimed));
    check_equal("host_claim_outstanding", "pages", (s64)claimed, outstanding(a));
    check_equal("host_claim_again", "result", -EINVAL, xc_domain_claim_pages(xch, a, claimed));
    int got = populate_small(b, B_GFN, WANT, 0);
    check("host_claim_other_is_short", got >= 0 && got <= (int)KEEP, "pages", KEEP, got);
    check_equal("host_claim_still_whole", "pages", (s64)claimed, outstanding(a));
    check_equal("host_claim_own_build", "pages", WANT, populate_small(a, B_GFN, WANT, 0));
    check_equal("host_claim_redeemed", "pages", (s64)claimed - WANT, outstanding(a));
    check_equal("host_claim_release", "result", 0, xc_domain_claim_pages(xch, a, 0));
    check_equal("host_claim_release_twice", "result", 0, xc_domain_claim_pages(xch, a, 0));
    check_equal("host_claim_gone", "pages", 0, outstanding(a));
}

/* A claims all but KEEP pages of a node; B's exact build there is short, B's free build lands elsewhere, A's
 * build gets every page it was promised. */
static void node_claim_holds(u32 a, u32 b, u32 node)
{
    struct host_state h, after;
    u64 done = 0;

    if (host_read(&h)) {
        failures++;
        return;
    }
    u64 pages = h.free_pages[node] - KEEP;
    memory_claim_t too_many = XEN_NODE_CLAIM_INIT(h.free_pages[node] + 1, node);
    memory_claim_t want = XEN_NODE_CLAIM_INIT(pages, node);
    memory_claim_t nowhere = XEN_NODE_CLAIM_INIT(1, h.nr_nodes);

    check_equal("node_claim_unknown_node", "result", -ENOENT, xc_domain_claim_memory(xch, a, 1, &nowhere));
    check_equal("node_claim_too_large", "result", -ENOMEM, xc_domain_claim_memory(xch, a, 1, &too_many));
    int rc = xc_domain_claim_memory(xch, a, 1, &want);
    printf("@claim domain=%u node=%u pages=%lu result=%d name=selftest\n", a, node, pages, rc);
    check_equal("node_claim", "result", 0, rc);
    int got = populate_small(b, B_GFN, WANT, (unsigned int)XENMEMF_exact_node(node));
    check("node_claim_other_is_short", got >= 0 && got <= (int)KEEP, "pages", KEEP, got);
    if (h.nr_nodes > 1) {
        check_equal("node_claim_elsewhere", "pages", WANT, populate_small(b, B_GFN + WANT, WANT, 0));
        check_equal("node_claim_still_whole", "pages", (s64)pages, outstanding(a));
    }
    rc = populate_range(a, MANY_GFN, MANY_GFN + pages, node, &done);
    printf("@populated domain=%u node=%u pages=%lu\n", a, node, done);
    check_equal("node_claim_own_build", "pages", (s64)pages, rc && rc != -ENOMEM ? rc : (s64)done);
    check_equal("node_claim_redeemed", "pages", 0, outstanding(a));
    if (!host_read(&after))
        check("node_claim_node_is_full", after.free_pages[node] <= KEEP, "pages free", KEEP,
              (s64)after.free_pages[node]);
}

typedef void part(u32 a, u32 b, u32 node);

static void host_part(u32 a, u32 b, u32 node)
{
    (void)node;
    host_claim_holds(a, b);
}

/* Two fresh shells, one part, both destroyed, everything back. */
static void run_part(const char *const names[3], part *fn, u64 slack)
{
    struct host_state before;
    u32 a, b, node = 0;
    s64 pages = 0, claims = 0;
    int gone_a = -ENODATA, gone_b = -ENODATA;

    if (host_read(&before)) {
        failures++;
        return;
    }
    for (u32 n = 0; n < before.nr_nodes; n++)
        node = before.size_pages[n] ? n : node;
    int rc = make_shell(before.free_total, &a);
    if (!rc) {
        rc = make_shell(MIB(64) >> PAGE_SHIFT, &b);
        if (!rc) {
            fn(a, b, node);
            gone_b = watch_destroy(b);
        }
        gone_a = watch_destroy(a);
    }
    check_equal(names[0], "two empty domains", 0, rc);
    check_equal(names[1], "destroy", 0, gone_a ? gone_a : gone_b);
    rc = host_settle(&before, slack, 5000, &pages, &claims);
    check(names[2], !rc && pages <= (s64)slack && claims == 0, "pages", 0, pages);
    printf("@leak pages=%ld claims=%ld name=%s\n", pages, claims, names[2]);
}

u32 selftest_run(u64 slack)
{
    static const char *const host_names[] = {"host_claim_setup", "host_claim_destroy", "host_claim_leak"};
    static const char *const node_names[] = {"node_claim_setup", "node_claim_destroy", "node_claim_leak"};

    failures = 0;
    run_part(host_names, host_part, slack);
    if (host_has_node_claims())
        run_part(node_names, node_claim_holds, slack);
    else
        printf("@selftest name=node_claims result=SKIP\n");
    return failures;
}

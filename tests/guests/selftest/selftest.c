/*
 * Runs the cases of claims. Each gets new domains, which are destroyed afterwards; then leaks are looked
 * for. On a hypervisor without node claims only the cases that need none run.
 */
#include <tests/guests/selftest/selftest.h>

#define DOMAINS_MAX 80u

static u32 failures, nr_domains, domains[DOMAINS_MAX];

void selftest_true(const char *name, bool ok, const char *what, s64 expected, s64 got)
{
    printf("%-9s %-28s %s %ld, wanted %ld: %s\n", "selftest", name, what, got, expected, ok ? "ok" : "WRONG");
    printf("@selftest name=%s expected=%ld got=%ld result=%s\n", name, expected, got, ok ? "PASS" : "FAIL");
    failures += !ok;
}

void selftest_equal(const char *name, const char *what, s64 expected, s64 got)
{
    selftest_true(name, expected == got, what, expected, got);
}

bool selftest_domain(u64 max_pages, u64 pool_for_pages, u32 *domid)
{
    int rc = nr_domains == DOMAINS_MAX ? -E2BIG
                                       : shell_create(max_pages, shell_pool_for(pool_for_pages) + 64, domid);

    if (rc)
        selftest_equal("an_empty_domain", "result", 0, rc);
    else
        domains[nr_domains++] = *domid;
    return rc == 0;
}

s64 selftest_free_on(u32 node)
{
    struct host_state h;
    int rc = host_read(&h);

    return rc ? rc : (s64)h.free_pages[node];
}

s64 selftest_claimed(void)
{
    struct host_state h;
    int rc = host_read(&h);

    return rc ? rc : (s64)h.claimed_total;
}

/* Destroys the domains that the case has not destroyed itself. */
static int destroy_domains(void)
{
    int first = 0;

    for (u32 i = 0; i < nr_domains; i++) {
        xc_domaininfo_t info;
        int rc = xc_domain_getinfo_single(xch, domains[i], &info);

        if (!rc)
            rc = watch_destroy(domains[i]);
        if (rc && rc != -ESRCH && !first)
            first = rc;
    }
    return first;
}

static int find_nodes(struct selftest_host *host)
{
    int rc = host_read(&host->now);

    host->nr_nodes = 0;
    for (u32 n = 0; !rc && n < host->now.nr_nodes; n++) {
        if (!host->now.size_pages[n])
            continue;
        if (!host->nr_nodes++)
            host->first = n;
        host->last = n;
    }
    return rc;
}

static bool has_ours(void)
{
    u32 nr = 0;

    return xc_node_claim_info(xch, &nr, NULL, NULL) == 0;
}

static void run_case(const struct selftest_case *c, u64 slack)
{
    struct selftest_host host;
    u32 failures_before = failures;
    s64 pages = 0, claims = 0;

    if (find_nodes(&host)) {
        failures++;
        return;
    }
    if (((c->node_claims || c->ours) && !host_has_node_claims()) || (c->ours && !has_ours()) ||
        host.nr_nodes < c->min_nodes) {
        printf("@selftest name=%s result=SKIP\n", c->name);
        return;
    }
    nr_domains = 0;
    c->run(&host);
    int rc = destroy_domains();
    if (!rc)
        rc = host_settle(&host.now, slack * nr_domains, 5000, &pages, &claims);
    printf("@leak pages=%ld claims=%ld name=%s\n", pages, claims, c->name);
    if (rc || !pages_within(pages, slack * nr_domains) || claims)
        failures++;
    /* The case as a whole: how many of its checks failed, leaks included. */
    selftest_equal(c->name, "checks failed", 0, (s64)(failures - failures_before));
}

u32 selftest_run(u64 slack)
{
    static const struct selftest_case *const files[] = {selftest_two,   selftest_redeem,  selftest_refuse,
                                                        selftest_flags, selftest_offline, selftest_life,
                                                        selftest_many};

    failures = 0;
    for (u32 i = 0; i < ARRAY_SIZE(files); i++)
        for (const struct selftest_case *c = files[i]; c->name; c++)
            run_case(c, slack);
    return failures;
}

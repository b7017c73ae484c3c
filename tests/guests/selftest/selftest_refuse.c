/* Claims that are refused, each for its reason, and change nothing: docs/hypervisor-guide/mm/claims.md sections 2 and 3. */
#include <tests/guests/selftest/selftest.h>

#define HOST      XEN_DOMCTL_CLAIM_MEMORY_NO_NODE
#define EVERY_BIT 0xffffffffu

static int claim_pad(u32 domid, u32 pad)
{
    memory_claim_t entry = XEN_NODE_CLAIM_INIT(16, HOST);

    return xc_domain_claim_memory_flags(xch, domid, 1, &entry, pad);
}

static int claim_entry_pad(u32 domid, u32 node)
{
    memory_claim_t entry = XEN_NODE_CLAIM_INIT(16, node);

    entry.pad = 1;
    return xc_domain_claim_memory(xch, domid, 1, &entry);
}

static int claim_twice_in_a_set(u32 domid, u32 node)
{
    memory_claim_t set[] = {XEN_NODE_CLAIM_INIT(16, node), XEN_NODE_CLAIM_INIT(16, HOST),
                            XEN_NODE_CLAIM_INIT(16, node)};

    return xc_domain_claim_memory(xch, domid, ARRAY_SIZE(set), set);
}

/* claims.md CL-2.6, CL-3.24 to CL-3.26, CL-3.28 to CL-3.30, CL-3.39, CL-3.40. */
static void bad_arguments(const struct selftest_host *host)
{
    static memory_claim_t many[256];
    u32 a;

    if (!selftest_domain(host->now.free_total, 16, &a))
        return;
    for (u32 i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = (memory_claim_t)XEN_NODE_CLAIM_INIT(1, i);
    selftest_equal("bad_node_unknown", "result", -ENOENT, shell_claim_node(a, 1000, 1));
    selftest_equal("bad_node_number_of_nodes", "result", -ENOENT, shell_claim_node(a, host->now.nr_nodes, 1));
    selftest_equal("bad_node_256", "result", -ENOENT, shell_claim_node(a, 256, 1));
    selftest_equal("bad_entry_pad", "result", -EINVAL, claim_entry_pad(a, host->first));
    selftest_equal("bad_flags", "result", -EINVAL, claim_pad(a, EVERY_BIT));
    selftest_equal("bad_mode_of_v7", "result", -EINVAL, claim_pad(a, 1));
    selftest_equal("bad_node_twice", "result", -EINVAL, claim_twice_in_a_set(a, host->first));
    selftest_equal("bad_no_entries", "result", -EINVAL, xc_domain_claim_memory(xch, a, 0, many));
    selftest_equal("bad_256_entries", "result", -E2BIG, xc_domain_claim_memory(xch, a, 256, many));
    selftest_equal("bad_null_array", "result", -EFAULT, xc_domain_claim_memory(xch, a, 1, NULL));
    selftest_equal("bad_domain", "result", -ESRCH, shell_claim_node(DOMID_FIRST_RESERVED - 2, HOST, 1));
    selftest_equal("bad_domain_legacy", "result", -EINVAL,
                   xc_domain_claim_pages(xch, DOMID_FIRST_RESERVED - 2, 1));
    selftest_equal("bad_domain_self_legacy", "result", -EINVAL, xc_domain_claim_pages(xch, DOMID_SELF, 1));
    selftest_equal("bad_nothing_claimed", "pages", 0, shell_outstanding(a));
}

/*
 * More than there is, by each of the three ways; more than the limit.
 * claims.md CL-1.1, CL-1.2, CL-1.8, CL-2.13, CL-3.34, CL-3.35.
 */
static void too_many_pages(const struct selftest_host *host)
{
    const u64 huge = 1ull << 31;
    struct host_state h;
    u32 a;

    if (!selftest_domain(huge, 16, &a) || host_read(&h))
        return;
    selftest_equal("too_many_2_to_31_node", "result", -ENOMEM, shell_claim_node(a, host->first, huge));
    selftest_equal("too_many_2_to_31_host", "result", -ENOMEM, shell_claim_node(a, HOST, huge));
    selftest_equal("too_many_2_to_31_legacy", "result", -ENOMEM, xc_domain_claim_pages(xch, a, huge));
    selftest_equal("too_many_beyond_max", "result", -EINVAL, shell_claim_node(a, HOST, huge + 1));
    selftest_equal("too_many_by_one_node", "result", -ENOMEM,
                   shell_claim_node(a, host->last, h.free_pages[host->last] + 1));
    selftest_equal("too_many_by_one_host", "result", -ENOMEM, shell_claim_node(a, HOST, h.free_total + 1));
    selftest_equal("too_many_by_one_legacy", "result", -ENOMEM,
                   xc_domain_claim_pages(xch, a, h.free_total + 1));
    selftest_equal("too_many_nothing_claimed", "pages", 0, shell_outstanding(a));
    selftest_equal("too_many_the_last_page", "result", 0, shell_claim_node(a, HOST, h.free_total));
    selftest_equal("too_many_all_claimed", "pages", (s64)h.free_total, selftest_claimed());
}

/* A set one of whose entries does not fit claims nothing at all. claims.md CL-1.5, CL-3.8, CL-3.32. */
static void all_or_nothing(const struct selftest_host *host)
{
    struct host_state h;
    u32 a;

    if (!selftest_domain(host->now.free_total * 2, 16, &a) || host_read(&h))
        return;
    memory_claim_t set[] = {XEN_NODE_CLAIM_INIT(100, host->first),
                            XEN_NODE_CLAIM_INIT(h.free_pages[host->last] + 1, host->last)};
    selftest_equal("set_half_fits", "result", -ENOMEM, xc_domain_claim_memory(xch, a, 2, set));
    selftest_equal("set_nothing_claimed", "pages", 0, shell_outstanding(a));
    set[1].pages--;
    selftest_equal("set_fits", "result", 0, xc_domain_claim_memory(xch, a, 2, set));
    selftest_equal("set_claimed", "pages", (s64)h.free_pages[host->last] + 100, shell_outstanding(a));
    selftest_equal("set_again", "result", -EINVAL, xc_domain_claim_memory(xch, a, 2, set));
}

const struct selftest_case selftest_refuse[] = {
    {.name = "case_bad_arguments", .run = bad_arguments, .node_claims = true, .min_nodes = 1},
    {.name = "case_too_many_pages", .run = too_many_pages, .node_claims = true, .min_nodes = 1},
    {.name = "case_all_or_nothing", .run = all_or_nothing, .node_claims = true, .min_nodes = 2},
    {0},
};

/*
 * libhomestead on the real hypercalls, mm/ and domain/ of the test machine: sets, flags, reading back, figures, refusals, and
 * the sentences that people read. What each error means is tested in tests/unit/hypercall/; here, that it arrives.
 */
#include <tests/unit/hypercall/calls.h>

#include "fake_xencall.h"
#include "toolstack/libhomestead/homestead.h"

#undef errno
#include <errno.h>

#define HOST XEN_DOMCTL_CLAIM_MEMORY_NO_NODE

static void setup(void)
{
    fake_reset();
}

static void teardown(void)
{
    u32 nr = 8;
    struct hs_domain_info info[8];

    assert_int_equal(fake_buffers(), 0);
    call_from(0);
    assert_int_equal(hs_domain_list(NULL, 0, info, &nr), 0);
    for (u32 i = 0; i < nr; i++)
        hs_claim_release(NULL, info[i].domid);
    fake_reset();
}
FIXTURE(setup, teardown)

static const char *name_of(u32 domid, void *arg)
{
    (void)arg;
    return domid == 2 ? "web" : NULL;
}

static char text[512];
static const char *why(int rc, u32 domid, u32 nr, const memory_claim_t *set, u32 flags)
{
    assert_int_equal(rc, -1);
    int err = errno;
    size_t len = hs_claim_text(NULL, err, domid, nr, set, flags, name_of, NULL, text, sizeof(text));
    assert_int_equal(len, strlen(text));
    assert_int_equal(errno, err);
    return text;
}
#define REFUSED(domid, nr, set, flags) why(hs_claim(NULL, domid, nr, set, flags), domid, nr, set, flags)

CALL_TEST(claim_read_back_release)
{
    memory_claim_t set[3] = {XEN_NODE_CLAIM_INIT(5, 2), XEN_NODE_CLAIM_INIT(7, HOST),
                             XEN_NODE_CLAIM_INIT(3, 1)};
    memory_claim_t got[HS_MAX_CLAIMS], *all;
    u32 nr = HS_MAX_CLAIMS;

    assert_int_equal(xc_domain_claim_memory(NULL, 1, 3, set), 0);
    assert_int_equal(dom(1)->mem.outstanding, 15);
    assert_int_equal(xc_domain_get_memory_claims(NULL, 1, &nr, got), 0);
    assert_int_equal(nr, 3);
    assert_true(got[0].node == HOST && got[0].pages == 7 && got[1].node == 1 && got[1].pages == 3 &&
                got[2].node == 2 && got[2].pages == 5);
    nr = 2;
    got[0].pages = 99;
    assert_int_equal(xc_domain_get_memory_claims(NULL, 1, &nr, got), -1);
    assert_int_equal(errno, ENOBUFS);
    assert_true(nr == 3 && got[0].pages == 99);
    nr = 0;
    assert_int_equal(hs_claim_read(NULL, 1, &nr, NULL), -1);
    assert_true(errno == ENOBUFS && nr == 3);
    assert_int_equal(hs_claim_read_all(NULL, 1, &nr, &all), 0);
    assert_true(nr == 3 && all[2].pages == 5);
    free(all);
    assert_int_equal(hs_claim_release(NULL, 1), 0);
    assert_int_equal(hs_claim_release(NULL, 1), 0);
    assert_int_equal(dom(1)->mem.outstanding, 0);
    assert_int_equal(hs_claim_read_all(NULL, 1, &nr, &all), 0);
    assert_int_equal(nr, 0);
    free(all);
}

CALL_TEST(flags)
{
    memory_claim_t set = XEN_NODE_CLAIM_INIT(1024, 1);
    struct hs_domain_node own[NR_NODES];
    struct hs_node nodes[NR_NODES];
    struct hs_domain d;
    u32 nr = NR_NODES;

    set.pad = HS_ORDER_2M;
    assert_int_equal(hs_claim(NULL, 1, 1, &set, HS_CLAIM_ORDERS | HS_CLAIM_STRICT), 0);
    assert_int_equal(hs_domain(NULL, 1, &d, own, &nr), 0);
    assert_true(d.claim_flags == HS_CLAIM_STRICT && d.outstanding_pages == 1024 && d.nr_nodes == NR_NODES &&
                nr == NR_NODES);
    assert_true(own[1].claim_pages == 1024 && own[1].claim_extents == 2 && own[1].claim_order == 9 &&
                !own[2].claim_pages);
    assert_int_equal(hs_nodes(NULL, NULL, nodes, &nr), 0);
    assert_true(nodes[1].reserved_2m == 2 && nodes[1].free_2m == 8 && nodes[1].claimed_pages == 1024);
    set.pad = 0;
    set.pages = 7;
    assert_int_equal(hs_claim(NULL, 1, 1, &set, 0), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(hs_claim(NULL, 1, 1, &set, HS_CLAIM_REPLACE), 0);
    assert_int_equal(hs_domain(NULL, 1, &d, NULL, NULL), 0);
    assert_true(!d.claim_flags && d.outstanding_pages == 7 && d.max_pages == dom(1)->mem.max_pages);
}

CALL_TEST(figures_of_the_host)
{
    memory_claim_t set[2] = {XEN_NODE_CLAIM_INIT(5, 2), XEN_NODE_CLAIM_INIT(7, HOST)};
    xen_sysctl_node_meminfo_t info[2] = {{.size = 99}, {.size = 99}};
    struct hs_node nodes[HS_MAX_NODES];
    struct hs_host host;
    unsigned int room = 0;
    u32 nr = HS_MAX_NODES;

    assert_int_equal(hs_probe(NULL), 1);
    assert_int_equal(hs_claim(NULL, 1, 2, set, 0), 0);
    assert_int_equal(hs_nodes(NULL, &host, nodes, &nr), 0);
    assert_true(nr == NR_NODES && host.nr_nodes == NR_NODES && host.outstanding_pages == 12 &&
                host.host_claimed_pages == 7);
    assert_int_equal(host.free_pages, free_pages());
    assert_true(nodes[2].size_pages == NODE_PAGES && nodes[2].free_pages == NODE_PAGES &&
                nodes[2].claimed_pages == 5);
    nr = 1; /* the number of nodes is known with less room, too */
    assert_int_equal(hs_nodes(NULL, &host, nodes, &nr), 0);
    assert_true(nr == 1 && host.nr_nodes == NR_NODES);
    assert_int_equal(xc_numa_meminfo(NULL, &room, NULL), 0);
    assert_int_equal(room, NR_NODES);
    room = 1;
    assert_int_equal(xc_numa_meminfo(NULL, &room, info), 0);
    assert_true(room == 1 && info[0].size == NODE_PAGES * 4096ul && info[0].free == node_free(0) * 4096ul &&
                info[1].size == 99);
}

CALL_TEST(pages_on_a_node)
{
    assert_int_equal(xc_domain_claim_pages_node(NULL, 1, 2, 9), 0);
    assert_int_equal(node_claimed(2), 9);
    assert_int_equal(xc_domain_claim_pages_node(NULL, 1, 2, 0), 0);
    assert_int_equal(dom(1)->mem.outstanding, 0);
    assert_int_equal(xc_domain_claim_pages_node(NULL, 1, ~0u, 9), 0);
    assert_true(dom(1)->mem.outstanding == 9 && !node_claimed(2));
    assert_int_equal(xc_domain_claim_pages_node(NULL, 1, ~0u, 0), 0);
    assert_int_equal(dom(1)->mem.outstanding, 0);
    assert_int_equal(xc_domain_claim_pages_node(NULL, 1, NR_NODES, 9), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(xc_domain_claim_pages_node(NULL, 99, 1, 9), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(xc_domain_claim_pages_node(NULL, 99, ~0u, 9), -1);
    assert_int_equal(errno, EINVAL);
}

CALL_TEST(domains)
{
    struct hs_domain_info info[2];
    u32 nr = 2;

    assert_int_equal(hs_claim_host(NULL, 1, 4), 0);
    assert_int_equal(hs_domain_list(NULL, 0, info, &nr), 0);
    assert_true(nr == 2 && info[0].domid == 0 && info[1].domid == 1 && info[1].outstanding_pages == 4 &&
                !info[1].dying);
    assert_int_equal(hs_domain_list(NULL, 2, info, &nr), 0);
    assert_true(nr == 1 && info[0].domid == 2);
    assert_int_equal(hs_domain(NULL, 77, NULL, NULL, NULL), -1);
    assert_int_equal(errno, ESRCH);
}

/* The bound is that of the builder in guest/lib: 4 KiB pages throughout, whole MiB. */
CALL_TEST(overhead)
{
    assert_int_equal(xc_domain_overhead(0, 0), MIB(1));
    assert_int_equal(xc_domain_overhead(131072, 1), MIB(3));
    assert_int_equal(xc_domain_overhead(1ull << 28, 8), MIB(2061));
    /* Never less for more pages: no sum wraps. */
    u64 before = 0;
    for (u32 bit = 0; bit < 64; bit++) {
        assert_true(xc_domain_overhead(1ull << bit, ~0u) >= before);
        before = xc_domain_overhead(1ull << bit, ~0u);
    }
    assert_true(xc_domain_overhead(~0ull, ~0u) >= before);
    assert_int_equal(xc_domain_overhead(~0ull, 0), ~0ull - (MIB(1) - 1));
}

/* --- words ------------------------------------------------------------------------------------------------ */
CALL_TEST(who_holds_it)
{
    const memory_claim_t most[2] = {XEN_NODE_CLAIM_INIT(3840, 1), XEN_NODE_CLAIM_INIT(256, HOST)};
    const memory_claim_t set = XEN_NODE_CLAIM_INIT(512, 1);

    assert_int_equal(hs_claim(NULL, 2, 2, most, 0), 0);
    assert_string_equal(
        REFUSED(1, 1, &set, 0),
        "domain 1 asked for a claim of 2 MiB on node 1; 16 MiB are free there, of which 15 MiB are claimed: "
        "domain 2 (web) has claimed 15 MiB and 1 MiB host-wide");
    /* With nobody to blame. */
    assert_int_equal(hs_claim_release(NULL, 2), 0);
    dom(1)->mem.max_pages = ~0ull;
    const memory_claim_t huge = XEN_NODE_CLAIM_INIT(8192, 2);
    assert_string_equal(
        REFUSED(1, 1, &huge, 0),
        "domain 1 asked for a claim of 32 MiB on node 2; 16 MiB are free there, and nothing is claimed");
}

/* Two extents have lost a half each, which domain 2 owns: their other halves are two MiB, but no extent. */
CALL_TEST(too_few_whole_extents)
{
    memory_claim_t kept = {3072, 1, HS_ORDER_2M}, set = {1024, 1, HS_ORDER_2M};
    mfn_t half[4];

    for_each_row (i, half)
        assert_int_equal(mm_alloc(&dom(2)->mem, 1, ORDER_2M - 1, MM_EXACT_NODE, &half[i]), 0);
    for (u32 i = 0; i < 4; i += 2)
        assert_int_equal(release_range(&dom(2)->mem, half[i], ORDER_2M - 1), 0);
    assert_int_equal(hs_claim(NULL, 2, 1, &kept, HS_CLAIM_ORDERS), 0);
    assert_string_equal(
        REFUSED(1, 1, &set, HS_CLAIM_ORDERS),
        "node 1 has 6 whole free extents of 2 MiB, 5 of them kept for claims; the set asks for 2");
    for (u32 i = 1; i < 4; i += 2)
        assert_int_equal(release_range(&dom(2)->mem, half[i], ORDER_2M - 1), 0);
}

CALL_TEST(sets_that_are_wrong)
{
    memory_claim_t set[3] = {XEN_NODE_CLAIM_INIT(512, 1), XEN_NODE_CLAIM_INIT(512, 1),
                             XEN_NODE_CLAIM_INIT(1, HOST)};
    memory_claim_t many[70] = {{.pages = 1}};

    assert_string_equal(REFUSED(1, 0, set, 0), "the set has no entries");
    assert_string_equal(REFUSED(1, 1, set, 5 | HS_CLAIM_STRICT), "there is no flag 0x5");
    assert_string_equal(REFUSED(77, 1, set, 0), "there is no domain 77");
    assert_string_equal(REFUSED(1, 70, many, 0),
                        "the set has 70 entries; there can be one for each node and a host-wide one");
    assert_string_equal(REFUSED(1, 2, set, 0), "two entries of the set are for node 1");
    set[1].pad = 9;
    assert_string_equal(REFUSED(1, 2, set, 0),
                        "entry 1 of the set has an order (pad 9); without the flag ORDERS it must be 0");
    set[1].node = 2;
    set[1].pages = 513;
    assert_string_equal(REFUSED(1, 2, set, HS_CLAIM_ORDERS),
                        "entry 1 of the set, 2052 KiB on node 2, is not a whole number of extents of 2 MiB");
    set[1].pad = 3;
    assert_string_equal(REFUSED(1, 2, set, HS_CLAIM_ORDERS),
                        "entry 1 of the set has the order 3; there are 0, 9 (2 MiB) and 18 (1 GiB)");
    set[2].pad = 9;
    assert_string_equal(REFUSED(1, 1, set + 2, HS_CLAIM_ORDERS),
                        "entry 0 of the set has an order (pad 9); a host-wide entry has none");
    set[0].node = NR_NODES;
    assert_string_equal(REFUSED(1, 1, set, 0), "there is no node 3; this host has nodes 0 to 2");
    set[1] = set[2] = (memory_claim_t)XEN_NODE_CLAIM_INIT(1, HOST);
    assert_string_equal(REFUSED(1, 2, set + 1, 0), "two entries of the set are host-wide");
}

CALL_TEST(claims_and_limits_in_the_way)
{
    const memory_claim_t set[2] = {XEN_NODE_CLAIM_INIT(512, 1), XEN_NODE_CLAIM_INIT(256, HOST)};
    const memory_claim_t nothing = XEN_NODE_CLAIM_INIT(1, 0);

    assert_int_equal(hs_claim(NULL, 2, 2, set, 0), 0);
    assert_string_equal(
        REFUSED(2, 1, set, 0),
        "domain 2 (web) has claims already: 1 MiB host-wide, 2 MiB on node 1; release them first, or "
        "replace them (REPLACE)");
    assert_int_equal(hs_claim_release(NULL, 2), 0);
    dom(2)->mem.max_pages = 600;
    assert_string_equal(REFUSED(2, 2, set, 0),
                        "domain 2 (web) may own at most 2400 KiB (max_mem); it owns 0 KiB, and the set "
                        "asks for 3 MiB");
    populate(dom(2), 0, ORDER_4K);
    assert_string_equal(REFUSED(2, 1, &nothing, 0),
                        "domain 2 (web) owns 4 KiB already, which is all that the set asks "
                        "for: there is nothing to claim");
    dom(2)->mem.dying = true;
    assert_string_equal(REFUSED(2, 1, set, 0),
                        "domain 2 (web): the hypervisor calls this set of claims invalid");
    dom(2)->mem.dying = false;
}

CALL_TEST(not_the_control_domain)
{
    const memory_claim_t set = XEN_NODE_CLAIM_INIT(512, 1);

    call_from(1);
    assert_string_equal(REFUSED(2, 1, &set, 0), "only the control domain may do this, as root");
    assert_int_equal(hs_probe(NULL), -1);
    assert_int_equal(errno, EPERM);
    call_from(0);
}

/* An allocation, and one of the hypervisor's own. */
CALL_TEST(refusals_in_words)
{
    const memory_claim_t most[2] = {XEN_NODE_CLAIM_INIT(3840, 2), XEN_NODE_CLAIM_INIT(256, HOST)};
    struct mm_taken taken;
    struct hs_refusals r;

    assert_int_equal(hs_refusals(NULL, &r), 0);
    const u64 before = r.nr_allocs;
    assert_int_equal(hs_claim(NULL, 2, 2, most, 0), 0);
    assert_int_equal(take_one(&dom(1)->mem, 2, ORDER_2M, MM_EXACT_NODE, &taken), -ENOMEM);
    assert_int_equal(hs_refusals(NULL, &r), 0);
    assert_int_equal(r.nr_allocs, before + 1);
    size_t len = hs_refusal_text(&r, name_of, NULL, text, sizeof(text));
    assert_int_equal(len, strlen(text));
    assert_string_equal(text, "domain 1 wanted 2 MiB in extents of 2 MiB on node 2; 16 MiB are free there, "
                              "of which 15 MiB are claimed: "
                              "domain 2 (web) has claimed 15 MiB and 1 MiB host-wide");
    r = (struct hs_refusals){0};
    hs_refusal_text(&r, NULL, NULL, text, sizeof(text));
    assert_string_equal(text, "nothing has been refused");
    r = (struct hs_refusals){.kind = HS_REFUSAL_ALLOC,
                             .domid = HS_NO_DOMAIN,
                             .node = HS_ANY_NODE,
                             .pages = 1,
                             .free_pages = 512,
                             .claimed_pages = 512,
                             .nr_holders = 2,
                             .holders = {{3, 256, 128}, {2, 0, 128}}};
    hs_refusal_text(&r, name_of, NULL, text, sizeof(text));
    assert_string_equal(text,
                        "the hypervisor wanted 4 KiB on any node; in all 2 MiB are free, of which 2 MiB are "
                        "claimed: domain 3 has "
                        "claimed 1 MiB and 512 KiB host-wide, domain 2 (web) has claimed 512 KiB host-wide");
}

CALL_TEST(sizes_in_words)
{
    static const struct {
        u64 pages;
        const char *text;
    } rows[] = {{0, "0 KiB"},
                {1, "4 KiB"},
                {256, "1 MiB"},
                {257, "1028 KiB"},
                {1 << 18, "1 GiB"},
                {(1 << 18) + 256, "1025 MiB"},
                {1ull << 28, "1 TiB"},
                {3ull << 27, "1536 GiB"},
                {~0ull, "18446744073709551615 pages"}};
    char size[32], cut[4];

    for_each_row (i, rows) {
        assert_int_equal(hs_size_text(rows[i].pages, size, sizeof(size)), strlen(rows[i].text));
        assert_string_equal(size, rows[i].text);
    }
    assert_int_equal(hs_size_text(1, cut, sizeof(cut)), 5);
    assert_string_equal(cut, "4 K");
    assert_int_equal(hs_size_text(1, NULL, 0), 5);
}

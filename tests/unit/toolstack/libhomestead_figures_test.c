/* libhomestead's figures byte by byte, and a hypervisor that answers anything: nothing is believed that does not fit. */
#include <tests/machine/random.h>

#include "scripted.h"

static u64 words[4096];
static void count_words(u32 nr)
{
    for (u32 i = 0; i < nr; i++)
        words[i] = 0x1000 + i;
    hv.fill = words;
    hv.fill_bytes = nr * 8;
}

/* claims.md CL-7.7, CL-7.8, CL-7.10. */
TEST(figures_of_nodes)
{
    struct hs_node nodes[3];
    struct hs_host host;
    u32 nr = 3;

    expect(136, 16, 3 * 72);
    count_words(18);
    put_number(hv.answer + 8, 2, 4);
    put_number(hv.answer + 24, 0x111, 8);
    put_number(hv.answer + 32, 0x222, 8);
    put_number(hv.answer + 40, 0x333, 8);
    assert_int_equal(hs_nodes(NULL, &host, nodes, &nr), 0);
    assert_int_equal(hv.nr, SYSCTL);
    CHECK_ARG({0, 4, 0x48530001}, {4, 4, 0x15}, {8, 4, 3});
    assert_true(nr == 2 && host.nr_nodes == 2);
    assert_true(host.free_pages == 0x111 && host.outstanding_pages == 0x222 &&
                host.host_claimed_pages == 0x333);
    const struct hs_node *n = &nodes[1];
    const u64 got[9] = {n->size_pages, n->free_pages, n->claimed_pages, n->dirty_pages, n->offline_pages,
                        n->free_2m,    n->free_1g,    n->reserved_2m,   n->reserved_1g};
    assert_memory_equal(got, words + 9, sizeof(got));
    /* Too many; and none, which asks for the number. */
    put_number(hv.answer + 8, 4, 4);
    nr = 3;
    assert_int_equal(hs_nodes(NULL, &host, nodes, &nr), -1);
    assert_int_equal(errno, EPROTO);
    assert_int_equal(hs_nodes(NULL, &host, NULL, NULL), 0);
    CHECK_ARG({0, 4, 0x48530001}, {4, 4, 0x15});
    assert_int_equal(host.nr_nodes, 4);
}

TEST(memory_information_as_a_toolstack_asks)
{
    xen_sysctl_node_meminfo_t info[3];
    unsigned int nr = 0;

    assert_int_equal(sizeof(info[0]), 24);
    expect(136, 16, 3 * 72);
    put_number(hv.answer + 8, 2, 4);
    assert_int_equal(xc_numa_meminfo(NULL, &nr, NULL), 0);
    assert_int_equal(nr, 2);
    count_words(18);
    nr = 3;
    assert_int_equal(xc_numa_meminfo(NULL, &nr, info), 0);
    assert_int_equal(nr, 2);
    assert_true(info[0].size == 0x1000000 && info[0].free == 0x1001000 && info[0].claimed == 0x1002000);
    assert_true(info[1].size == 0x1009000 && info[1].free == 0x100a000 && info[1].claimed == 0x100b000);
    hv.rc = -ENOSYS;
    assert_int_equal(xc_numa_meminfo(NULL, &nr, NULL), -1);
    assert_int_equal(errno, ENOSYS);
}

TEST(figures_of_a_domain)
{
    struct hs_domain_node nodes[3];
    struct hs_domain d;
    u32 nr = 3;

    expect(136, 16, 3 * 32);
    count_words(8);
    put_number(hv.answer + 12, 2, 4);
    for (u32 i = 0; i < 7; i++)
        put_number(hv.answer + 24 + 8 * i, 0x100 + i, 8);
    put_number(hv.answer + 80, 0x60000, 4);
    assert_int_equal(hs_domain(NULL, 0xabcd, &d, nodes, &nr), 0);
    CHECK_ARG({0, 4, 0x48530002}, {4, 4, 0x15}, {8, 2, 0xabcd}, {12, 4, 3});
    assert_true(d.domid == 0xabcd && d.nr_nodes == 2 && nr == 2);
    const u64 got[7] = {d.tot_pages,         d.max_pages,    d.overhead_pages, d.host_claim_pages,
                        d.outstanding_pages, d.broken_pages, d.broken_extents};
    for (u32 i = 0; i < 7; i++)
        assert_int_equal(got[i], 0x100 + i);
    assert_int_equal(d.claim_flags, HS_CLAIM_STRICT | HS_CLAIM_SCRUB);
    assert_true(nodes[1].own_pages == 0x1004 && nodes[1].claim_pages == 0x1005 &&
                nodes[1].claim_extents == 0x1006 && nodes[1].claim_order == 0x1007);
    put_number(hv.answer + 12, 0xffffffff, 4);
    nr = 3;
    assert_int_equal(hs_domain(NULL, 1, &d, nodes, &nr), -1);
    assert_int_equal(errno, EPROTO);
}

TEST(list_of_domains)
{
    static u8 entry[2][112];
    struct hs_domain_info info[3];
    u32 nr = 3;

    put_number(entry[0], 4, 2);
    put_number(entry[0] + 4, 1, 4); /* dying */
    for (u32 i = 0; i < 3; i++)
        put_number(entry[0] + 8 + 8 * i, 0x55 + i, 8);
    memset(entry[0] + 76, 0xee, 16); /* the handle */
    put_number(entry[1], 9, 2);
    expect(136, 16, 3 * 112);
    hv.fill = entry;
    hv.fill_bytes = sizeof(entry);
    put_number(hv.answer + 24, 2, 4);
    assert_int_equal(hs_domain_list(NULL, 4, info, &nr), 0);
    CHECK_ARG({0, 4, 6}, {4, 4, 0x15}, {8, 2, 4}, {12, 4, 3});
    assert_int_equal(nr, 2);
    assert_true(info[0].domid == 4 && info[0].dying == 1 && info[0].tot_pages == 0x55 &&
                info[0].max_pages == 0x56 && info[0].outstanding_pages == 0x57 && info[0].uuid[0] == 0xee &&
                info[0].uuid[15] == 0xee);
    assert_true(info[1].domid == 9 && !info[1].dying && !info[1].uuid[0]);
    /* Not ascending: a caller who asks for those after the last would never end. More than fit. */
    put_number(entry[1], 4, 2);
    nr = 3;
    assert_int_equal(hs_domain_list(NULL, 4, info, &nr), -1);
    assert_int_equal(errno, EPROTO);
    put_number(hv.answer + 24, 4, 4);
    assert_int_equal(hs_domain_list(NULL, 4, info, &nr), -1);
    assert_int_equal(errno, EPROTO);
}

TEST(refusals)
{
    struct hs_refusals r;

    expect(136, 8, 248);
    count_words(31);
    put_number((u8 *)words + 16, 2, 4);    /* kind */
    put_number((u8 *)words + 20, 0x77, 2); /* domid */
    put_number((u8 *)words + 22, 8, 2);    /* nr_holders */
    put_number((u8 *)words + 24, 0x99, 4); /* node */
    put_number((u8 *)words + 28, 0x12, 4); /* order */
    assert_int_equal(hs_refusals(NULL, &r), 0);
    CHECK_ARG({0, 4, 0x48530003}, {4, 4, 0x15});
    assert_true(r.nr_claims == 0x1000 && r.nr_allocs == 0x1001 && r.kind == 2 && r.domid == 0x77 &&
                r.nr_holders == 8);
    assert_true(r.node == 0x99 && r.order == 0x12 && r.pages == 0x1004 && r.free_pages == 0x1005 &&
                r.claimed_pages == 0x1006);
    assert_true(r.holders[7].node_pages == 0x101c && r.holders[7].host_pages == 0x101d &&
                r.holders[7].domid == 0x101e);
    put_number((u8 *)words + 22, 9, 2);
    assert_int_equal(hs_refusals(NULL, &r), -1);
    assert_int_equal(errno, EPROTO);
}

TEST(probing)
{
    static const struct {
        long rc;
        int probe, why;
    } rows[] = {{0, 1, 0}, {-ENOSYS, 0, ENOSYS}, {-EACCES, 0, EACCES}, {-EPERM, -1, EPERM}, {-EIO, -1, EIO}};

    expect(136, 16, 0);
    for_each_row (i, rows) {
        hv.rc = rows[i].rc;
        assert_int_equal(hs_probe(NULL), rows[i].probe);
        if (rows[i].why)
            assert_int_equal(errno, rows[i].why);
    }
}

/* Without memory for buffers every call says so and keeps none. */
TEST(no_buffers)
{
    memory_claim_t set[2] = {XEN_NODE_CLAIM_INIT(1, 0)}, *all;
    struct hs_node node;
    struct hs_refusals r;
    u32 nr = 1;

    for (u32 left = 0; left < 2; left++) {
        fake_buffers_left = left;
        assert_int_equal(hs_claim(NULL, 1, 1, set, 0), -1);
        assert_int_equal(errno, ENOMEM);
        fake_buffers_left = left;
        assert_int_equal(hs_claim_read_all(NULL, 1, &nr, &all), -1);
        assert_int_equal(errno, ENOMEM);
        fake_buffers_left = left;
        assert_int_equal(hs_nodes(NULL, NULL, &node, &nr), -1);
        assert_int_equal(errno, ENOMEM);
        fake_buffers_left = left;
        assert_int_equal(hs_refusals(NULL, &r), -1);
        assert_int_equal(errno, ENOMEM);
    }
    assert_int_equal(fake_calls, 0);
}

/* --- a hypervisor that answers anything ------------------------------------------------------------------ */
static struct rng chaos;

/* Small numbers are what counts look like. */
static u8 random_byte(u64 offset)
{
    if (rng_draw(&chaos, 8) == 0)
        return (u8)rng_draw(&chaos, 256);
    return offset % 4 ? 0 : (u8)rng_draw(&chaos, 6);
}

static long rubbish(unsigned int nr, u64 arg1, u64 arg2)
{
    static const long rcs[] = {0, 0, 0, 5, -ENOBUFS, -EINVAL, -ENOMEM, -ENOENT, -ESRCH, -ENOSYS};
    u64 at = nr == MEMORY ? arg2 : arg1, size = fake_bytes(at);
    u8 *arg = fake_memory(at, size);

    /* Whatever is a pointer to an array is one: in the fields that calls of the library have it in. */
    for (u64 field = 8; field <= 24; field += 8) {
        u64 handle = number(arg + field, 8), bytes = fake_bytes(handle);
        u8 *array = fake_memory(handle, bytes);
        for (u64 i = 0; i < bytes; i++)
            array[i] = random_byte(i);
    }
    for (u64 i = 8; i < size; i++)
        arg[i] = random_byte(i);
    return rcs[rng_draw(&chaos, ARRAY_SIZE(rcs))];
}

TEST(a_hypervisor_that_answers_anything)
{
    static const int errs[] = {EINVAL, ENOENT, ENOMEM, ESRCH, E2BIG, ENOSYS, 0, 12345};
    memory_claim_t set[3] = {XEN_NODE_CLAIM_INIT(512, 0), XEN_NODE_CLAIM_INIT(512, 1),
                             XEN_NODE_CLAIM_INIT(1, ~0u)};

    rng_seed(&chaos, 14);
    fake_hypervisor = rubbish;
    for (u32 round = 0; round < 3000; round++) {
        struct hs_node nodes[HS_MAX_NODES];
        struct hs_domain_node own[HS_MAX_NODES];
        struct hs_domain_info info[5];
        struct hs_domain d;
        struct hs_host host;
        struct hs_refusals r;
        memory_claim_t *claims;
        char text[64];
        u32 room = rng_draw(&chaos, HS_MAX_NODES + 1), nr = room;

        if (!hs_nodes(NULL, &host, nodes, &nr))
            assert_true(nr <= room);
        nr = room;
        if (!hs_domain(NULL, 1, &d, own, &nr))
            assert_true(nr <= room);
        nr = 5;
        if (!hs_domain_list(NULL, 0, info, &nr))
            assert_true(nr <= 5);
        if (!hs_claim_read_all(NULL, 1, &nr, &claims))
            free(claims);
        if (!hs_refusals(NULL, &r))
            assert_true(r.nr_holders <= HS_MAX_HOLDERS);
        size_t len = rng_draw(&chaos, sizeof(text) + 1);
        memset(text, 0x7f, sizeof(text));
        hs_claim_text(NULL, errs[rng_draw(&chaos, ARRAY_SIZE(errs))], 1, 3, set,
                      rng_draw(&chaos, 2) ? HS_CLAIM_ORDERS : 0, NULL, NULL, text, len);
        assert_true(!len || memchr(text, 0, len));
        for (size_t i = len; i < sizeof(text); i++)
            assert_int_equal(text[i], 0x7f);
    }
}

/* libhomestead's claims byte by byte: what the hypervisor is given, and what is believed of its answers. */
#include "scripted.h"

TEST(published_names_and_numbers)
{
    const memory_claim_t c = XEN_NODE_CLAIM_INIT(7, 3);

    assert_int_equal(sizeof(memory_claim_t), 16);
    assert_int_equal(offsetof(memory_claim_t, pages), 0);
    assert_int_equal(offsetof(memory_claim_t, node), 8);
    assert_int_equal(offsetof(memory_claim_t, pad), 12);
    assert_true(c.pages == 7 && c.node == 3 && c.pad == 0);
    assert_int_equal(XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, 0xffffffff);
    assert_int_equal(HS_CLAIM_REPLACE, 0x10000);
    assert_int_equal(HS_CLAIM_STRICT, 0x20000);
    assert_int_equal(HS_CLAIM_SCRUB, 0x40000);
    assert_int_equal(HS_CLAIM_ORDERS, 0x80000);
}

/* claims.md CL-3.1, CL-3.2, CL-3.4, CL-3.6. */
TEST(a_set_of_claims)
{
    memory_claim_t set[2] = {XEN_NODE_CLAIM_INIT(0x1122334455667788, 1),
                             XEN_NODE_CLAIM_INIT(5, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE)};

    expect(144, 16, 32);
    assert_int_equal(xc_domain_claim_memory(NULL, 0x1234, 2, set), 0);
    assert_int_equal(hv.nr, DOMCTL);
    CHECK_ARG({0, 4, 91}, {4, 4, 0x15}, {8, 2, 0x1234}, {24, 4, 2});
    assert_int_equal(number(hv.array, 8), 0x1122334455667788);
    assert_int_equal(number(hv.array + 8, 4), 1);
    assert_int_equal(number(hv.array + 12, 4), 0);
    assert_int_equal(number(hv.array + 16, 8), 5);
    assert_int_equal(number(hv.array + 24, 4), 0xffffffff);
    assert_int_equal(number(hv.array + 28, 4), 0);

    set[0].pad = HS_ORDER_2M;
    assert_int_equal(xc_domain_claim_memory_flags(NULL, 1, 2, set, HS_CLAIM_REPLACE | HS_CLAIM_ORDERS), 0);
    CHECK_ARG({0, 4, 91}, {4, 4, 0x15}, {8, 2, 1}, {24, 4, 2}, {28, 4, 0x90000});
    assert_int_equal(number(hv.array + 12, 4), 9);
}

/* claims.md CL-3.16. */
TEST(release)
{
    expect(144, 16, 16);
    assert_int_equal(hs_claim_release(NULL, 3), 0);
    CHECK_ARG({0, 4, 91}, {4, 4, 0x15}, {8, 2, 3}, {24, 4, 1});
    assert_int_equal(number(hv.array, 8), 0);
    assert_int_equal(number(hv.array + 8, 8), 0xffffffff);
}

/* What is wrong is the hypervisor's to say, in its order; a NULL array stays one. */
TEST(bad_sets_are_passed_on)
{
    memory_claim_t many[300] = {{.pages = 1}};

    hv.rc = -EFAULT;
    expect(144, 16, 0);
    assert_int_equal(xc_domain_claim_memory(NULL, 1, 5, NULL), -1);
    assert_int_equal(errno, EFAULT);
    CHECK_ARG({0, 4, 91}, {4, 4, 0x15}, {8, 2, 1}, {24, 4, 5});
    assert_int_equal(hv.handle, 0);
    hv.rc = -EINVAL;
    assert_int_equal(xc_domain_claim_memory(NULL, 1, 0, many), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(hv.handle, 0);
    hv.rc = -E2BIG;
    expect(144, 16, 4800);
    assert_int_equal(xc_domain_claim_memory(NULL, 1, 300, many), -1);
    assert_int_equal(errno, E2BIG);
    /* Not even asked: no hypervisor takes as many, and no caller has them. */
    fake_calls = 0;
    assert_int_equal(xc_domain_claim_memory(NULL, 1, ~0u, many), -1);
    assert_int_equal(errno, E2BIG);
    assert_int_equal(fake_calls, 0);
}

/* The field has 16 bits. Domain 65537 is not domain 1. */
TEST(large_domain_numbers_are_nobody)
{
    memory_claim_t set = XEN_NODE_CLAIM_INIT(1, 0);
    u32 nr = 1;

    for (u32 domid = 0x10000; domid; domid <<= 1) {
        const u32 asked = domid | 1;
        assert_int_equal(hs_claim(NULL, asked, 1, &set, 0), -1);
        assert_int_equal(errno, ESRCH);
        assert_int_equal(hs_claim_read(NULL, asked, &nr, &set), -1);
        assert_int_equal(errno, ESRCH);
        assert_int_equal(hs_domain(NULL, asked, NULL, NULL, NULL), -1);
        assert_int_equal(errno, ESRCH);
        assert_int_equal(hs_claim_host(NULL, asked, 1), -1);
        assert_int_equal(errno, EINVAL);
        assert_int_equal(hs_domain_list(NULL, asked, NULL, &nr), 0);
        assert_int_equal(nr, 0);
        nr = 1;
    }
    assert_int_equal(fake_calls, 0);
}

TEST(claim_of_the_host)
{
    expect(32, 0, 0);
    assert_int_equal(hs_claim_host(NULL, 7, 0x123456789), 0);
    assert_int_equal(hv.nr, MEMORY);
    assert_int_equal(hv.arg1, 24);
    assert_int_equal(number(hv.arg + 8, 8), 0x123456789);
    CHECK_ARG({8, 4, 0x23456789}, {12, 4, 1}, {24, 2, 7});
}

TEST(pages_on_a_node_as_a_toolstack_asks)
{
    expect(144, 16, 16);
    assert_int_equal(xc_domain_claim_pages_node(NULL, 2, 1, 77), 0);
    CHECK_ARG({0, 4, 91}, {4, 4, 0x15}, {8, 2, 2}, {24, 4, 1});
    assert_int_equal(number(hv.array, 8), 77);
    assert_int_equal(number(hv.array + 8, 8), 1);
    expect(32, 0, 0);
    assert_int_equal(xc_domain_claim_pages_node(NULL, 2, ~0u, 77), 0);
    assert_int_equal(hv.nr, MEMORY);
    CHECK_ARG({8, 8, 77}, {24, 2, 2});
}

/* What Xen 4.17 says of a domctl that it does not know, with an IOMMU and without. */
TEST(not_there_on_xen)
{
    static const long rcs[] = {-ENOSYS, -EOPNOTSUPP};
    memory_claim_t set = XEN_NODE_CLAIM_INIT(1, 0);
    u32 nr = 1;

    expect(144, 16, 16);
    for_each_row (i, rcs) {
        hv.rc = rcs[i];
        assert_int_equal(xc_domain_claim_memory(NULL, 1, 1, &set), -1);
        assert_int_equal(errno, ENOSYS);
        assert_int_equal(xc_domain_get_memory_claims(NULL, 1, &nr, &set), -1);
        assert_int_equal(errno, ENOSYS);
    }
    hv.rc = -EOPNOTSUPP;
    assert_int_equal(hs_claim_release(NULL, 1), -1);
    char text[200];
    hs_claim_text(NULL, errno, 1, 1, &set, 0, NULL, NULL, text, sizeof(text));
    assert_string_equal(
        text,
        "this hypervisor has no claims on nodes; Homestead has them, Xen 4.17 has only host-wide claims");
}

TEST(reading_back)
{
    const memory_claim_t there[3] = {{5, 0xffffffff, 0}, {6, 1, 9}, {7, 2, 0}};
    memory_claim_t got[4] = {[3] = {99, 99, 99}};
    u32 nr = 4;

    expect(144, 16, 64);
    hv.fill = there;
    hv.fill_bytes = sizeof(there);
    put_number(hv.answer + 24, 3, 4);
    assert_int_equal(xc_domain_get_memory_claims(NULL, 9, &nr, got), 0);
    CHECK_ARG({0, 4, 92}, {4, 4, 0x15}, {8, 2, 9}, {24, 4, 4});
    assert_int_equal(nr, 3);
    assert_memory_equal(got, there, sizeof(there));
    assert_int_equal(got[3].pages, 99);       /* stays the caller's */
    assert_int_equal(number(hv.array, 8), 0); /* and nothing of the caller's is given away */
    /* More than there was room for. */
    put_number(hv.answer + 24, 5, 4);
    hv.array_bytes = 48;
    assert_int_equal(hs_claim_read(NULL, 9, &nr, got), -1);
    assert_int_equal(errno, EPROTO);
    assert_int_equal(nr, 3);
    hv.rc = -ENOBUFS;
    assert_int_equal(hs_claim_read(NULL, 9, &nr, got), -1);
    assert_int_equal(errno, ENOBUFS);
    assert_int_equal(nr, 5);
    hv.rc = -ESRCH;
    hv.array_bytes = 80;
    put_number(hv.answer + 24, 77, 4);
    assert_int_equal(hs_claim_read(NULL, 9, &nr, got), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(nr, 5);
}

/* A hypervisor with more nodes than this one: rooms grow until the set fits. */
static u32 entries;
static long growing(unsigned int nr, u64 arg1, u64 arg2)
{
    u8 *arg = fake_memory(arg1, 144);
    u32 room = (u32)number(arg + 24, 4), there = entries;

    (void)nr, (void)arg2;
    entries += 100; /* another builder is at it */
    if (entries > 400)
        entries = 400;
    put_number(arg + 24, there, 4);
    if (room < there)
        return -ENOBUFS;
    for (u32 i = 0; i < there; i++)
        put_number(fake_memory(number(arg + 16, 8) + 16 * i, 16), i + 1, 8);
    return 0;
}

TEST(reading_back_all)
{
    memory_claim_t *claims = NULL;
    u32 nr = 0;

    fake_hypervisor = growing;
    entries = 100;
    assert_int_equal(hs_claim_read_all(NULL, 1, &nr, &claims), 0);
    assert_int_equal(nr, 400);
    assert_int_equal(claims[399].pages, 400);
    free(claims);
    /* One that never has enough, and one that asks for the world. */
    fake_hypervisor = answer;
    fake_calls = 0;
    expect(144, 16, 65 * 16);
    hv.rc = -ENOBUFS;
    put_number(hv.answer + 24, 65, 4);
    assert_int_equal(hs_claim_read_all(NULL, 1, &nr, &claims), -1);
    assert_int_equal(errno, EPROTO);
    put_number(hv.answer + 24, 0xffffffff, 4);
    assert_int_equal(hs_claim_read_all(NULL, 1, &nr, &claims), -1);
    assert_int_equal(errno, EPROTO);
    assert_int_equal(fake_calls, 2);
}

/* domctl 91 and 92, docs/hypervisor-guide/mm/claims.md section 3: every error in its order, numbers and layout, and a domain that dies. */
#include "calls.h"

/*
 * No released header can be asked. What Xen's headers have is compared by abi_headers_test.py.
 * claims.md CL-3.1 to CL-3.4.
 */
CALL_TEST(claim_call_is_as_documented)
{
    const memory_claim_t c = XEN_NODE_CLAIM_INIT(7, 3);

    assert_int_equal(XEN_DOMCTL_claim_memory, 91);
    assert_int_equal(XEN_DOMCTL_get_memory_claims, 92);
    assert_int_equal(XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, 0xffffffffu);
    assert_int_equal(XEN_DOMCTL_CLAIM_REPLACE, 1u << 16);
    assert_int_equal(XEN_DOMCTL_CLAIM_ALL_FLAGS, 15u << 16);
    assert_int_equal(sizeof(memory_claim_t), 16);
    assert_int_equal(sizeof(struct xen_domctl_claim_memory), 16);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.claims), 16);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.nr_claims), 24);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.pad), 28);
    assert_true(c.pages == 7 && c.node == 3 && c.pad == 0);
}

/*
 * Each call has every fault from its own on: so each error stands before all that follow.
 * claims.md CL-3.21 to CL-3.28, CL-3.30, CL-3.32, CL-3.34, CL-3.35.
 */
CALL_TEST(set_claim_errors_in_order)
{
    const u64 good = at(0x4000), max = dom(1)->mem.max_pages;
    const struct {
        u16 from, domid;
        u32 nr, flags;
        u64 list;
        bool dying;
        struct xen_memory_claim entry;
        u64 max;
        long rc;
    } calls[] = {
        {2, 99, 0, 1, 0, true, {1ull << 40, 77, 1}, max, -EPERM},
        {0, 99, 0, 1, 0, true, {1ull << 40, 77, 1}, max, -ESRCH},
        {0, 1, 0, 1, 0, true, {1ull << 40, 77, 1}, max, -EINVAL},
        {0, 1, 66, 1, 0, true, {1ull << 40, 77, 1}, max, -EINVAL}, /* the flags */
        {0, 1, 66, 0x80000000, 0, true, {1ull << 40, 77, 1}, max, -EINVAL},
        {0, 1, 66, XEN_DOMCTL_CLAIM_ALL_FLAGS, 0, true, {1ull << 40, 77, 1}, max, -E2BIG},
        {0, 1, 0, 0, 0, true, {1ull << 40, 77, 1}, max, -EINVAL},
        {0, 1, 66, 0, 0, true, {1ull << 40, 77, 1}, max, -E2BIG},
        {0, 1, 256, 0, 0, true, {1ull << 40, 77, 1}, max, -E2BIG},
        {0, 1, 65, 0, 0, true, {1ull << 40, 77, 1}, max, -EFAULT},
        {0, 1, 2, 0, at(GUEST_BYTES - 16), true, {1ull << 40, 77, 1}, max, -EFAULT},
        {0, 1, 1, 0, good, true, {1ull << 40, 77, 1}, max, -EINVAL},  /* dying */
        {0, 1, 1, 0, good, false, {1ull << 40, 77, 1}, max, -EINVAL}, /* the entry's pad */
        {0, 1, 1, 0, good, false, {1ull << 40, 77, 0}, max, -ENOENT},
        {0, 1, 1, 0, good, false, {1ull << 40, NR_NODES, 0}, max, -ENOENT},
        {0, 1, 1, 0, good, false, {1ull << 40, 1, 0}, max, -EINVAL}, /* above max */
        {0, 1, 1, 0, good, false, {1ull << 40, 1, 0}, ~0ull, -ENOMEM},
        {0, 1, 1, 0, good, false, {NODE_PAGES + 1, 1, 0}, ~0ull, -ENOMEM},
        {0, 1, 1, 0, good, false, {NODE_PAGES, 1, 0}, ~0ull, 0},
        {0, 1, 1, 0, good, false, {NODE_PAGES, 1, 0}, ~0ull, -EINVAL}, /* one is there */
    };

    for_each_row (i, calls) {
        call_from(calls[i].from);
        PUT(0x4000, calls[i].entry);
        dom(1)->mem.dying = calls[i].dying;
        dom(1)->mem.max_pages = calls[i].max;
        op.u.claim_memory = (struct xen_domctl_claim_memory){
            .claims = calls[i].list, .nr_claims = calls[i].nr, .pad = calls[i].flags};
        assert_int_equal(domctl(XEN_DOMCTL_claim_memory, calls[i].domid), calls[i].rc);
        assert_int_equal(dom(1)->mem.outstanding, i < 18 ? 0 : NODE_PAGES);
    }
}

/*
 * In version 7 of the published series this word is a mode and 1 asks for a read-back. Such a caller passes room
 * for the answer, often filled with zeros: it must be refused, never taken for a set that replaces the claims.
 * claims.md CL-3.24, CL-3.39, CL-3.40.
 */
CALL_TEST(mode_of_another_interface_changes_nothing)
{
    const struct xen_memory_claim set = XEN_NODE_CLAIM_INIT(9, 1);
    const struct xen_memory_claim room[2] = {{.node = 0}, {.node = 1}};

    assert_int_equal(claim_set(1, &set, 1, 0), 0);
    for (u32 bit = 0; bit < 32; bit++)
        if (bit < 16 || bit > 19)
            assert_int_equal(claim_set(1, room, 2, 1u << bit), -EINVAL);
    assert_int_equal(claim_set(1, room, 2, XEN_DOMCTL_CLAIM_REPLACE | 1), -EINVAL);
    assert_int_equal(dom(1)->mem.outstanding, 9);
}

/* claims.md CL-3.6, CL-3.15 to CL-3.19, CL-3.31, CL-3.43, CL-7.1. */
CALL_TEST(claim_sets)
{
    struct xen_memory_claim set[3] = {XEN_NODE_CLAIM_INIT(2, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE),
                                      XEN_NODE_CLAIM_INIT(2, 0), XEN_NODE_CLAIM_INIT(2, 1)};
    const struct xen_memory_claim none = XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE_ALT);

    assert_int_equal(claim_set(1, set, 3, 0), 0);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.u.getdomaininfo.outstanding_pages, 6);
    set[2].pages = 10;
    assert_int_equal(claim_set(1, set, 3, XEN_DOMCTL_CLAIM_REPLACE), 0);
    assert_int_equal(dom(1)->mem.outstanding, 14);
    assert_int_equal(claim_set(1, &none, 1, 0), 0);
    assert_int_equal(claim_set(1, &none, 1, 0), 0);
    assert_int_equal(dom(1)->mem.outstanding, 0);
}

/* claims.md CL-3.36, CL-3.38. */
CALL_TEST(claims_read_back)
{
    const struct xen_memory_claim set[2] = {XEN_NODE_CLAIM_INIT(5, 2), XEN_NODE_CLAIM_INIT(7, ~0u)};
    struct xen_domctl_get_memory_claims *get_op = &op.u.get_memory_claims;
    struct xen_memory_claim got[2];

    assert_int_equal(claim_set(1, set, 2, 0), 0);
    *get_op = (struct xen_domctl_get_memory_claims){.claims = at(0x5000), .nr_claims = 1};
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), -ENOBUFS);
    assert_int_equal(get_op->nr_claims, 2);
    get_op->nr_claims = 1000;
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), 0);
    assert_int_equal(get_op->nr_claims, 2);
    GET(0x5000, got);
    assert_true(got[0].node == ~0u && got[0].pages == 7);
    assert_true(got[1].node == 2 && got[1].pages == 5);
    get_op->claims = 0;
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), -EFAULT);
    get_op->pad = 1;
    assert_int_equal(domctl(XEN_DOMCTL_get_memory_claims, 1), -EINVAL);
}

static long legacy(u16 domid, u32 mode, u32 pad)
{
    op.u.homestead_legacy_claims = (struct xen_domctl_homestead_legacy_claims){.mode = mode, .pad = pad};
    return domctl(XEN_DOMCTL_homestead_legacy_claims, domid);
}

/* claims.md CL-2.16, CL-2.18 to CL-2.21. */
CALL_TEST(legacy_claims_by_domain)
{
    call_from(1);
    assert_int_equal(legacy(1, XEN_HOMESTEAD_LEGACY_affinity, 0), -EPERM);
    call_from(0);
    assert_int_equal(legacy(99, XEN_HOMESTEAD_LEGACY_affinity, 0), -ESRCH);
    assert_int_equal(legacy(1, XEN_HOMESTEAD_LEGACY_affinity_only + 1, 0), -EINVAL);
    assert_int_equal(legacy(1, XEN_HOMESTEAD_LEGACY_affinity, 1), -EINVAL);
    assert_int_equal(legacy(1, ~0u - 1, 0), -EINVAL);
    assert_int_equal(legacy(1, XEN_HOMESTEAD_LEGACY_affinity, 0), 0);
    assert_int_equal(op.u.homestead_legacy_claims.mode, XEN_HOMESTEAD_LEGACY_host);
    dom(1)->mem.affinity = BIT(1);
    res = (struct xen_memory_reservation){.nr_extents = dom(1)->mem.tot_pages + 9, .domid = 1};
    assert_int_equal(do_extents(XENMEM_claim_pages), 0);
    assert_true(dom(1)->mem.node_claim[1] == 9 && dom(1)->mem.outstanding == 9);
    assert_int_equal(legacy(1, XEN_HOMESTEAD_LEGACY_affinity_only, 0), 0);
    assert_int_equal(op.u.homestead_legacy_claims.mode, XEN_HOMESTEAD_LEGACY_affinity);
    for (u32 i = 0; i < 2; i++) {
        assert_int_equal(legacy(1, XEN_HOMESTEAD_LEGACY_query, 0), 0);
        assert_int_equal(op.u.homestead_legacy_claims.mode, XEN_HOMESTEAD_LEGACY_affinity_only);
    }
}

static void kill_meanwhile(u64 n, u64 nr)
{
    (void)n, (void)nr;
    on_clear = NULL;
    yield_every = 1;
    for (u32 step = 0; step < 10; step++)
        assert_int_equal(domain_kill(dom(1)), -ERESTART);
    yield_every = 0;
}

/*
 * Another CPU destroys the domain while memory is cleared for it: it is not gone before this call ends.
 * claims.md CL-1.7b, CL-4.16.
 */
CALL_TEST(populate_for_a_dying_domain)
{
    on_clear = kill_meanwhile;
    assert_int_equal(populate_extents(1, 0, 2, 0), 0);
    assert_null(on_clear);
    assert_int_equal(kill_all_steps(dom(1)), 0);
    assert_false(exists(1));
}

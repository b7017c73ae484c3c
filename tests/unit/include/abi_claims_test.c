/*
 * The claim calls' numbers and layout, as claims.md section 3 has them: no released header can be asked.
 * What Xen's headers have is compared by abi_headers_test.py.
 */
#include <tests/machine/test.h>

#include <xen/domctl.h>

TEST(claim_call_is_as_documented)
{
    memory_claim_t c = XEN_NODE_CLAIM_INIT(7, 3);

    assert_int_equal(XEN_DOMCTL_claim_memory, 91);
    assert_int_equal(XEN_DOMCTL_get_memory_claims, 92);
    assert_int_equal(XEN_DOMCTL_CLAIM_MEMORY_NO_NODE, 0xffffffffu);
    assert_int_equal(XEN_DOMCTL_CLAIM_REPLACE, 1);
    assert_int_equal(sizeof(memory_claim_t), 16);
    assert_int_equal(sizeof(struct xen_domctl_claim_memory), 16);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.claims), 16);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.nr_claims), 24);
    assert_int_equal(offsetof(struct xen_domctl, u.claim_memory.pad), 28);
    assert_int_equal(c.pages, 7);
    assert_int_equal(c.node, 3);
    assert_int_equal(c.pad, 0);
}

/*
 * The example of toolstack/README.md, compiled as it is printed there (tests/tests.mk), and a toolstack's use of names that its
 * own xenctrl.h may have (as_a_toolstack.c): both built with libxen-dev's headers, and run on the real hypercalls.
 */
#include <tests/unit/hypercall/calls.h>

#include "fake_xencall.h"

typedef struct xc_interface_core xc_interface;
int claim_guest_memory(xc_interface *xch, u32 domid, u64 pages);
int release_claim(xc_interface *xch, u32 domid);
int claim_like_a_toolstack(xc_interface *xch, u32 domid, unsigned int node, unsigned long pages);
int figures_like_a_toolstack(xc_interface *xch, u64 *bytes, unsigned int room);

FIXTURE(NULL, fake_reset)

CALL_TEST(the_documented_example)
{
    assert_int_equal(claim_guest_memory(NULL, 1, 100), 0);
    assert_int_equal(node_claimed(0), 100);
    assert_int_equal(node_claimed(1), 100);
    assert_int_equal(dom(1)->mem.outstanding, 456);
    assert_int_equal(release_claim(NULL, 1), 0);
    assert_int_equal(dom(1)->mem.outstanding, 0);
    assert_int_equal(release_claim(NULL, 1), 0);
    assert_int_equal(claim_guest_memory(NULL, 1, NODE_PAGES + 1), -1);
    assert_int_equal(dom(1)->mem.outstanding, 0);
}

CALL_TEST(a_toolstack_that_knows_other_names)
{
    u64 bytes[3 * NR_NODES] = {0};

    assert_int_equal(claim_like_a_toolstack(NULL, 1, 2, 50), 0);
    assert_int_equal(figures_like_a_toolstack(NULL, bytes, NR_NODES), NR_NODES);
    assert_true(bytes[6] == NODE_PAGES * PAGE_SIZE && bytes[7] == NODE_PAGES * PAGE_SIZE &&
                bytes[8] == 50 * PAGE_SIZE);
    assert_int_equal(bytes[2], 0);
    assert_int_equal(claim_like_a_toolstack(NULL, 1, 2, 0), 0);
    assert_int_equal(node_claimed(2), 0);
    assert_int_equal(claim_like_a_toolstack(NULL, 1, ~0u, 50), 0);
    assert_true(dom(1)->mem.outstanding == 50 && !node_claimed(2));
    assert_int_equal(claim_like_a_toolstack(NULL, 1, ~0u, 0), 0);
}

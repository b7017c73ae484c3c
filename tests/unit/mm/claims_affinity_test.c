/* docs/hypervisor-guide/mm/claims.md section 2: a claim without nodes that is staked on the nodes of the affinity. */
#include "claims_helpers.h"

static void follow(struct mem_account *d, u64 affinity, enum claim_legacy mode)
{
    d->affinity = affinity;
    assert_int_equal(claim_set_legacy(d, mode), CLAIM_LEGACY_HOST);
}

/* claims.md CL-2.20, CL-2.21, CL-2.23 to CL-2.25. */
TEST(legacy_claim_follows_the_affinity)
{
    follow(a, BIT(1), CLAIM_LEGACY_AFFINITY);
    take_pages(a, 0, 10);
    assert_int_equal(claim_install_legacy(a, 110), 0); /* the size to reach, wherever pages are already */
    expect_claims(a, 0, 0, 100);
    assert_int_equal(claim_install_legacy(a, 120), -EINVAL);
    assert_int_equal(claim_install_legacy(a, 0), 0);
    expect_claims(a, 0, 0, 0);

    a->affinity = BIT(2) | BIT(0);
    assert_int_equal(set1(b, 0, NODE_PAGES - 10 - 40), 0);
    assert_int_equal(claim_install_legacy(a, 10 + 40 + NODE_PAGES + 7), 0);
    expect_claims(a, 7, 40, 0);
    assert_int_equal(a->node_claim[2], NODE_PAGES);
    /* What is host-wide is nobody else's. */
    assert_int_equal(set1(b, 1, NODE_PAGES), -EINVAL);
    assert_int_equal(claim_install_legacy(b, 0), 0);
    assert_int_equal(set1(b, 1, NODE_PAGES), 0);
}

/* claims.md CL-2.22. */
TEST(legacy_claim_of_the_affinity_only)
{
    follow(a, BIT(2) | BIT(0), CLAIM_LEGACY_AFFINITY_ONLY);
    assert_int_equal(claim_install_legacy(a, 2 * NODE_PAGES + 1), -ENOMEM);
    expect_claims(a, 0, 0, 0);
    assert_int_equal(claim_install_legacy(a, ~0ull), -EINVAL); /* above max */
    a->max_pages = ~0ull;
    assert_int_equal(claim_install_legacy(a, ~0ull), -ENOMEM);
    assert_int_equal(claim_install_legacy(a, 2 * NODE_PAGES), 0);
    expect_claims(a, 0, NODE_PAGES, 0);
    assert_int_equal(a->node_claim[2], NODE_PAGES);
    assert_int_equal(claim_install_legacy(b, NODE_PAGES + 1), -ENOMEM);
}

/* claims.md CL-2.26. */
TEST(legacy_claim_is_host_wide_without_a_proper_subset)
{
    static const u64 affinity[] = {0, BIT(0) | BIT(1) | BIT(2), ~0ull, BIT(40)};

    follow(a, 0, CLAIM_LEGACY_AFFINITY_ONLY);
    for (u32 i = 0; i < ARRAY_SIZE(affinity); i++) {
        a->affinity = affinity[i];
        assert_int_equal(claim_install_legacy(a, 100), 0);
        expect_claims(a, 100, 0, 0);
        assert_int_equal(claim_install_legacy(a, 0), 0);
    }
    assert_int_equal(claim_set_legacy(a, CLAIM_LEGACY_HOST), CLAIM_LEGACY_AFFINITY_ONLY);
    a->affinity = BIT(1);
    assert_int_equal(claim_install_legacy(a, 100), 0);
    expect_claims(a, 100, 0, 0);
}

/* claims.md CL-2.16, CL-2.18. */
TEST(legacy_default_is_for_new_accounts)
{
    claim_set_legacy_default(CLAIM_LEGACY_AFFINITY);
    struct mem_account *c = account_new(3, 1000);
    assert_int_equal(a->legacy_claims, CLAIM_LEGACY_HOST);
    assert_int_equal(claim_set_legacy(c, CLAIM_LEGACY_HOST), CLAIM_LEGACY_AFFINITY);
}

/* A host-wide promise to another holds back pages of the nodes too: then it is refused, whatever node has room. */
TEST(legacy_claim_leaves_what_the_host_has_promised)
{
    follow(a, BIT(1), CLAIM_LEGACY_AFFINITY);
    b->max_pages = ~0ull;
    assert_int_equal(claim_install_legacy(b, 3 * NODE_PAGES - 50), 0);
    assert_int_equal(claim_install_legacy(a, 51), -ENOMEM);
    assert_int_equal(claim_install_legacy(a, 50), 0);
    expect_claims(a, 0, 0, 50);
}

FIXTURE(setup, accounts_unmake)

/*
 * XENMEM_claim_pages, arguments and amounts: the order of the checks, absolute counts, release.
 * docs/hypervisor-guide/mm/claims.md section 2. What populating does with a claim is in cases_redeem.c.
 */
#include <tests/guests/conformance/cases.h>
#include <lib/string.h>

#define CALL "memory_op.claim_pages"

/* claims.md CL-2.3 to CL-2.5. */
static void arguments(u32 domid)
{
    struct xen_memory_reservation good = {.nr_extents = 100, .domid = (domid_t)domid}, r, *edge;
    xen_pfn_t list = 0;

    watch(domid, WATCH_DOMAIN | WATCH_HOST);
    CASE(CALL, "null", memory_op(XENMEM_claim_pages, bad_ptr()));
    CASE(CALL, "no_memory", memory_op(XENMEM_claim_pages, hole_ptr()));
    edge = edge_ptr(sizeof(good) - 1);
    memcpy(edge, &good, sizeof(good) - 1);
    CASE(CALL, "one_byte_over_the_edge", memory_op(XENMEM_claim_pages, edge));
    edge = edge_ptr(sizeof(good));
    *edge = good;
    CASE(CALL, "fits_to_the_edge", memory_op(XENMEM_claim_pages, edge));
    claim(domid, 0);
    CASE(CALL, "start_extent", memory_op(XENMEM_claim_pages | 1u << MEMOP_EXTENT_SHIFT, &good));
    CASE(CALL, "start_extent_and_bad_pointer",
         memory_op(XENMEM_claim_pages | 1u << MEMOP_EXTENT_SHIFT, bad_ptr()));
    CASE(CALL, "cmd_above_32_bits", memory_op(1ull << 32 | XENMEM_claim_pages, &good));
    claim(domid, 0);
    r = good;
    r.extent_start = XEN_HANDLE(&list);
    CASE(CALL, "extent_start", memory_op(XENMEM_claim_pages, &r));
    r = good;
    r.extent_order = 1;
    CASE(CALL, "order_1", memory_op(XENMEM_claim_pages, &r));
    r.nr_extents = 0;
    CASE(CALL, "order_1_release", memory_op(XENMEM_claim_pages, &r));
    r = good;
    r.mem_flags = XENMEMF_exact_node(0);
    CASE(CALL, "flags_exact_node", memory_op(XENMEM_claim_pages, &r));
    r.mem_flags = 1;
    CASE(CALL, "flags_address_bits", memory_op(XENMEM_claim_pages, &r));
    r.domid = DOMID_UNKNOWN;
    CASE(CALL, "flags_and_unknown_domain", memory_op(XENMEM_claim_pages, &r));
}

/* claims.md CL-2.6. */
static void domains(void)
{
    static const struct {
        const char *name;
        u32 domid;
    } others[] = {
        {"unknown_domain", DOMID_UNKNOWN}, {"domid_self", DOMID_SELF}, {"domid_io", DOMID_IO},
        {"domid_xen", DOMID_XEN},          {"domid_cow", DOMID_COW},   {"domid_invalid", DOMID_INVALID},
        {"domid_above", 0xffff},
    };

    watch(0, WATCH_HOST);
    for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
        char release[64];
        snprintf(release, sizeof(release), "%s_release", others[i].name);
        CASE(CALL, others[i].name, claim(others[i].domid, 1));
        CASE(CALL, release, claim(others[i].domid, 0));
    }
    CASE(CALL, "domain_0_one_page", claim(0, 1));
    CASE(CALL, "domain_0_release", claim(0, 0));
}

/* claims.md CL-1.8, CL-2.9, CL-2.10, CL-2.12, CL-2.15. */
static void amounts(u32 domid)
{
    static const struct {
        const char *name;
        u64 pages;
    } wrong[] = {
        {"max_plus_1", 1025},
        {"2_to_31", 1ull << 31},
        {"2_to_32", 1ull << 32},
        {"2_to_32_plus_1", 1ull << 32 | 1},
        {"2_to_52", 1ull << 52},
        {"2_to_63", 1ull << 63},
        {"2_to_63_plus_1", 1ull << 63 | 1},
        {"minus_1", ~0ull},
    };

    watch(domid, WATCH_DOMAIN | WATCH_HOST);
    CASE(CALL, "release_without_claim", claim(domid, 0));
    for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
        CASE(CALL, wrong[i].name, claim(domid, wrong[i].pages));
    CASE(CALL, "one_page", claim(domid, 1));
    CASE(CALL, "again_the_same", claim(domid, 1));
    CASE(CALL, "again_more", claim(domid, 2));
    CASE(CALL, "again_more_than_max", claim(domid, 1025));
    CASE(CALL, "release", claim(domid, 0));
    CASE(CALL, "release_twice", claim(domid, 0));
    CASE(CALL, "max", claim(domid, 1024));
    CASE("domctl.max_mem", "below_the_claim", set_max(domid, 512));
    CASE(CALL, "release_above_max", claim(domid, 0));
    CASE(CALL, "above_the_new_max", claim(domid, 1024));
    CASE("domctl.max_mem", "zero", set_max(domid, 0));
    CASE(CALL, "max_is_zero", claim(domid, 1));
    CASE(CALL, "max_is_zero_release", claim(domid, 0));
    set_max(domid, 1024);
}

/* A count is the total that the domain shall reach. claims.md CL-2.1, CL-2.11. */
static void absolute(u32 domid)
{
    watch(domid, WATCH_DOMAIN | WATCH_HOST);
    CASE(POPULATE, "512_pages_without_claim", domain_populate(domid, 512, 9, NODE_ANY));
    CASE(CALL, "less_than_it_has", claim(domid, 511));
    CASE(CALL, "what_it_has", claim(domid, 512));
    CASE(CALL, "one_more_than_it_has", claim(domid, 513));
    CASE(POPULATE, "redeems_the_one", domain_populate(domid, 0, 0, NODE_ANY));
    CASE(CALL, "what_it_has_now", claim(domid, 513));
    CASE(CALL, "up_to_max", claim(domid, 1024));
    CASE("domctl.max_mem", "below_tot_with_a_claim", set_max(domid, 100));
    CASE(POPULATE, "above_max_with_a_claim", domain_populate(domid, 1, 0, NODE_ANY));
    CASE("domctl.max_mem", "back", set_max(domid, 1024));
    CASE(CALL, "release_with_memory", claim(domid, 0));
}

void cases_claim(void)
{
    u32 domid = domain_new(1024);

    arguments(domid);
    domains();
    amounts(domid);
    absolute(domid);
    domain_end(domid);
}

/* domctl: max_mem and the paging pool in both its forms. Pages are 4 KiB, the pool's size is in bytes. */
#include <tests/guests/conformance/cases_domain.h>

static long max_mem(u32 domid, u64 kib)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_mem, .domain = (domid_t)domid, .u.max_mem.max_memkb = kib};

    return domctl(&op);
}

static void limits(void)
{
    u32 domid = domain_new(16);

    watch(domid, WATCH_DOMAIN);
    CASE("domctl.max_mem", "one_page", max_mem(domid, 4));
    CASE("domctl.max_mem", "a_page_and_a_bit", max_mem(domid, 11));
    CASE("domctl.max_mem", "less_than_a_page", max_mem(domid, 3));
    CASE("domctl.max_mem", "zero", max_mem(domid, 0));
    CASE("domctl.max_mem", "bits_0_to_31", max_mem(domid, 0xffffffff));
    CASE("domctl.max_mem", "bit_33", max_mem(domid, 1ull << 33));
    CASE("domctl.max_mem", "pages_of_32_bits", max_mem(domid, 0xffffffffull << 2));
    CASE("domctl.max_mem", "one_page_more", max_mem(domid, 1ull << 34));
    CASE("domctl.max_mem", "all_ones", max_mem(domid, ~0ull));
    CASE("domctl.max_mem", "eight_pages", max_mem(domid, 32));
    CASE("memory_op.populate_physmap", "up_to_the_limit", domain_populate(domid, 0, 3, NODE_ANY));
    CASE("memory_op.populate_physmap", "one_above_the_limit", domain_populate(domid, 8, 0, NODE_ANY));
    CASE("domctl.max_mem", "below_what_it_has", max_mem(domid, 16));
    CASE("memory_op.populate_physmap", "below_what_it_has", domain_populate(domid, 8, 0, NODE_ANY));
    CASE("domctl.max_mem", "nine_pages", max_mem(domid, 36));
    CASE("memory_op.populate_physmap", "the_ninth", domain_populate(domid, 8, 0, NODE_ANY));
    domain_end(domid);
}

static long set_pool(u32 domid, u64 size)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_set_paging_mempool_size, .domain = (domid_t)domid, .u.paging_mempool.size = size};

    return domctl(&op);
}

static u32 without_pool(u32 vcpus)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);
    u32 domid = 0;

    long rc = xc_domain_create(xch, &domid, &config);
    if (!rc && vcpus)
        rc = xc_domain_max_vcpus(xch, domid, vcpus);
    if (!rc)
        rc = max_mem(domid, 4096);
    if (rc)
        give_up("making a domain", rc);
    return domid;
}

static void pool(void)
{
    u32 domid = without_pool(1);
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_paging_mempool_size, .domain = (domid_t)domid};

    CASE_SHOW("domctl.get_paging_mempool_size", "new", domctl(&op), " size=%lu", op.u.paging_mempool.size);
    watch(domid, WATCH_DOMAIN);
    CASE("domctl.set_paging_mempool_size", "2_mib", set_pool(domid, MIB(2)));
    CASE("domctl.set_paging_mempool_size", "a_page_more", set_pool(domid, MIB(2) + PAGE_SIZE));
    CASE("domctl.set_paging_mempool_size", "the_same", set_pool(domid, MIB(2) + PAGE_SIZE));
    CASE("domctl.set_paging_mempool_size", "a_page_less", set_pool(domid, MIB(2)));
    CASE("domctl.set_paging_mempool_size", "a_byte_more", set_pool(domid, MIB(2) + 1));
    CASE("domctl.set_paging_mempool_size", "a_byte_less_than_a_page", set_pool(domid, PAGE_SIZE - 1));
    CASE("domctl.set_paging_mempool_size", "pages_of_32_bits_and_one", set_pool(domid, 1ull << 44));
    CASE("domctl.set_paging_mempool_size", "bit_63", set_pool(domid, 1ull << 63));
    CASE("domctl.set_paging_mempool_size", "all_ones", set_pool(domid, ~0ull));
    CASE("domctl.set_paging_mempool_size", "high_pages", set_pool(domid, (1ull << 44) + MIB(1)));
    /* The rest needs memory at frames far apart, for tables. */
    CASE("memory_op.populate_physmap", "first_gib", domain_populate(domid, 0, 0, NODE_ANY));
    CASE("memory_op.populate_physmap", "second_gib", domain_populate(domid, 1 << 18, 0, NODE_ANY));
    CASE("domctl.set_paging_mempool_size", "to_1_mib", set_pool(domid, MIB(1)));
    domain_end(domid);
}

/* Less than the tables need: nothing may be lost, and the rest of the pool is as Xen or Homestead leave it.
 */
static void pool_in_use(void)
{
    u32 domid = without_pool(1);
    u64 after;

    if (set_pool(domid, MIB(1)) || domain_populate(domid, 0, 0, NODE_ANY) != 1)
        give_up("filling a pool", 0);
    watch(domid, WATCH_NOTHING);
    long rc = set_pool(domid, 0);
    xc_get_paging_mempool_size(xch, domid, &after);
    CASE_SHOW("domctl.set_paging_mempool_size", "zero_with_tables_in_use", rc, " pool=%s",
              after == MIB(1) ? "as_before"
              : after         ? "smaller"
                              : "gone");
    CASE("domctl.set_paging_mempool_size", "back", set_pool(domid, MIB(1)));
    CASE("memory_op.populate_physmap", "after_that", domain_populate(domid, 1, 0, NODE_ANY));
    domain_end(domid);
}

/* Without tables in use the pool can shrink to 0; then no memory can be mapped. */
static void pool_empty(void)
{
    u32 domid = without_pool(1);
    u64 before, after;

    if (set_pool(domid, MIB(1)))
        give_up("setting a pool", 0);
    xc_get_paging_mempool_size(xch, domid, &before);
    long rc = set_pool(domid, PAGE_SIZE);
    xc_get_paging_mempool_size(xch, domid, &after);
    CASE_SHOW("domctl.set_paging_mempool_size", "one_page", rc, " pool=%s",
              after < before ? "smaller" : "as_before");
    domain_end(domid);
}

/* More than the memory of any host. */
static void pool_too_large(void)
{
    u32 domid = without_pool(1);
    u64 after;

    if (set_pool(domid, MIB(1)))
        give_up("setting a pool", 0);
    case_begin();
    long rc = set_pool(domid, 1ull << 42);
    xc_get_paging_mempool_size(xch, domid, &after);
    case_end("domctl.set_paging_mempool_size", "4_tib", rc, " pool=%s",
             after == MIB(1) ? "as_before" : "grown");
    domain_end(domid);
}

static long shadow(u32 domid, u32 command, u32 *mb)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_shadow_op, .domain = (domid_t)domid, .u.shadow_op = {.op = command, .mb = *mb}};

    long rc = domctl(&op);
    *mb = op.u.shadow_op.mb;
    return rc;
}

static void shadow_case(const char *name, u32 domid, u32 command, u32 mb)
{
    CASE_SHOW("domctl.shadow_op", name, shadow(domid, command, &mb), " mb=%u", mb);
}

static void allocation(void)
{
    u32 domid = without_pool(0);

    shadow_case("get_without_vcpus", domid, XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION, 9);
    shadow_case("set_without_vcpus", domid, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, 2);
    xc_domain_max_vcpus(xch, domid, 1);
    watch(domid, WATCH_DOMAIN);
    shadow_case("get", domid, XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION, 9);
    shadow_case("set_2", domid, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, 2);
    shadow_case("get_after_set", domid, XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION, 9);
    CASE("domctl.set_paging_mempool_size", "2_mib_and_a_page", set_pool(domid, MIB(2) + PAGE_SIZE));
    shadow_case("get_rounds_up", domid, XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION, 9);
    shadow_case("set_1", domid, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, 1);
    shadow_case("set_pages_of_32_bits_and_one", domid, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, 1u << 24);
    shadow_case("operation_29", domid, 29, 1);
    shadow_case("operation_32", domid, 32, 1);
    shadow_case("operation_all_ones", domid, ~0u, 1);
    domain_end(domid);
}

void domctl_memory(void)
{
    limits();
    pool();
    pool_in_use();
    pool_empty();
    pool_too_large();
    allocation();
    watch(0, WATCH_NOTHING);
}

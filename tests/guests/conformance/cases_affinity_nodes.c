/* The nodes a domain's memory comes from: setnodeaffinity and getnodeaffinity. Printed for nodes 0 and 1. */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/string.h>

#define MAP_BYTES 8192u
#define UNTOUCHED 0xaau
#define NODES     3u /* 0 and 1 */

static u8 map[MAP_BYTES];

static long node_op(u32 cmd, u32 domid, void *bitmap, u32 nr_bits)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};

    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){.bitmap = XEN_HANDLE(bitmap), .nr_bits = nr_bits};
    return domctl(&op);
}

static long set(u32 domid, void *bitmap, u32 nr_bits)
{
    return node_op(XEN_DOMCTL_setnodeaffinity, domid, bitmap, nr_bits);
}

static long get(u32 domid, void *bitmap, u32 nr_bits)
{
    return node_op(XEN_DOMCTL_getnodeaffinity, domid, bitmap, nr_bits);
}

static u32 read_back(u32 domid)
{
    memset(map, 0, sizeof(map));
    get(domid, map, 64);
    return map[0];
}

static void set_case(const char *name, u32 domid, u64 nodes, u32 nr_bits)
{
    memset(map, 0, sizeof(map));
    memcpy(map, &nodes, sizeof(nodes));
    case_begin();
    long rc = set(domid, map, nr_bits);
    u32 given = map[0], now = read_back(domid);
    case_end("domctl.setnodeaffinity", name, rc, " map=%x then=%x", given, now & NODES);
}

static void get_case(const char *name, u32 domid, u32 nr_bits)
{
    u32 written = 0;

    memset(map, UNTOUCHED, sizeof(map));
    case_begin();
    long rc = get(domid, map, nr_bits);
    while (written < MAP_BYTES && map[written] != UNTOUCHED)
        written++;
    case_end("domctl.getnodeaffinity", name, rc, " map=%x written=%u", map[0], written);
}

static void maps(u32 domid)
{
    get_case("new", domid, 64);
    set_case("node_0", domid, 1, 64);
    set_case("node_1", domid, 2, 64);
    set_case("both_nodes", domid, 3, 64);
    set_case("node_1_again", domid, 2, 64);
    set_case("empty", domid, 0, 64);
    set_case("no_such_node", domid, 1ull << 40, 64);
    set_case("node_0_and_no_such_node", domid, 1ull << 40 | 1, 64);
    set_case("all_ones", domid, ~0ull, 64);
    set_case("all_ones_but_the_last", domid, ~0ull >> 1, 64);
}

static void lengths(u32 domid)
{
    set_case("node_1_first", domid, 2, 64);
    set_case("bits_0", domid, 3, 0);
    set_case("bits_1", domid, 3, 1);
    set_case("bits_1_of_node_1", domid, 2, 1);
    set_case("bits_2", domid, 2, 2);
    set_case("bits_7", domid, 1, 7);
    set_case("bits_63", domid, 2, 63);
    set_case("bits_65", domid, 1, 65);
    set_case("bits_32768", domid, 2, 32768);
    set_case("bits_32769", domid, 1, 32769);
    set_case("bits_back", domid, 3, 64);
    get_case("bits_0", domid, 0);
    get_case("bits_1", domid, 1);
    get_case("bits_7", domid, 7);
    get_case("bits_9", domid, 9);
    get_case("bits_64", domid, 64);
    get_case("bits_65", domid, 65);
    get_case("bits_1024", domid, 1024);
    get_case("bits_32768", domid, 32768);
    get_case("bits_32769", domid, 32769);
}

static void pointer_cases(const char *call, u32 cmd, u32 domid)
{
    u8 *edge = edge_ptr(1);

    CASE(call, "null_bits_0", node_op(cmd, domid, NULL, 0));
    CASE(call, "not_mapped", node_op(cmd, domid, bad_ptr(), 64));
    CASE(call, "not_mapped_bits_0", node_op(cmd, domid, bad_ptr(), 0));
    CASE(call, "no_memory", node_op(cmd, domid, hole_ptr(), 64));
    *edge = 3;
    CASE(call, "fits_to_the_edge", node_op(cmd, domid, edge, 8));
    *edge = 3;
    CASE(call, "one_bit_over_the_edge", node_op(cmd, domid, edge, 9));
    *edge = 3;
    CASE(call, "bits_all_ones_over_the_edge", node_op(cmd, domid, edge, ~0u));
    *edge = 3;
    CASE(call, "bits_2_to_31_over_the_edge", node_op(cmd, domid, edge, 1u << 31));
    CASE_SHOW(call, "then", 0, " map=%x", read_back(domid) & NODES);
}

/* Without "exact" the node depends on where memory is clean at this moment; so only exact requests are
 * printed. */
static void memory(void)
{
    u32 domid = domain_new(1024);

    set_case("memory_node_0", domid, 1, 64);
    watch(domid, WATCH_DOMAIN);
    CASE("memory_op.populate_physmap", "wish_for_node_0", domain_populate(domid, 0, 3, NODE_ANY));
    watch(domid, WATCH_DOMAIN | WATCH_NODES);
    CASE("memory_op.populate_physmap", "exact_node_beats_the_wish", domain_populate(domid, 8, 3, 1));
    watch(domid, WATCH_NOTHING);
    set_case("own_domain", 0, 3, 64);
    domain_end(domid);
}

void affinity_nodes(void)
{
    u32 domid = domain_new(64);

    maps(domid);
    lengths(domid);
    pointer_cases("domctl.setnodeaffinity", XEN_DOMCTL_setnodeaffinity, domid);
    pointer_cases("domctl.getnodeaffinity", XEN_DOMCTL_getnodeaffinity, domid);
    domain_end(domid);
    memory();
}

/*
 * The HMAT, the order of nodes that follows from it, and the MSCT's limits.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

static struct table hmat_table, srat_table, slit_table, msct_table;
static struct acpi_srat srat;
static struct acpi_hmat hmat;
static struct acpi_info info;

#define ACCESS_LATENCY   0
#define READ_LATENCY     1
#define WRITE_LATENCY    2
#define ACCESS_BANDWIDTH 3
#define READ_BANDWIDTH   4

static const u32 pxms[] = {3, 5, 7, 9};

/* Four nodes; PXM 3 is node 0, and so on; node 3 has no CPU. SLIT: 10 on the diagonal, 20 elsewhere. */
static void setup(void)
{
    static u8 distances[100];

    forget_said();
    srat_start(&srat_table, 3);
    for (u32 i = 0; i < 4; i++) {
        srat_mem(&srat_table, pxms[i], GIB(i), GIB(1), 1);
        if (i < 3)
            srat_cpu(&srat_table, pxms[i], (u8)i, 1);
    }
    table_finish(&srat_table);
    assert_int_equal(acpi_srat_parse(&srat, srat_table.bytes, srat_table.len, NULL), 0);
    for (u32 i = 0; i < 100; i++)
        distances[i] = i % 11 == 0 ? 10 : 20;
    slit_build(&slit_table, 10, distances);
    hmat_start(&hmat_table, 2);
    table_start(&msct_table, "NONE", 0, 0);
}

static void distance_set(u32 from, u32 to, u8 value)
{
    slit_table.bytes[44 + pxms[from] * 10 + pxms[to]] = value;
    table_checksum(&slit_table);
}

static int parse(void)
{
    table_finish(&hmat_table);
    u8 *copy = tight(hmat_table.bytes, hmat_table.len);

    memset(&hmat, 0xa5, sizeof(hmat));
    int rc = acpi_hmat_parse(&hmat, &srat, copy, hmat_table.len);
    free(copy);
    if (rc) {
        assert_int_equal(nr_warnings, 1);
        assert_int_equal(hmat.nr_pairs + hmat.revision + hmat.nr_caches, 0);
    }
    return rc;
}

/* All tables together; the HMAT is finished here. */
static void machine(void)
{
    table_finish(&hmat_table);
    struct acpi_inputs in = {
        .slit = {slit_table.bytes, slit_table.len},
        .hmat = {hmat_table.bytes, hmat_table.len},
        .msct = {msct_table.len ? msct_table.bytes : NULL, msct_table.len},
        .nr_srats = 1,
        .srat = {{srat_table.bytes, srat_table.len}},
    };

    acpi_inputs_read(&info, &in);
    assert_null(topology_wrong(&info.topology));
}

static void assert_order(nodeid_t from, u32 a, u32 b, u32 c, u32 d)
{
    const u8 *near = info.topology.near[from];

    if (near[0] != a || near[1] != b || near[2] != c || near[3] != d)
        fail_msg("order around %u is %u %u %u %u", from, near[0], near[1], near[2], near[3]);
}

TEST(values_are_read)
{
    static const u16 latency[] = {1, 2, 0, 0xffff, 2, 1, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0};
    static const u16 access[] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0};

    for (u8 revision = 1; revision <= 2; revision++) {
        setup();
        hmat_start(&hmat_table, revision);
        hmat_attached(&hmat_table, 9, 5, revision == 1 ? 3 : 1);
        hmat_attached(&hmat_table, 7, 5, 0); /* says nothing */
        hmat_matrix(&hmat_table, ACCESS_LATENCY, 100, 4, pxms, access);
        hmat_matrix(&hmat_table, READ_LATENCY, 1000, 4, pxms,
                    latency); /* later in the table, and still preferred */
        hmat_matrix(&hmat_table, WRITE_LATENCY, 1, 4, pxms, access);
        hmat_matrix(&hmat_table, ACCESS_BANDWIDTH, 8, 4, pxms, latency);
        FIELDS(&hmat_table, "44888", 2, 32, 3, 0, 0); /* a memory-side cache */
        FIELDS(&hmat_table, "44", 77, 8);             /* an unknown type */
        assert_int_equal(parse(), 0);
        assert_int_equal(nr_warnings, 0);
        assert_int_equal(hmat.revision, revision);
        assert_true(hmat.latency[0][1] == 2000 && hmat.latency[1][3] == 5000);
        assert_true(hmat.latency[0][2] == 900); /* 0 in the better table: unknown there */
        assert_true(hmat.latency[0][3] == HMAT_UNREACHABLE);
        assert_true(hmat.latency[3][0] == 0);
        assert_true(hmat.bandwidth[0][1] == 16 && hmat.bandwidth[0][3] == 0);
        assert_int_equal(hmat.nr_pairs, 12);
        assert_int_equal(hmat.nr_caches, 1);
        assert_int_equal(hmat.initiator[3], 1);
        assert_int_equal(hmat.initiator[2], NODE_NONE);
    }
}

TEST(other_hierarchies_units_and_pxms_are_left_out)
{
    static const u16 one[] = {1, 1, 1, 1};
    static const u32 strange[] = {3, 1000};

    hmat_matrix(&hmat_table, READ_LATENCY, 0, 2, pxms, one);
    hmat_matrix(&hmat_table, READ_LATENCY, 1ull << 41, 2, pxms, one);
    u32 at = hmat_table.len;
    hmat_matrix(&hmat_table, READ_LATENCY, 7, 2, pxms, one);
    hmat_table.bytes[at + 8] = 1; /* behind a memory-side cache */
    hmat_matrix(&hmat_table, READ_LATENCY, 7, 2, strange, one);
    assert_int_equal(parse(), 0);
    assert_int_equal(hmat.nr_pairs, 1);
    assert_true(hmat.latency[0][0] == 7);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("2 structures with an impossible base unit"));
}

TEST(broken_lengths_refuse_the_table)
{
    static const u16 one[] = {1, 1, 1, 1};
    static const struct {
        u32 offset, value;
    } bad[] = {
        {4, 0},  {4, 7},  {4, 31},          {4, 32 + 16 + 7}, {4, 32 + 16 + 9}, {4, 0xffffffff},
        {12, 3}, {16, 3}, {12, 0xffffffff}, {16, 0xffffffff}, {12, 0x80000000}, {12, 0x10000},
    };

    for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
        setup();
        hmat_matrix(&hmat_table, READ_LATENCY, 7, 2, pxms, one);
        poke(&hmat_table, 40 + bad[i].offset, bad[i].value, 4);
        assert_int_equal(parse(), -EINVAL);
        assert_true(said("broken structure at byte 40"));
    }
    setup();
    hmat_attached(&hmat_table, 3, 3, 1);
    put(&hmat_table, 0, 5); /* a rest too small for a structure */
    assert_int_equal(parse(), -EINVAL);
    assert_true(said("broken structure at byte 80"));
    setup();
    hmat_start(&hmat_table, 0);
    assert_int_equal(parse(), -EINVAL);
}

TEST(order_without_hmat_is_by_distance_then_id)
{
    hmat_table.len = 0;
    distance_set(0, 3, 11);
    distance_set(2, 1, 255);
    struct acpi_inputs in = {.slit = {slit_table.bytes, slit_table.len},
                             .nr_srats = 1,
                             .srat = {{srat_table.bytes, srat_table.len}}};
    acpi_inputs_read(&info, &in);
    assert_false(info.topology.have_hmat);
    assert_order(0, 0, 3, 1, 2);
    assert_order(1, 1, 0, 2, 3);
    assert_order(2, 2, 0, 3, 1);
    in.slit.bytes = NULL;
    acpi_inputs_read(&info, &in);
    assert_order(2, 2, 0, 1, 3);
}

TEST(order_follows_latency_then_bandwidth)
{
    static const u16 latency[] = {10, 40, 20, 30, 40, 10, 30, 30, 0xffff, 5, 90, 5, 0, 0, 0, 0};
    static const u16 bandwidth[] = {1, 1, 1, 1, 1, 1, 50, 60, 1, 1, 1, 1, 1, 1, 1, 1};

    hmat_matrix(&hmat_table, READ_LATENCY, 1000, 4, pxms, latency);
    hmat_matrix(&hmat_table, READ_BANDWIDTH, 1000, 4, pxms, bandwidth);
    hmat_attached(&hmat_table, 9, 5, 1);
    distance_set(0, 1, 11); /* the SLIT says otherwise and does not count */
    machine();
    assert_true(info.topology.have_hmat);
    assert_order(0, 0, 2, 3, 1);
    assert_order(1, 1, 3, 2, 0); /* equals by bandwidth */
    assert_order(2, 2, 1, 3, 0); /* itself first whatever the table says; equals by id; unreachable last */
    assert_order(3, 3, 1, 2, 0); /* as from node 1, which it is attached to */
    assert_true(said("12 latencies order the nodes around 4 of 4"));
}

/* Latencies from node 0 only: what they do not cover is scaled from the SLIT. */
TEST(pairs_beyond_the_hmat_are_scaled_from_the_slit)
{
    static const struct {
        u64 unit;
        u16 latency[16], bandwidth[16];
        u8 distance[4]; /* from node 0, 0: 20 */
        u8 order[4];    /* around node 0 */
    } cases[] = {
        {1, {100, 250}, {0}, {0, 0, 21, 28}, {0, 2, 1, 3}}, /* 210 and 280 */
        {1ull << 40,
         {0, 300},
         {0},
         {0, 30, 31, 29},
         {0, 3, 1, 2}}, /* no memory of its own: 10 are 100 units */
        {1,
         {0, 1},
         {0, 0, 5},
         {0, 30, 11, 0},
         {0, 2, 3, 1}}, /* 11 / 30 of 1 rounds to nothing: itself is nearest */
        {1, {10, 10000}, {0}, {0, 0, 255, 0}, {0, 3, 1, 2}}, /* unreachable by the SLIT is last */
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        const u8 *order = cases[i].order;

        setup();
        hmat_matrix(&hmat_table, ACCESS_LATENCY, cases[i].unit, 4, pxms, cases[i].latency);
        hmat_matrix(&hmat_table, ACCESS_BANDWIDTH, 1, 4, pxms, cases[i].bandwidth);
        for (u32 to = 1; to < 4; to++)
            if (cases[i].distance[to])
                distance_set(0, to, cases[i].distance[to]);
        distance_set(1, 0, 30);
        machine();
        assert_order(0, order[0], order[1], order[2], order[3]);
        assert_order(1, 1, 2, 3, 0); /* by the SLIT alone */
        assert_true(said("around 1 of 4"));
    }
}

TEST(useless_hmat_is_said)
{
    machine();
    assert_false(info.topology.have_hmat);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("no latency between nodes, the order is by SLIT"));
}

TEST(msct_is_never_believed_over_the_srat)
{
    static const struct {
        u32 max_pxm;
        u64 max_maddr;
        u32 warnings;
    } cases[] = {
        {3, GIB(4) - 1, 0}, {2, 0, 1}, {0xffffffff, 0, 0}, {63, GIB(4) - 2, 1}, {0, 1, 2},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        setup();
        msct_build(&msct_table, cases[i].max_pxm, cases[i].max_maddr);
        machine();
        assert_int_equal(nr_warnings, 1 + cases[i].warnings); /* and the empty HMAT */
        assert_int_equal(said("SRAT is believed"), cases[i].warnings > 0);
        assert_int_equal(info.topology.nr_nodes, 4);
        assert_true(info.msct.found && info.msct.max_pxms == cases[i].max_pxm + 1ull);
    }
    setup();
    msct_build(&msct_table, 3, 0);
    msct_table.bytes[50] ^= 1;
    machine();
    assert_true(said("MSCT: wrong checksum"));
    assert_int_equal(info.topology.nr_nodes, 4);
    assert_false(info.msct.found);
}

TEST(devices_are_recorded)
{
    const struct topology_device *d = info.topology.devices;

    srat_device(&srat_table, 5, 7, 1, 0x0102030405060708, 1);
    srat_device(&srat_table, 6, 0x1000, 0, 0x31, 3); /* no node: nothing but this names it */
    srat_device(&srat_table, 5, 3, 1, 0, 2);         /* disabled */
    FIELDS(&srat_table, "116", 5, 8, 0);             /* damaged: too short */
    FIELDS(&srat_table, "1182", 4, 12, 0, 0);        /* ITS */
    table_finish(&srat_table);
    machine();
    assert_int_equal(info.topology.nr_nodes, 4);
    assert_int_equal(info.topology.nr_devices, 2);
    assert_true(d[0].kind == DEVICE_GENERIC_INITIATOR && d[0].nid == 2 && d[0].handle_type == 1);
    assert_true(d[0].handle[0] == 8 && d[0].handle[7] == 1 && d[0].handle[8] == 0);
    assert_true(d[1].kind == DEVICE_GENERIC_PORT && d[1].nid == NODE_NONE && d[1].pxm == 0x1000);
    assert_true(said("1 generic initiators or ports too short"));
    assert_true(said("1 entries of types that mean nothing here, as type 4, skipped"));
    for (u32 i = 0; i < TOPOLOGY_MAX_DEVICES; i++)
        srat_device(&srat_table, 6, 3, 0, i, 1);
    table_finish(&srat_table);
    machine();
    assert_int_equal(info.topology.nr_devices, TOPOLOGY_MAX_DEVICES);
    assert_true(said("2 generic initiators or ports more than the 64 supported"));
    acpi_topology_flatten(&info.topology);
    assert_null(topology_wrong(&info.topology));
}

FIXTURE(setup, NULL)

/*
 * acpi_init() over a whole machine's memory, and the topology it builds.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

static struct memory mem;
static const struct acpi_mapper mapper = {.map = memory_map, .ctx = &mem};
static struct acpi_info info;
static struct table xsdt, madt, fadt, slit, srat, bad_srat;
static u8 rsdp[36];

#define RSDP  0xf5000
#define XSDT  0x1000000
#define MADT  0x1100000
#define FADT  0x1200000
#define SLIT  0x1300000
#define SRAT1 0x1400000
#define SRAT2 0x1500000

/* PXM 2 and 5; CPU APIC ids 0, 2 on PXM 2 and 4, 300 on PXM 5; localities 0 to 5. */
static void machine_build(void)
{
    static u8 distances[36];

    madt_start(&madt, 0xfee00000);
    madt_lapic(&madt, 0, 4, 1);
    madt_lapic(&madt, 1, 0, 1);
    madt_lapic(&madt, 2, 2, 1);
    madt_lapic(&madt, 3, 6, 0);
    madt_x2apic(&madt, 4, 300, 1);
    table_finish(&madt);

    srat_start(&srat, 3);
    srat_cpu(&srat, 5, 4, 1);
    srat_cpu(&srat, 2, 0, 1);
    srat_cpu(&srat, 2, 2, 1);
    srat_x2apic(&srat, 5, 300, 1);
    srat_mem(&srat, 5, 0, GIB(2), 1);
    srat_mem(&srat, 2, GIB(4), GIB(2), 1);
    table_finish(&srat);

    bad_srat = srat;
    bad_srat.len = 48;
    put(&bad_srat, 0, 24);
    table_finish(&bad_srat);

    for (u32 i = 0; i < 36; i++)
        distances[i] = i % 7 == 0 ? 10 : (u8)(100 + i);
    slit_build(&slit, 6, distances);

    table_start(&fadt, "FACP", 3, 244);
    poke(&fadt, 112, 1u << 10, 4);
    poke(&fadt, 116, 0x0801, 4);
    poke(&fadt, 120, 0xcf9, 8);
    fadt.bytes[128] = 6;
    table_finish(&fadt);

    table_start(&xsdt, "XSDT", 1, 36);
    put(&xsdt, FADT, 8);
    put(&xsdt, MADT, 8);
    put(&xsdt, SRAT1, 8);
    put(&xsdt, SRAT2, 8);
    put(&xsdt, SLIT, 8);
    table_finish(&xsdt);
    rsdp_build(rsdp, 2, 0, XSDT);
}

static void machine_map(const struct table *srat1, const struct table *srat2)
{
    memory_reset(&mem);
    memory_add(&mem, RSDP, rsdp, sizeof(rsdp));
    memory_add(&mem, XSDT, xsdt.bytes, xsdt.len);
    memory_add(&mem, MADT, madt.bytes, madt.len);
    memory_add(&mem, FADT, fadt.bytes, fadt.len);
    memory_add(&mem, SLIT, slit.bytes, slit.len);
    if (srat1)
        memory_add(&mem, SRAT1, srat1->bytes, srat1->len);
    if (srat2)
        memory_add(&mem, SRAT2, srat2->bytes, srat2->len);
}

static void setup(void)
{
    machine_build();
    forget_said();
    memset(&info, 0xa5, sizeof(info));
}

static void teardown(void)
{
    memory_reset(&mem);
}

static int init(u64 rsdp_maddr)
{
    int rc = acpi_init(&info, &mapper, rsdp_maddr);
    const char *wrong = topology_wrong(&info.topology);

    if (wrong)
        fail_msg("%s", wrong);
    return rc;
}

static void init_with(const struct table *srat1, const struct table *srat2)
{
    forget_said();
    machine_map(srat1, srat2);
    assert_int_equal(init(RSDP), 0);
}

static void assert_whole_machine(void)
{
    /* The MADT's order, without the empty socket. */
    static const struct topology_cpu cpus[] = {{4, 0, 1}, {0, 1, 0}, {2, 2, 0}, {300, 4, 1}};
    const struct topology *t = &info.topology;

    assert_true(info.found && info.have_madt && info.have_fadt);
    assert_true(t->have_srat && t->have_slit);
    assert_true(t->nr_nodes == 2 && t->pxm[0] == 2 && t->pxm[1] == 5);
    assert_true(t->nr_ranges == 2 && t->ranges[0].nid == 1 && t->ranges[1].nid == 0);
    assert_int_equal(t->nr_cpus, ARRAY_SIZE(cpus));
    for (u32 i = 0; i < ARRAY_SIZE(cpus); i++)
        assert_true(t->cpus[i].apic_id == cpus[i].apic_id && t->cpus[i].acpi_uid == cpus[i].acpi_uid &&
                    t->cpus[i].nid == cpus[i].nid);
    assert_int_equal(t->distance[0][1], 100 + 2 * 6 + 5);
    assert_int_equal(t->distance[1][0], 100 + 5 * 6 + 2);
    assert_true(info.fadt.has_reset);
    assert_int_equal(info.fadt.reset.address, 0xcf9);
    assert_int_equal(info.fadt.reset_value, 6);
    assert_int_equal(info.madt.lapic_base, 0xfee00000);
    assert_string_equal(info.tables.oem_id, "HOMEST");
}

TEST(whole_machine)
{
    init_with(&srat, NULL);
    assert_whole_machine();
    assert_int_equal(nr_warnings, 1); /* SRAT2 in the XSDT is unreadable */
    assert_true(said("1 of 5 tables"));
}

TEST(rsdp_is_searched_for)
{
    u8 *rom = calloc(1, 0x20000);

    machine_map(&srat, NULL);
    memcpy(rom + 0x12340, rsdp, sizeof(rsdp));
    mem.region[0] = (struct region){.base = 0xe0000, .len = 0x20000, .bytes = rom};
    assert_int_equal(init(0), 0);
    assert_whole_machine();
    assert_int_equal(info.tables.rsdp, 0xf2340);
    free(rom);
}

TEST(sound_srat_wins)
{
    init_with(&bad_srat, &srat);
    assert_whole_machine();
    assert_true(said("broken entry at byte 48"));
    assert_true(said("2 SRATs, number 2 is used: the only sound one"));
    init_with(&srat, &bad_srat);
    assert_whole_machine();
    assert_true(said("2 SRATs, number 1 is used: the only sound one"));
}

TEST(of_sound_srats_the_one_with_more_cpus_wins)
{
    srat_start(&bad_srat, 3); /* now valid */
    srat_mem(&bad_srat, 9, 0, GIB(64), 1);
    srat_cpu(&bad_srat, 9, 4, 1);
    table_finish(&bad_srat);
    init_with(&bad_srat, &srat);
    assert_whole_machine();
    assert_true(said("number 2 is used: it lists more"));
    init_with(&srat, &bad_srat);
    assert_whole_machine();
    assert_true(said("number 1 is used: it lists more"));
}

TEST(of_equal_srats_the_first_wins)
{
    init_with(&srat, &srat);
    assert_whole_machine();
    assert_int_equal(nr_warnings, 1);
    assert_true(said("number 1 is used: the first one, they agree"));

    bad_srat = srat; /* the same CPUs, other memory */
    srat_mem(&bad_srat, 5, GIB(16), GIB(2), 1);
    table_finish(&bad_srat);
    init_with(&bad_srat, &srat);
    assert_int_equal(info.topology.nr_ranges, 3);
    assert_true(said("number 1 is used: the first one, they differ"));

    bad_srat = srat;
    poke(&bad_srat, bad_srat.len - 40 + 16, GIB(3), 8); /* the last range's length */
    table_finish(&bad_srat);
    init_with(&srat, &bad_srat);
    assert_whole_machine();
    assert_true(said("number 1 is used: the first one, they differ"));
}

TEST(unlisted_cpus_go_to_the_lowest_memory)
{
    srat_start(&bad_srat, 3);
    srat_mem(&bad_srat, 2, GIB(64), GIB(64), 1);
    srat_mem(&bad_srat, 9, 0, GIB(64), 1);
    table_finish(&bad_srat);
    init_with(&bad_srat, NULL);
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(info.topology.cpus[i].nid, 1);
    assert_true(said("4 of 4 CPUs are not in the SRAT, put on node 1"));
}

TEST(slit_may_be_short_of_localities)
{
    static const u8 two[] = {10, 15, 15, 10};

    slit_build(&slit, 2, two); /* PXM 2 and 5 are both beyond it */
    init_with(&srat, &srat);
    assert_int_equal(nr_warnings, 2); /* and that there are two SRATs */
    assert_true(said("2 localities do not cover 2 of 2 nodes"));
    assert_true(info.topology.have_slit);
    assert_int_equal(info.topology.distance[0][1], DISTANCE_REMOTE);
}

static void assert_one_node(u32 nr_cpus)
{
    const struct topology *t = &info.topology;

    assert_false(t->have_srat || t->have_slit);
    assert_int_equal(t->nr_nodes, 1);
    assert_int_equal(t->nr_ranges, 1);
    assert_int_equal(t->ranges[0].base, 0);
    assert_true(t->ranges[0].size == 1ull << 52);
    assert_int_equal(t->ranges[0].flags, 0);
    assert_int_equal(t->nr_cpus, nr_cpus);
    assert_int_equal(t->distance[0][1], DISTANCE_REMOTE);
}

TEST(without_srat_there_is_one_node)
{
    init_with(NULL, NULL);
    assert_one_node(4);
    init_with(&bad_srat, &bad_srat);
    assert_one_node(4);
    assert_int_equal(info.srat.nr_pxm, 0);
}

TEST(without_slit_distances_are_default)
{
    slit.bytes[44] = 11;
    table_finish(&slit);
    init_with(&srat, NULL);
    assert_true(info.topology.have_srat);
    assert_false(info.topology.have_slit);
    assert_int_equal(info.topology.distance[0][1], DISTANCE_REMOTE);
    assert_int_equal(info.topology.distance[1][1], DISTANCE_LOCAL);
}

TEST(without_madt_there_is_one_cpu)
{
    madt.bytes[50] ^= 1;
    init_with(&srat, NULL);
    assert_false(info.have_madt);
    assert_int_equal(info.topology.nr_cpus, 1);
    assert_int_equal(info.topology.cpus[0].apic_id, 0);
    assert_int_equal(info.topology.cpus[0].nid, 0);
    assert_true(info.madt.lapic_base == ACPI_LAPIC_BASE_DEFAULT);
}

TEST(without_tables_there_is_still_a_machine)
{
    memory_reset(&mem);
    assert_int_equal(init(0), -ENOENT);
    assert_false(info.found || info.have_madt || info.have_fadt);
    assert_one_node(1);
    assert_int_equal(info.tables.nr, 0);
    assert_false(info.fadt.has_reset || info.fadt.has_pm_timer);
    assert_int_equal(init(0x12340), -ENOENT);
    assert_one_node(1);

    machine_map(&srat, NULL);
    xsdt.bytes[8] ^= 1;
    assert_int_equal(init(RSDP), -EINVAL);
    assert_one_node(1);
}

TEST(table_that_cannot_be_read_whole)
{
    machine_map(&srat, NULL);
    for (u32 i = 0; i < mem.nr_regions; i++)
        if (mem.region[i].base == MADT || mem.region[i].base == SRAT1)
            mem.region[i].len--;
    assert_int_equal(init(RSDP), 0);
    assert_one_node(1);
    assert_true(said("SRAT at 0x1400000 cannot be read whole"));
}

TEST(flatten_makes_one_node)
{
    init_with(&srat, NULL);
    acpi_topology_flatten(&info.topology);
    assert_null(topology_wrong(&info.topology));
    assert_one_node(4);
    assert_int_equal(info.topology.pxm[0] + info.topology.pxm[1], 0);
}

FIXTURE(setup, teardown)

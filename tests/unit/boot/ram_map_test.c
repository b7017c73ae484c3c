/* From a firmware's memory map to nodes and the frame table's memory: maps of real servers
 * (tests/data/memmaps), and random ones. */
#include "ram_map_model.h"

#define MAPS "tests/data/memmaps/"

static u32 type_of(const char *word)
{
    static const struct {
        const char *word;
        u32 type;
    } types[] = {{"ram", BOOT_MEM_RAM}, {"acpi", BOOT_MEM_ACPI}, {"nvs", BOOT_MEM_NVS}};

    for (u32 i = 0; i < ARRAY_SIZE(types); i++)
        if (!strcmp(word, types[i].word))
            return types[i].type;
    return BOOT_MEM_RESERVED;
}

static void load(const char *name)
{
    char path[128], line[256], word[32];
    unsigned long long start, end;
    unsigned nid;
    FILE *f;

    fresh();
    snprintf(path, sizeof(path), MAPS "%s.txt", name);
    f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "# node %llx %llx %u", &start, &end, &nid) == 3)
            node(start, end, (nodeid_t)nid);
        else if (sscanf(line, "%llx %llx %31s", &start, &end, word) == 3)
            entry(start, end, type_of(word));
        else
            assert_true(line[0] == '#');
    }
    fclose(f);
}

/* RAM in MiB from the first MiB on, whole pages: added up from the files by another program. */
static const struct {
    const char *name;
    u32 entries;
    u64 ram_mib;
    u32 nodes;
} recorded[] = {
    {"epyc7601-8node-1t", 63, 1048477, 8},
    {"quanta-s4r-4node-hotplug", 28, 130995, 4},
    {"brickland-8node-25t-wide", 24, 523832, 8},
    {"dell-r7625-768g", 46, 785985, 1},
    {"dell-r910-64g", 9, 65522, 1},
    {"ec2-p4d-1t", 8, 1167102, 2},
    {"xeon-2node-pmem-memmap", 11, 18230, 2},
    {"epyc-cxl-around-1t", 4, 783616, 1},
    {"qemu-pvh-overlap", 8, 1023, 1},
};

/* Firmware has left the end of RAM out of its write-back ranges, and a part of the low memory is write-through. */
TEST(ram_that_is_not_write_back)
{
    static struct boot_ranges ram, out;
    static struct mtrr mtrr;

    mtrr =
        (struct mtrr){.enabled = true, .default_type = MEMORY_UC, .nr_ranges = 3, .addresses = BIT(36) - 1};
    mtrr.range[0].mask = mtrr.addresses & ~(GIB(4) - 1);
    mtrr.range[0].type = MEMORY_WB;
    mtrr.range[1].base = MIB(512);
    mtrr.range[1].mask = mtrr.addresses & ~(MIB(256) - 1);
    mtrr.range[1].type = MEMORY_WT;
    mtrr.range[2].base = GIB(4);
    mtrr.range[2].mask = mtrr.addresses & ~(MIB(256) - 1);
    mtrr.range[2].type = MEMORY_WB;
    ram.nr = 0;
    assert_int_equal(boot_ranges_add(&ram, MIB(1), GIB(3)), 0);
    assert_int_equal(boot_ranges_add(&ram, GIB(4), GIB(4) + MIB(320)), 0);
    assert_int_equal(ram_map_uncached(&out, &ram, &mtrr), 0);
    assert_int_equal(out.nr, 2);
    assert_int_equal(out.range[0].start, MIB(512));
    assert_int_equal(out.range[0].end, MIB(768));
    assert_int_equal(out.range[1].start, GIB(4) + MIB(256));
    assert_int_equal(out.range[1].end, GIB(4) + MIB(320));
    mtrr.enabled = false;
    assert_int_equal(ram_map_uncached(&out, &ram, &mtrr), 0);
    assert_int_equal(boot_ranges_total(&out), boot_ranges_total(&ram));
    mtrr = (struct mtrr){.enabled = true, .default_type = MEMORY_WB};
    assert_int_equal(ram_map_uncached(&out, &ram, &mtrr), 0);
    assert_int_equal(out.nr, 0);
}

TEST(maps_of_real_servers)
{
    for (u32 i = 0; i < ARRAY_SIZE(recorded); i++) {
        load(recorded[i].name);
        print_message("%s\n", recorded[i].name);
        assert_true(info.nr_mem <= recorded[i].entries && info.nr_mem >= recorded[i].entries / 2);
        assert_int_equal(topo.nr_nodes, recorded[i].nodes);
        struct frame_plan_report report = whole_way();
        assert_int_equal(boot_ranges_total(&map.ram) >> 20, recorded[i].ram_mib);
        assert_int_equal(report.far, 0);
        assert_int_equal(map.out_of_reach, 0);
        for (u32 k = 0; k < nr_slices; k++) /* large pages map what is large */
            assert_true(slices[k].size < MIB(2) || (slices[k].maddr - slices[k].offset) % MIB(2) == 0);
    }
}

/* The machine whose RAM ends at 25 TiB: every node has what the map says, the far ones too. */
TEST(ram_far_above_16_tib)
{
    load("brickland-8node-25t-wide");
    whole_way();
    for (nodeid_t nid = 2; nid < 8; nid++)
        assert_int_equal(node_bytes[nid], GIB(64));
    assert_int_equal(node_bytes[1], GIB(66));
    assert_true(map.ram.range[map.ram.nr - 1].end == 0x191000000000ull);
}

static int refuse(const struct frame_slice *slice, void *arg)
{
    (void)slice;
    return ++*(u32 *)arg == 3 ? -EEXIST : 0;
}

TEST(a_failure_ends_the_plan)
{
    struct frame_plan_report report;
    u32 calls = 0;

    load("epyc7601-8node-1t");
    near_by_number();
    assert_int_equal(ram_map_make(&map, &free_ram, &info), 0);
    assert_int_equal(frame_plan(&map.ram, &topo, &free_ram, refuse, &calls, &report), -EEXIST);
    assert_int_equal(calls, 3);
}

/* --- random --------------------------------------------------------------------------------------------- */

static u64 rnd(u64 below)
{
    static u64 x = 88172645463325252ull;

    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    return x % below;
}

static void random_entry(u64 span)
{
    static const u32 types[] = {1, 1, 1, 1, 1, 2, 3, 4, 5, BOOT_MEM_EFI_RT_CODE, BOOT_MEM_EFI_RT_DATA, 99};
    u64 base = rnd(span), size = rnd(4) ? rnd(span / 4) : rnd(3 * PAGE_SIZE);

    if (rnd(3)) {
        base = ALIGN_DOWN(base, PAGE_SIZE);
        size = ALIGN_DOWN(size, PAGE_SIZE);
    }
    if (rnd(50) == 0)
        size = ~0ull - rnd(base + 1);
    info.mem[info.nr_mem++] =
        (struct boot_mem){.base = base, .size = size, .type = types[rnd(ARRAY_SIZE(types))]};
}

static void random_nodes(u64 span)
{
    u32 nodes = (u32)rnd(6) + 1;

    topo.nr_nodes = nodes;
    for (u64 at = rnd(span / 8); at < span && topo.nr_ranges < 40;) {
        u64 size = rnd(span / 6) + 1;

        node(at, at + size, (nodeid_t)rnd(nodes));
        at += size + (rnd(2) ? 0 : rnd(span / 10));
    }
}

TEST(random_firmware_maps)
{
    static const u64 spans[] = {MIB(4), MIB(64), GIB(5), 1ull << 45, 1ull << 47};
    u32 planned = 0;

    for (u32 round = 0; round < 3000; round++) {
        u64 span = spans[rnd(ARRAY_SIZE(spans))];
        struct frame_plan_report report;

        fresh();
        for (u64 n = rnd(50) + 1; n; n--)
            random_entry(span);
        random_nodes(span);
        near_by_number();
        int rc = ram_map_make(&map, &free_ram, &info);
        check_ram();
        check_pieces();
        assert_int_equal(rc, map.ram.nr ? 0 : -EINVAL);
        if (rc)
            continue;
        /* A map that leaves hardly anything free may have no room for its table. */
        boot_ranges_copy(&before, &free_ram);
        nr_slices = 0;
        rc = frame_plan(&map.ram, &topo, &free_ram, note_slice, NULL, &report);
        if (rc) {
            assert_int_equal(rc, -ENOMEM);
            assert_int_equal(boot_ranges_total(&free_ram), 0);
            continue;
        }
        boot_ranges_copy(&free_ram, &before);
        check_plan();
        planned++;
    }
    assert_true(planned > 1000);
}

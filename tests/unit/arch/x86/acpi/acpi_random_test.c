/*
 * Random tables with a fixed seed: whatever the bytes are, the topology keeps its invariants; and for
 * small random SRATs the ranges equal what painting page by page gives.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

static struct acpi_info info;
static struct acpi_srat srat;
static struct table madt_table, fadt_table, slit_table, srat_table;

static u64 seed;

/* splitmix64 */
static u64 rnd(void)
{
    u64 z = seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static u32 below(u32 n)
{
    return (u32)(rnd() % n);
}

static void good_tables(void)
{
    static u8 distances[16];

    madt_start(&madt_table, 0xfee00000);
    srat_start(&srat_table, (u8)(1 + below(3)));
    for (u32 i = 0; i < 8; i++) {
        madt_lapic(&madt_table, (u8)i, (u8)(2 * i), below(4));
        srat_cpu(&srat_table, below(4), (u8)(2 * i), below(2));
        madt_x2apic(&madt_table, 100 + i, 300 + i, 1);
        srat_x2apic(&srat_table, below(4), 300 + i, 1);
        srat_mem(&srat_table, i / 2, GIB(i), GIB(1) + (below(8) == 0 ? MIB(1) : 0), 1 | below(8));
    }
    table_finish(&madt_table);
    table_finish(&srat_table);
    for (u32 i = 0; i < 16; i++)
        distances[i] = i % 5 == 0 ? 10 : (u8)(11 + below(200));
    slit_build(&slit_table, 4, distances);
    table_start(&fadt_table, "FACP", 3, 244);
    poke(&fadt_table, 112, rnd(), 4);
    table_finish(&fadt_table);
}

/* Changes some bytes, or the length; mostly with the checksum put right, so that the parser sees it. */
static void mutate(struct table *t)
{
    static const u8 odd[] = {0, 1, 2, 0x7f, 0x80, 0xff, 10, 16, 40};

    for (u32 n = below(6); n > 0; n--) {
        u32 at = below(4) ? 36 + below(t->len - 36) : below(t->len);
        t->bytes[at] = below(2) ? (u8)rnd() : odd[below(ARRAY_SIZE(odd))];
    }
    if (below(8) == 0)
        t->len = 36 + below(t->len - 36);
    if (below(4))
        poke(t, 4, t->len, 4);
    if (below(16))
        table_checksum(t);
}

static void read_and_check(u32 round)
{
    const struct table *from[] = {&madt_table, &fadt_table, &slit_table, &srat_table};
    u8 *copy[4];

    for (u32 i = 0; i < 4; i++)
        copy[i] = tight(from[i]->bytes, from[i]->len);
    const struct acpi_inputs in = {.madt = {copy[0], from[0]->len},
                                   .fadt = {copy[1], from[1]->len},
                                   .slit = {copy[2], from[2]->len},
                                   .nr_srats = 1,
                                   .srat = {{copy[3], from[3]->len}}};
    forget_said();
    acpi_inputs_read(&info, &in);
    const char *wrong = topology_wrong(&info.topology);
    if (wrong)
        fail_msg("round %u: %s", round, wrong);
    assert_true(nr_warnings < 20);
    for (u32 i = 0; i < 4; i++)
        free(copy[i]);
}

TEST(mutated_tables_keep_the_invariants)
{
    u32 nr_valid = 0;

    seed = 1;
    for (u32 round = 0; round < 8000; round++) {
        good_tables();
        mutate(&madt_table);
        mutate(&fadt_table);
        mutate(&slit_table);
        mutate(&srat_table);
        read_and_check(round);
        nr_valid += info.topology.have_srat;
    }
    /* The test is worth something only if both outcomes are common. */
    assert_in_range(nr_valid, 800, 7200);
}

TEST(random_bytes_keep_the_invariants)
{
    static const char *const names[] = {"APIC", "FACP", "SLIT", "SRAT"};
    struct table *const tables[] = {&madt_table, &fadt_table, &slit_table, &srat_table};

    seed = 2;
    for (u32 round = 0; round < 2000; round++) {
        for (u32 i = 0; i < 4; i++) {
            table_start(tables[i], names[i], (u8)rnd(), 36);
            for (u32 n = below(400); n > 0; n--)
                put(tables[i], below(3) ? rnd() : below(4), 1);
            table_finish(tables[i]);
        }
        read_and_check(round);
    }
}

/* --- SRAT ranges against painting --- */

#define PAGES 48u

struct cell { /* what covers a page: by PXM, which flags, and the PXM that gets it */
    u32 nr, pxm, any[3], all[3];
    bool window; /* pxm's claim is a hot-plug window's only */
    bool shared; /* two PXMs */
};

static struct cell cells[PAGES];
static u64 ram_pages; /* a bit for each page with RAM */

static void paint(u32 first, u32 nr, u32 pxm, u32 flags)
{
    for (u32 i = first; i < first + nr; i++) {
        struct cell *c = &cells[i];
        bool window = flags == RANGE_HOTPLUG;

        c->shared |= c->nr && c->pxm != pxm;
        if (!c->nr || (c->window && !window)) {
            c->pxm = pxm;
            c->window = window;
        }
        c->nr++;
        c->any[pxm] |= flags;
        c->all[pxm] &= flags;
    }
}

static bool painted_ram(u64 start, u64 end)
{
    for (u64 at = start; at < end; at += PAGE_SIZE)
        if (ram_pages & BIT(at / PAGE_SIZE))
            return true;
    return false;
}

static void compare_with_cells(u32 round)
{
    for (u32 page = 0; page < PAGES; page++) {
        const struct topology_range *found = NULL;

        for (u32 i = 0; i < srat.nr_ranges; i++)
            if (srat.range[i].base <= page * PAGE_SIZE &&
                page * PAGE_SIZE < srat.range[i].base + srat.range[i].size)
                found = &srat.range[i];
        if (!found != (cells[page].nr == 0))
            fail_msg("round %u: page %u covered by %u entries", round, page, cells[page].nr);
        if (!found)
            continue;
        assert_int_equal(srat.pxm[found->nid], cells[page].pxm);
        u32 pxm = cells[page].pxm;
        assert_int_equal(found->flags & RANGE_NONVOLATILE, cells[page].any[pxm] & RANGE_NONVOLATILE);
        assert_int_equal(found->flags & RANGE_HOTPLUG, cells[page].all[pxm] & RANGE_HOTPLUG);
    }
    for (u32 i = 1; i < srat.nr_ranges; i++) { /* as few ranges as possible, too */
        const struct topology_range *a = &srat.range[i - 1], *b = &srat.range[i];
        assert_false(a->base + a->size == b->base && a->nid == b->nid && a->flags == b->flags);
    }
}

TEST(ranges_equal_painted_pages)
{
    u32 nr_good = 0, nr_conflicts = 0, nr_rivals = 0;

    seed = 3;
    for (u32 round = 0; round < 6000; round++) {
        bool conflict = false;

        memset(cells, 0, sizeof(cells));
        for (u32 i = 0; i < PAGES; i++)
            memset(cells[i].all, 0xff, sizeof(cells[i].all));
        ram_pages = below(4) ? rnd() : 0;
        srat_start(&srat_table, 3);
        for (u32 n = 1 + below(6); n > 0; n--) {
            u32 first = below(PAGES), nr = 1 + below(MIN(PAGES - first, 10));
            u32 pxm = below(8) ? first / 24 : below(3), flags = below(4); /* enum topology_range_flag */

            if (below(8) && first < 24)
                nr = MIN(nr, 24 - first);
            paint(first, nr, pxm, flags);
            srat_mem(&srat_table, pxm, first * PAGE_SIZE, nr * PAGE_SIZE, 1 | flags << 1);
        }
        table_finish(&srat_table);
        for (u32 i = 0; i < PAGES; i++)
            conflict |= cells[i].shared && ram_pages & BIT(i);

        forget_said();
        int rc = acpi_srat_parse(&srat, srat_table.bytes, srat_table.len, painted_ram);
        assert_int_equal(rc, conflict ? -EEXIST : 0);
        if (rc == 0)
            compare_with_cells(round);
        nr_good += rc == 0;
        nr_rivals += rc == 0 && said("where there is no RAM");
        nr_conflicts += rc != 0;
    }
    assert_true(nr_good > 1000 && nr_conflicts > 400 && nr_rivals > 200);
}

/*
 * The SRAT, with tables built here: PXMs, revisions, lengths, overlaps.
 */
#include <tests/machine/test.h>

#include <homestead/errno.h>
#include "acpi_tables.h"

#define ON 1u
#define HP 2u
#define NV 4u

static struct table tab;
static struct acpi_srat srat;

static acpi_has_ram_fn has_ram; /* of the memory map; NULL: there is none */

static int parse_as_is(void)
{
    u8 *copy = tight(tab.bytes, tab.len);

    forget_said();
    memset(&srat, 0xa5, sizeof(srat));
    int rc = acpi_srat_parse(&srat, copy, tab.len, has_ram);
    free(copy);
    if (rc != 0) { /* emptied, and one line says why */
        assert_int_equal(srat.nr_pxm + srat.nr_cpus + srat.nr_mem + srat.nr_ranges, 0);
        assert_int_equal(nr_warnings, 1);
    }
    return rc;
}

static int parse(void)
{
    table_finish(&tab);
    return parse_as_is();
}

static void assert_refused(int error, const char *text)
{
    assert_int_equal(parse(), error);
    assert_true(said(text));
}

static u64 number(const char **p)
{
    char *end;
    u64 n = strtoull(*p, &end, 0);
    u32 shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;

    *p = end + (shift != 0);
    return n << shift;
}

/* Memory as text: "NODE:BASE+SIZE[h][n] ...", h hot-pluggable, n non-volatile. False at its end. */
static bool next_mem(const char **p, struct acpi_srat_mem *m)
{
    if (!**p)
        return false;
    m->pxm = (u32)number(p);
    ++*p;
    m->base = number(p);
    ++*p;
    m->size = number(p);
    m->flags = 0;
    for (; **p && **p != ' '; ++*p)
        m->flags |= **p == 'h' ? RANGE_HOTPLUG : RANGE_NONVOLATILE;
    *p += **p == ' ';
    return true;
}

static void put_mem(const char *text)
{
    struct acpi_srat_mem m;

    while (next_mem(&text, &m))
        srat_mem(&tab, m.pxm, m.base, m.size,
                 ON | (m.flags & RANGE_HOTPLUG ? HP : 0) | (m.flags & RANGE_NONVOLATILE ? NV : 0));
}

static void start_with_mem(const char *text)
{
    srat_start(&tab, 3);
    put_mem(text);
}

/* All of them, with node ids. */
static void assert_ranges(const char *text)
{
    struct acpi_srat_mem m;
    u32 nr = 0;

    for (; next_mem(&text, &m); nr++) {
        const struct topology_range *r = &srat.range[nr];

        assert_true(nr < srat.nr_ranges);
        assert_true(r->base == m.base && r->size == m.size);
        assert_int_equal(r->nid, m.pxm);
        assert_int_equal(r->flags, m.flags);
    }
    assert_int_equal(srat.nr_ranges, nr);
}

TEST(two_nodes)
{
    start_with_mem("1:512M+512M 0:0+640K 0:1M+511M");
    srat_cpu(&tab, 1, 4, ON);
    srat_x2apic(&tab, 0, 0x10000, ON);
    put(&tab, 0x1803, 2); /* GICC affinity: not for x86 */
    for (u32 i = 2; i < 0x18; i++)
        put(&tab, 0xff, 1);
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_pxm, 2);
    assert_int_equal(srat.nr_mem, 3);
    assert_ranges("0:0+640K 0:1M+511M 1:512M+512M");
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 4), 1);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 0x10000), 0);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 5), NODE_NONE);
    assert_int_equal(acpi_srat_pxm_to_nid(&srat, 2), NODE_NONE);
}

TEST(pxms_are_sparse_and_unordered)
{
    srat_start(&tab, 3);
    srat_cpu(&tab, 0xfffffffe, 1, ON);     /* a node by its CPU alone */
    put_mem("300:0+1G 7:1G+1G 44:2G+1Gh"); /* by a hot-plug range alone */
    assert_int_equal(parse(), 0);
    assert_int_equal(srat.nr_pxm, 4);
    assert_int_equal(srat.pxm[0], 7);
    assert_int_equal(srat.pxm[1], 44);
    assert_int_equal(srat.pxm[2], 300);
    assert_int_equal(srat.pxm[3], 0xfffffffe);
    assert_ranges("2:0+1G 0:1G+1G 1:2G+1Gh");
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 1), 3);
}

TEST(revision_1_has_8_bit_pxms)
{
    for (u8 revision = 0; revision <= 2; revision++) {
        srat_start(&tab, revision);
        srat_cpu(&tab, 0xabcdef01, 1, ON);
        srat_mem(&tab, 0x77665502, 0, GIB(1), ON);
        assert_int_equal(parse(), 0);
        assert_int_equal(srat.nr_pxm, 2);
        assert_int_equal(acpi_srat_apic_to_nid(&srat, 1), revision < 2 ? 0 : 1);
        assert_int_equal(srat.pxm[0], revision < 2 ? 1 : 0x77665502);
        assert_int_equal(srat.pxm[1], revision < 2 ? 2 : 0xabcdef01);
    }
}

TEST(disabled_and_empty_entries_count_for_nothing)
{
    srat_start(&tab, 3);
    srat_mem(&tab, 5, 0, GIB(1), ON);
    srat_mem(&tab, 6, 0, GIB(1), HP | NV); /* disabled: neither overlap nor node */
    srat_mem(&tab, 6, ~0ull, ~0ull, 0);
    srat_mem(&tab, 6, MIB(1), 0, ON);
    srat_cpu(&tab, 6, 3, 0);
    srat_cpu(&tab, 6, 0xff, ON);
    srat_x2apic(&tab, 6, 4, 0);
    srat_x2apic(&tab, 6, 0xffffffff, ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_pxm, 1);
    assert_int_equal(srat.pxm[0], 5);
    assert_int_equal(srat.nr_cpus, 0);
    assert_int_equal(srat.nr_ranges, 1);
}

TEST(wrong_entry_lengths_drop_the_table)
{
    static const u8 heads[][2] = {{0, 15}, {0, 17}, {1, 39}, {1, 41},
                                  {2, 23}, {2, 25}, {1, 2}}; /* type, length */

    for (u32 i = 0; i < ARRAY_SIZE(heads); i++) {
        start_with_mem("0:0+1G");
        put(&tab, heads[i][0], 1);
        put(&tab, heads[i][1], 1);
        for (u32 n = 2; n < heads[i][1]; n++)
            put(&tab, 0, 1);
        assert_refused(-EINVAL, "entry of");
    }
}

/* As the first SRAT of the Dell T5810: a naive walker never ends. */
TEST(zero_length_entry_ends_and_is_reported)
{
    start_with_mem("0:0+1G");
    put(&tab, 0, 24);
    srat_mem(&tab, 1, GIB(1), GIB(1), ON);
    assert_refused(-EINVAL, "broken entry at byte 88");
}

TEST(table_ends_early_or_late)
{
    for (u32 cut = 1; cut < 40; cut++) { /* the last entry leaves the table */
        start_with_mem("0:0+1G 1:1G+1G");
        tab.len -= cut;
        assert_int_equal(parse(), -EINVAL);
    }
    table_start(&tab, "SRAT", 3, 47); /* shorter than its fixed part */
    assert_int_equal(parse(), -EINVAL);
    srat_start(&tab, 3);
    assert_refused(-EINVAL, "no memory");
    start_with_mem("0:0+1G");
    put(&tab, 0, 1); /* half a head after the last entry */
    assert_int_equal(parse(), -EINVAL);

    start_with_mem("0:0+1G");
    table_finish(&tab);
    tab.len--; /* the header promises one byte more than there is */
    assert_int_equal(parse_as_is(), -EINVAL);
    tab.len += 10; /* bytes beyond the table do not matter */
    assert_int_equal(parse_as_is(), 0);
    tab.bytes[60] ^= 4;
    assert_int_equal(parse_as_is(), -EINVAL);
    assert_true(said("checksum"));
    tab.len = 0;
    assert_int_equal(parse_as_is(), -EINVAL);
}

TEST(entries_become_ranges)
{
    static const struct {
        int rc;
        const char *warning, *entries, *ranges;
    } cases[] = {
        {-EOVERFLOW, "overflows", "0:0xfffffffffffff000+0x1000", ""},
        {-EOVERFLOW, "overflows", "0:1G+0xffffffffffffffff", ""},
        /* The last byte: the sweep once would have started over at 0 after this end. */
        {0, NULL, "0:0xffffffffffffefff+0x1000 0:0+4K", "0:0+4K 0:0xffffffffffffefff+0x1000"},
        /* Overlap on one node is merged; touching entries are no overlap. */
        {0, "overlap from 0x80000000, 0x80000000 bytes", "0:2G+4G 0:0+4G 1:6G+4G", "0:0+6G 1:6G+4G"},
        {0, "0x40000000 bytes in all", "0:0+1G 0:0+1G 0:1G+1G", "0:0+2G"},
        /* On two nodes it drops the table, also wholly inside. */
        {-EEXIST, "PXM 0 and 1 both have 0x7fffffff", "0:0+2G 1:0x7fffffff+2G", ""},
        {-EEXIST, "both have 0x40000000", "0:0+4Gh 1:1G+1G", ""},
        {0, NULL, "0:0+1 1:1+1G", "0:0+1 1:1+1G"}, /* to the byte */
        /* An NVDIMM splits its hot-plug window; a third entry there is one too many. */
        {0, NULL, "0:0+1G 0:5G+1Gn 0:4G+4Gh", "0:0+1G 0:4G+1Gh 0:5G+1Gn 0:6G+2Gh"},
        {0, "overlap from 0x140000000, 0x100000 bytes", "0:0+1G 0:5G+1Gn 0:4G+4Gh 0:5G+1M",
         "0:0+1G 0:4G+1Gh 0:5G+1Gn 0:6G+2Gh"},
        /* Present memory inside the window: present wins, with a warning. */
        {0, "overlap", "0:0+4Gh 0:0+1G", "0:0+1G 0:1G+3Gh"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
        start_with_mem(cases[i].entries);
        assert_int_equal(parse(), cases[i].rc);
        assert_int_equal(nr_warnings, cases[i].warning != NULL);
        assert_true(!cases[i].warning || said(cases[i].warning));
        assert_ranges(cases[i].ranges);
    }
}

static bool ram_below_1g(u64 start, u64 end)
{
    return start < GIB(1) && end > start;
}

/* Two nodes at one place matter where there is RAM. Elsewhere a medium wins over a window, whichever comes first. */
TEST(nodes_overlap_without_ram)
{
    static const struct {
        const char *entries, *ranges, *without_map; /* NULL: refused */
    } cases[] = {
        {"0:0+1G 1:4G+4Gh 0:4G+1Gn", "0:0+1G 0:4G+1Gn 1:5G+3Gh", "0:0+1G 0:4G+1Gn 1:5G+3Gh"},
        {"0:0+1G 2:4G+1Gn 1:5G+1Gn 1:4G+15Gh", "0:0+1G 2:4G+1Gn 1:5G+1Gn 1:6G+13Gh",
         "0:0+1G 2:4G+1Gn 1:5G+1Gn 1:6G+13Gh"},
        {"0:0+1G 1:4G+4Gh 0:2G+4Gh", "0:0+1G 0:2G+2Gh 1:4G+4Gh", "0:0+1G 0:2G+2Gh 1:4G+4Gh"},
        {"0:0+1G 0:4G+1Gn 1:4G+1Gn", "0:0+1G 0:4G+1Gn", "0:0+1G 0:4G+1Gn"},
        {"0:0+1G 0:4G+1Ghn 1:4G+2Gn", "0:0+1G 0:4G+1Ghn 1:5G+1Gn", "0:0+1G 0:4G+1Ghn 1:5G+1Gn"},
        /* An entry that is neither says that there is RAM; only the map knows that it is wrong. */
        {"0:0+1G 1:2G+2G 0:3G+2G", "0:0+1G 1:2G+2G 0:4G+1G", NULL},
        {"0:0+1G 1:2G+2Gh 0:2G+1G", "0:0+1G 0:2G+1G 1:3G+1Gh", NULL},
        /* With RAM there, none of them is right. */
        {"0:0+1G 1:0+4Gh", NULL, NULL},
        {"0:512M+1Gh 1:0+513Mh", NULL, "1:0+512Mh 0:512M+1Gh"},
        {"0:0+1Gn 1:0x3fffffff+1Gh", NULL, "0:0+1Gn 1:1G+0x3fffffffh"},
    };

    for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
        for (u32 with_map = 0; with_map <= 1; with_map++) {
            const char *ranges = with_map ? cases[i].ranges : cases[i].without_map;

            has_ram = with_map ? ram_below_1g : NULL;
            start_with_mem(cases[i].entries);
            assert_int_equal(parse(), ranges ? 0 : -EEXIST);
            assert_int_equal(nr_warnings, 1);
            assert_int_equal(said("where there is no RAM"), ranges != NULL);
            if (ranges)
                assert_ranges(ranges);
        }
    has_ram = NULL;
}

TEST(too_many_nodes_drop_the_table)
{
    for (u32 extra = 0; extra <= 1; extra++) {
        srat_start(&tab, 3);
        for (u32 i = 0; i < MAX_NODES + extra; i++)
            srat_mem(&tab, 1000 - i, GIB(i), GIB(1), ON);
        assert_int_equal(parse(), extra ? -E2BIG : 0);
        if (!extra)
            assert_int_equal(srat.range[0].nid, MAX_NODES - 1);
    }
    assert_true(said("more than 64 proximity domains"));
}

TEST(too_many_ranges_drop_the_table)
{
    for (u32 extra = 0; extra <= 1; extra++) {
        srat_start(&tab, 3);
        for (u32 i = 0; i < ACPI_SRAT_MAX_MEM + extra; i++)
            srat_mem(&tab, 0, GIB(2 * i), GIB(1), ON);
        assert_int_equal(parse(), extra ? -E2BIG : 0);
    }
    assert_true(said("more than 256 memory ranges"));
    srat_start(&tab, 3); /* 130 NVDIMMs in one window make 261 pieces */
    srat_mem(&tab, 0, 0, GIB(1024), ON | HP);
    for (u32 i = 0; i < 130; i++)
        srat_mem(&tab, 0, GIB(2 * i + 1), GIB(1), ON | NV);
    assert_refused(-E2BIG, "after splitting");
}

TEST(odd_cpu_entries_do_no_harm)
{
    start_with_mem("0:0+1G");
    srat_cpu(&tab, 0, 3, ON);
    srat_x2apic(&tab, 0, 3, ON); /* listed twice, on one node */
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_cpus, 1);
    srat_x2apic(&tab, 1, 3, ON); /* and once on another node */
    assert_int_equal(parse(), 0);
    assert_int_equal(nr_warnings, 1);
    assert_int_equal(srat.nr_pxm, 1);
    assert_int_equal(acpi_srat_apic_to_nid(&srat, 3), 0);

    start_with_mem("0:0+1G");
    for (u32 i = 0; i < MAX_CPUS + 5; i++)
        srat_x2apic(&tab, 0, i, ON);
    assert_int_equal(parse(), 0);
    assert_int_equal(srat.nr_cpus, MAX_CPUS);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("5 CPUs more than the 1024 supported"));
}

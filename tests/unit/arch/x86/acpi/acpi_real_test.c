/*
 * Tables of real machines, from ../shared/acpi-tables beside the source tree or $ACPI_TABLES; skipped when
 * they are not there. NAME.expect.json holds what a log of that machine says per proximity domain.
 */
#include <tests/machine/test.h>

#include <dirent.h>

#include "acpi_tables.h"

static const char *dir;
static struct acpi_info info;
static struct acpi_srat srat;

struct file {
    u8 *bytes;
    u64 len;
};

static struct file load(const char *name)
{
    char path[512];
    struct file f = {0};

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *in = fopen(path, "rb");
    if (!in)
        return f;
    f.bytes = malloc(MIB(1));
    f.len = fread(f.bytes, 1, MIB(1), in);
    fclose(in);
    u8 *copy = tight(f.bytes, f.len);
    free(f.bytes);
    f.bytes = copy;
    return f;
}

static void find_dir(void)
{
    dir = getenv("ACPI_TABLES");
    if (!dir)
        dir = "../shared/acpi-tables"; /* tests run in the source tree's root */
    DIR *d = opendir(dir);
    if (!d)
        dir = NULL;
    else
        closedir(d);
}

static void need_dir(void)
{
    forget_said();
    find_dir();
    if (!dir)
        skip();
}

/* --- totals per PXM against NAME.expect.json --- */

struct totals {
    u32 pxm;
    u64 cpus, mem, hot;
};

/* The number behind "key": after p. */
static u64 json_number(const char *p, const char *key)
{
    const char *at = strstr(p, key);

    assert_non_null(at);
    return strtoull(at + strlen(key), NULL, 10);
}

/* Reads the "pxm" object: "N": {"cpus": a, "mem": b, "hot": c}. Returns how many. */
static u32 json_totals(const char *text, struct totals *out, u32 max)
{
    const char *p = strstr(text, "\"pxm\":");
    u32 nr = 0;

    assert_non_null(p);
    p = strchr(p, '{') + 1;
    for (;;) {
        p += strspn(p, " \n\r\t,");
        if (*p == '}')
            return nr;
        assert_true(*p == '"' && nr < max);
        out[nr].pxm = (u32)strtoul(p + 1, NULL, 10);
        out[nr].cpus = json_number(p, "\"cpus\":");
        out[nr].mem = json_number(p, "\"mem\":");
        out[nr].hot = json_number(p, "\"hot\":");
        nr++;
        p = strchr(p, '}') + 1;
    }
}

/* CPUs as the table names them, memory from the resolved ranges: what overlaps counts once. */
static struct totals srat_totals(u32 pxm)
{
    struct totals t = {.pxm = pxm};
    nodeid_t nid = acpi_srat_pxm_to_nid(&srat, pxm);

    for (u32 i = 0; i < srat.nr_cpus; i++)
        t.cpus += srat.cpu[i].pxm == pxm;
    for (u32 i = 0; i < srat.nr_ranges; i++) {
        if (srat.range[i].nid == nid && srat.range[i].flags & RANGE_HOTPLUG)
            t.hot += srat.range[i].size;
        else if (srat.range[i].nid == nid)
            t.mem += srat.range[i].size;
    }
    return t;
}

static void compare(const char *json_name, const char *srat_name)
{
    struct file json = load(json_name), table = load(srat_name);
    struct totals want[MAX_NODES];

    assert_non_null(json.bytes);
    assert_non_null(table.bytes);
    char *text = calloc(1, json.len + 1);
    memcpy(text, json.bytes, json.len);
    u32 nr = json_totals(text, want, MAX_NODES);

    forget_said();
    assert_int_equal(acpi_srat_parse(&srat, table.bytes, table.len), 0);
    assert_int_equal(srat.nr_pxm, nr);
    for (u32 i = 0; i < nr; i++) {
        struct totals got = srat_totals(want[i].pxm);

        assert_true(got.cpus == want[i].cpus && got.mem == want[i].mem && got.hot == want[i].hot);
    }
    free(text);
    free(json.bytes);
    free(table.bytes);
}

TEST(totals_match_the_logs)
{
    static const char suffix[] = ".expect.json";
    struct dirent *e;
    u32 nr = 0;

    need_dir();
    DIR *d = opendir(dir);
    while ((e = readdir(d))) {
        char srat_name[300];
        size_t len = strlen(e->d_name);

        if (len <= strlen(suffix) || strcmp(e->d_name + len - strlen(suffix), suffix) != 0)
            continue;
        snprintf(srat_name, sizeof(srat_name), "%.*s.SRAT.dat", (int)(len - strlen(suffix)), e->d_name);
        print_message("%s\n", srat_name);
        compare(e->d_name, srat_name);
        nr++;
    }
    closedir(d);
    assert_true(nr >= 6);
}

/* --- every file through everything --- */

TEST(every_table_keeps_the_invariants)
{
    struct dirent *e;
    u32 nr = 0;

    need_dir();
    DIR *d = opendir(dir);
    while ((e = readdir(d))) {
        if (!strstr(e->d_name, ".dat"))
            continue;
        struct file f = load(e->d_name);
        struct acpi_bytes b = {.bytes = f.bytes, .len = f.len};
        /* As each kind of table in turn; the wrong kinds are refused. */
        struct acpi_inputs in = {.madt = b, .fadt = b, .slit = b, .nr_srats = 1, .srat = {b}};

        acpi_inputs_read(&info, &in);
        const char *wrong = topology_wrong(&info.topology);
        if (wrong)
            fail_msg("%s: %s", e->d_name, wrong);
        assert_int_equal(info.have_madt, strstr(e->d_name, ".APIC.") != NULL);
        assert_int_equal(info.topology.have_srat,
                         strstr(e->d_name, ".SRAT") &&
                             strcmp(e->d_name, "Dell_Precision_T5810.SRAT1.dat") != 0);
        free(f.bytes);
        nr++;
    }
    closedir(d);
    assert_true(nr >= 20);
}

/* --- whole machines --- */

static void machine_read(const char *name, const char *const *srats)
{
    char file[128];
    struct file f[3 + ACPI_MAX_SRATS] = {0};
    struct acpi_inputs in = {0};

    snprintf(file, sizeof(file), "%s.APIC.dat", name);
    f[0] = load(file);
    snprintf(file, sizeof(file), "%s.SLIT.dat", name);
    f[1] = load(file);
    in.madt = (struct acpi_bytes){f[0].bytes, f[0].len};
    in.slit = (struct acpi_bytes){f[1].bytes, f[1].len};
    for (u32 i = 0; srats[i]; i++) {
        snprintf(file, sizeof(file), "%s.%s.dat", name, srats[i]);
        f[3 + i] = load(file);
        assert_non_null(f[3 + i].bytes);
        in.srat[in.nr_srats++] = (struct acpi_bytes){f[3 + i].bytes, f[3 + i].len};
    }
    forget_said();
    acpi_inputs_read(&info, &in);
    assert_null(topology_wrong(&info.topology));
    for (u32 i = 0; i < ARRAY_SIZE(f); i++)
        free(f[i].bytes);
}

static void assert_machine(u32 nr_nodes, u32 nr_cpus, u32 cpus_per_node)
{
    const struct topology *t = &info.topology;

    assert_int_equal(t->nr_nodes, nr_nodes);
    assert_int_equal(t->nr_cpus, nr_cpus);
    assert_true(t->have_srat && t->have_slit);
    for (u32 n = 0; n < nr_nodes; n++) {
        u32 on_node = 0;

        for (u32 i = 0; i < nr_cpus; i++)
            on_node += t->cpus[i].nid == n;
        assert_int_equal(on_node, cpus_per_node);
    }
}

static const char *const one_srat[] = {"SRAT", NULL};

TEST(supermicro_boards)
{
    const struct topology *t = &info.topology;

    need_dir();
    machine_read("Supermicro_H8QG6", one_srat);
    assert_machine(8, 64, 8);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(t->distance[0][1], 16);
    assert_int_equal(t->distance[0][3], 22);
    assert_int_equal(t->distance[7][4], 22);
    machine_read("Supermicro_X10DAi", one_srat);
    assert_machine(2, 40, 20);
    assert_int_equal(t->nr_ranges, 3); /* 5 entries, neighbours joined */
    assert_int_equal(t->distance[1][0], 21);
    machine_read("Supermicro_X8DTT", one_srat);
    assert_machine(2, 16, 8);
}

TEST(dell_r820_has_no_pxm_0)
{
    const struct topology *t = &info.topology;

    need_dir();
    machine_read("Dell_R820", one_srat);
    assert_machine(4, 80, 20);
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(t->pxm[i], i + 1);
    assert_int_equal(t->distance[0][1], 20); /* PXM 1 to 2 */
    assert_int_equal(t->distance[0][2], 30); /* PXM 1 to 3: the row starts at locality 0 */
    assert_int_equal(nr_warnings, 0);
}

TEST(dell_t5810_has_two_srats)
{
    static const char *const both[] = {"SRAT1", "SRAT2", NULL}, *const first[] = {"SRAT1", NULL};

    need_dir();
    machine_read("Dell_Precision_T5810", both);
    assert_machine(1, 4, 4);
    assert_true(said("broken entry at byte 4424"));
    assert_true(said("number 2 is used"));
    assert_int_equal(info.topology.nr_ranges, 2);
    machine_read("Dell_Precision_T5810", first);
    assert_false(info.topology.have_srat);
}

TEST(qemu_hotplug_window_is_split)
{
    need_dir();
    struct file f = load("qemu_hotplug_nvdimm.SRAT.dat");
    assert_int_equal(acpi_srat_parse(&srat, f.bytes, f.len), 0);
    assert_int_equal(nr_warnings, 0);
    assert_int_equal(srat.nr_ranges, 6);
    assert_int_equal(srat.range[3].flags, RANGE_HOTPLUG);
    assert_int_equal(srat.range[4].flags, RANGE_NONVOLATILE);
    assert_true(srat.range[4].base == 0x110000000 && srat.range[4].size == 0x10000000);
    assert_int_equal(srat.range[5].flags, RANGE_HOTPLUG);
    free(f.bytes);
}

TEST(overlap_on_one_node_is_merged)
{
    need_dir();
    struct file f = load("loongson_overlap_itself.SRAT.dat");
    assert_int_equal(acpi_srat_parse(&srat, f.bytes, f.len), 0);
    assert_int_equal(nr_warnings, 1);
    assert_true(said("overlap from 0x80000000"));
    assert_int_equal(srat.nr_ranges, 2);
    assert_true(srat.range[0].base == 0 && srat.range[0].size == 0x170000000);
    free(f.bytes);
}

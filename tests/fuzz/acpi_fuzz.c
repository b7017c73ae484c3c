/*
 * libFuzzer entry for everything in arch/x86/acpi and for acpi-topology's memory maps: make fuzz-acpi.
 * The input's first byte says how it is read. Even: the rest is memory at address 0, RSDP included, for
 * acpi_init(). Odd: the rest is a series of records { u8 kind, u8 revision, u16 length, bytes }: tables whose
 * headers are completed, several SRATs among them, and a memory map as text, over which RAM is then placed.
 */
#include <tests/unit/arch/x86/acpi/acpi_tables.h>

#include <arch/x86/acpi/ram_nodes.h>
#include <tools/acpi-topology/memmap.h>

#define LOW_BASE 0xf0000u

static struct acpi_info info;
static struct memory memory;
static const struct acpi_mapper mapper = {.map = memory_map, .ctx = &memory};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(void)
{
    const char *wrong = topology_wrong(&info.topology);

    if (wrong || nr_warnings > 300) {
        fprintf(stderr, "%s, %u messages\n", wrong ? wrong : "flood", nr_warnings);
        abort();
    }
}

/* The input as memory, both where BIOS keeps the RSDP and at 0, so that 32-bit and small addresses hit. */
static void fuzz_memory(const u8 *data, size_t size)
{
    memory_reset(&memory);
    memory_add(&memory, 0, data, size);
    acpi_init(&info, &mapper, 0x10);
    check();
    acpi_topology_flatten(&info.topology);
    check();
    memory_reset(&memory);
    memory_add(&memory, LOW_BASE, data, size);
    acpi_init(&info, &mapper, 0);
    check();
    memory_reset(&memory);
}

enum kind { MADT, SRAT, SLIT, FADT, HMAT, MSCT, MEMMAP, NR_KINDS };

/* One record: a table gets a header with sound length and checksum, so that the parsers are reached. */
static u64 next_record(struct table *t, enum kind *kind, const u8 *data, size_t size)
{
    static const char *const names[] = {"APIC", "SRAT", "SLIT", "FACP", "HMAT", "MSCT"};

    if (size < 4)
        return 0;
    *kind = data[0] % NR_KINDS;
    u64 len = MIN((u64)acpi_load16(data + 2), size - 4);
    u32 header = *kind == MEMMAP ? 0 : 36;
    table_start(t, header ? names[*kind] : "TEXT", data[1], header);
    memcpy(t->bytes + header, data + 4, len);
    t->len += (u32)len;
    t->bytes[t->len] = '\0';
    if (header)
        table_finish(t);
    return 4 + len;
}

/* Every page of RAM is on exactly one node: the sums must agree, and each page's own answer with its piece's.
 */
static void place_ram(const struct boot_ranges *ram)
{
    static struct acpi_ram_report report;
    u64 sum = 0;

    memset(&report, 0, sizeof(report));
    for (u32 i = 0; i < ram->nr; i++) {
        u64 start = ram->range[i].start, last = ram->range[i].end - PAGE_SIZE, end, other;
        nodeid_t nid = acpi_ram_node(&info.topology, start, &end, NULL);

        acpi_ram_count(&report, &info.topology, start, ram->range[i].end);
        if (end <= start || nid >= info.topology.nr_nodes ||
            acpi_ram_node(&info.topology, MIN(last, end - PAGE_SIZE), &other, NULL) != nid)
            abort();
    }
    for (u32 i = 0; i < info.topology.nr_nodes; i++)
        sum += report.bytes[i];
    if (sum != boot_ranges_total(ram))
        abort();
    if (acpi_ram_warn(&report, &info.topology) > info.topology.nr_nodes)
        abort();
}

static struct boot_ranges ram;

static bool has_ram(u64 start, u64 end)
{
    static struct boot_ranges wanted, both;

    wanted.nr = 0;
    return boot_ranges_add(&wanted, ALIGN_DOWN(start, PAGE_SIZE), end) ||
           boot_ranges_intersect(&both, &wanted, &ram) || both.nr;
}

static void fuzz_tables(const u8 *data, size_t size)
{
    static struct table t;
    struct acpi_inputs in = {0};
    struct acpi_bytes *const where[] = {
        [MADT] = &in.madt, [SLIT] = &in.slit, [FADT] = &in.fadt, [HMAT] = &in.hmat, [MSCT] = &in.msct};
    u8 *copies[10];
    char error[200];
    u32 nr = 0;

    ram.nr = 0;
    while (nr < ARRAY_SIZE(copies)) {
        enum kind kind;
        u64 used = next_record(&t, &kind, data, size);

        if (used == 0)
            break;
        data += used;
        size -= used;
        if (kind == MEMMAP) {
            if (memmap_parse(&ram, (const char *)t.bytes, error, sizeof(error)))
                ram.nr = 0;
            continue;
        }
        const struct acpi_bytes b = {copies[nr++] = tight(t.bytes, t.len), t.len};
        if (kind != SRAT)
            *where[kind] = b;
        else if (in.nr_srats < ACPI_MAX_SRATS)
            in.srat[in.nr_srats++] = b;
    }
    in.has_ram = ram.nr ? has_ram : NULL;
    acpi_inputs_read(&info, &in);
    check();
    place_ram(&ram);
    acpi_topology_flatten(&info.topology);
    place_ram(&ram);
    check();
    for (u32 i = 0; i < nr; i++)
        free(copies[i]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    forget_said();
    if (size < 1)
        return 0;
    if (data[0] & 1)
        fuzz_tables(data + 1, size - 1);
    else
        fuzz_memory(data + 1, size - 1);
    return 0;
}

/*
 * libFuzzer entry for everything in arch/x86/acpi:
 *   clang -fsanitize=fuzzer,address,undefined -Iinclude -I. -DHOST_TEST tests/fuzz/acpi_fuzz.c SOURCES
 * The input's first byte says how it is read. Even: the rest is memory at address 0, RSDP included, for
 * acpi_init(). Odd: the rest is a series of u16 length and table bytes, whose headers are completed.
 */
// sources: arch/x86/acpi/acpi.c arch/x86/acpi/topology.c arch/x86/acpi/madt.c arch/x86/acpi/srat.c
// sources: arch/x86/acpi/srat_resolve.c arch/x86/acpi/slit.c arch/x86/acpi/fadt.c arch/x86/acpi/walk.c
// sources: arch/x86/acpi/tables.c arch/x86/acpi/hmat.c arch/x86/acpi/msct.c
// sources: arch/x86/acpi/nearness.c
#include "../unit/acpi_tables.h"

#define LOW_BASE 0xf0000u

static struct acpi_info info;
static struct memory memory;
static const struct acpi_mapper mapper = {.map = memory_map, .ctx = &memory};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(void)
{
    const char *wrong = topology_wrong(&info.topology);

    if (wrong || nr_messages > 300) {
        fprintf(stderr, "%s, %u messages\n", wrong ? wrong : "flood", nr_messages);
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

/* One table: its kind from a byte, its length and checksum put right so that the parsers are reached. */
static u64 next_table(struct table *t, u8 *kind, const u8 *data, size_t size)
{
    static const char *const names[] = {"APIC", "SRAT", "SLIT", "FACP"};

    if (size < 4)
        return 0;
    *kind = data[0] & 3;
    u64 len = MIN((u64)acpi_load16(data + 2), size - 4);
    table_start(t, names[*kind], data[1], 36);
    memcpy(t->bytes + 36, data + 4, len);
    t->len += (u32)len;
    table_finish(t);
    return 4 + len;
}

static void fuzz_tables(const u8 *data, size_t size)
{
    static struct table t;
    struct acpi_inputs in = {0};
    u8 *copies[8];
    u32 nr = 0;

    while (nr < ARRAY_SIZE(copies)) {
        u8 kind;
        u64 used = next_table(&t, &kind, data, size);

        if (used == 0)
            break;
        data += used;
        size -= used;
        const struct acpi_bytes b = {copies[nr++] = tight(t.bytes, t.len), t.len};
        if (kind == 0)
            in.madt = b;
        else if (kind == 1 && in.nr_srats < ACPI_MAX_SRATS)
            in.srat[in.nr_srats++] = b;
        else if (kind == 2)
            in.slit = b;
        else if (kind == 3)
            in.fadt = b;
    }
    acpi_inputs_read(&info, &in);
    check();
    for (u32 i = 0; i < nr; i++)
        free(copies[i]);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    messages_clear();
    if (size < 1)
        return 0;
    if (data[0] & 1)
        fuzz_tables(data + 1, size - 1);
    else
        fuzz_memory(data + 1, size - 1);
    return 0;
}

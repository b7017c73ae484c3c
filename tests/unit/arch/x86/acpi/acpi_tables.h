/*
 * For the acpi_* tests and the fuzzer: a builder of ACPI tables, a strict memory, and the invariants every topology must have.
 */
#ifndef TESTS_UNIT_ACPI_TABLES_H
#define TESTS_UNIT_ACPI_TABLES_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86/acpi/acpi.h>
#include <tests/machine/report.h>

/* --- tables --- */

struct table {
    u32 len;
    u8 bytes[128 * 1024];
};

static inline void put(struct table *t, u64 value, u32 nr_bytes)
{
    for (u32 i = 0; i < nr_bytes; i++)
        t->bytes[t->len++] = i < 8 ? (u8)(value >> 8 * i) : 0;
}

/* Appends fields, one after the other; the digits of sizes say how many bytes each has. */
#define FIELDS(t, sizes, ...) put_fields(t, sizes, (const u64[]){__VA_ARGS__})
static inline void put_fields(struct table *t, const char *sizes, const u64 *values)
{
    for (u32 i = 0; sizes[i]; i++)
        put(t, values[i], (u32)(sizes[i] - '0'));
}

static inline void poke(struct table *t, u32 offset, u64 value, u32 nr_bytes)
{
    for (u32 i = 0; i < nr_bytes; i++)
        t->bytes[offset + i] = (u8)(value >> 8 * i);
}

/* A table with fixed_bytes of header and zeros. */
static inline void table_start(struct table *t, const char *signature, u8 revision, u32 fixed_bytes)
{
    memset(t, 0, sizeof(*t));
    memcpy(t->bytes, signature, 4);
    t->bytes[8] = revision;
    memcpy(t->bytes + 10, "HOMEST", 6);
    memcpy(t->bytes + 16, "TESTTABL", 8);
    t->len = fixed_bytes;
}

/* What makes the sum of len bytes 0, in the byte at `at` of them. */
static inline void set_checksum(u8 *bytes, u32 len, u32 at)
{
    u8 sum = 0;

    bytes[at] = 0;
    for (u32 i = 0; i < len; i++)
        sum = (u8)(sum + bytes[i]);
    bytes[at] = (u8)-sum;
}

static inline void table_checksum(struct table *t)
{
    set_checksum(t->bytes, t->len, 9);
}

static inline void table_finish(struct table *t)
{
    poke(t, 4, t->len, 4);
    table_checksum(t);
}

/* A copy in a heap block of exactly that size: a read beyond it is seen by ASan. The caller frees it. */
static inline u8 *tight(const void *bytes, u64 len)
{
    u8 *copy = malloc(len ? len : 1);

    memcpy(copy, bytes, len);
    return copy;
}

static inline void srat_start(struct table *t, u8 revision)
{
    table_start(t, "SRAT", revision, 48);
}

static inline void srat_cpu(struct table *t, u32 pxm, u8 apic_id, u32 flags)
{
    FIELDS(t, "11114134", 0, 16, pxm, apic_id, flags, 0, pxm >> 8, 0);
}

static inline void srat_mem(struct table *t, u32 pxm, u64 base, u64 size, u32 flags)
{
    FIELDS(t, "114288448", 1, 40, pxm, 0, base, size, 0, flags, 0);
}

static inline void srat_x2apic(struct table *t, u32 pxm, u32 apic_id, u32 flags)
{
    FIELDS(t, "1124448", 2, 24, 0, pxm, apic_id, flags, 0);
}

/* type 5: generic initiator, 6: generic port. */
static inline void srat_device(struct table *t, u8 type, u32 pxm, u8 handle_type, u64 handle, u32 flags)
{
    FIELDS(t, "111148844", type, 32, 0, handle_type, pxm, handle, 0, flags, 0);
}

static inline void hmat_start(struct table *t, u8 revision)
{
    table_start(t, "HMAT", revision, 40);
}

static inline void hmat_attached(struct table *t, u32 memory_pxm, u32 initiator_pxm, u16 flags)
{
    FIELDS(t, "44444884", 0, 40, flags, initiator_pxm, memory_pxm, 0, 0, 0);
}

/* Initiators and targets are the same n PXMs; values: n * n, row by row. */
static inline void hmat_matrix(struct table *t, u8 data_type, u64 unit, u32 n, const u32 *pxms,
                               const u16 *values)
{
    FIELDS(t, "4444448", 1, 32 + 8 * n + 2 * n * n, (u64)data_type << 8, n, n, 0, unit);
    for (u32 i = 0; i < 2 * n; i++)
        put(t, pxms[i % n], 4);
    for (u32 i = 0; i < n * n; i++)
        put(t, values[i], 2);
}

static inline void msct_build(struct table *t, u32 max_pxm, u64 max_maddr)
{
    table_start(t, "MSCT", 1, 56);
    poke(t, 36, 56, 4);
    poke(t, 40, max_pxm, 4);
    poke(t, 48, max_maddr, 8);
    table_finish(t);
}

static inline void madt_start(struct table *t, u32 lapic_base)
{
    table_start(t, "APIC", 4, 44);
    poke(t, 36, lapic_base, 4);
    poke(t, 40, 1, 4);
}

static inline void madt_lapic(struct table *t, u8 uid, u8 apic_id, u32 flags)
{
    FIELDS(t, "11114", 0, 8, uid, apic_id, flags);
}

static inline void madt_x2apic(struct table *t, u32 uid, u32 apic_id, u32 flags)
{
    FIELDS(t, "112444", 9, 16, 0, apic_id, flags, uid);
}

static inline void madt_ioapic(struct table *t, u8 id, u32 maddr, u32 gsi_base)
{
    FIELDS(t, "11244", 1, 12, id, maddr, gsi_base);
}

static inline void madt_override(struct table *t, u64 maddr)
{
    FIELDS(t, "1128", 5, 12, 0, maddr);
}

/* distances: n * n values, row by row. */
static inline void slit_build(struct table *t, u64 n, const u8 *distances)
{
    table_start(t, "SLIT", 1, 44);
    poke(t, 36, n, 8);
    for (u64 i = 0; i < n * n; i++)
        put(t, distances[i], 1);
    table_finish(t);
}

/* --- memory --- */

struct region {
    u64 base, len;
    const u8 *bytes;
};

/* map() hands out exact copies, so that a read beyond what was asked for is seen by ASan. */
struct memory {
    u32 nr_regions, nr_copies;
    struct region region[16];
    void *copy[1024];
};

static inline const void *memory_map(void *ctx, u64 maddr, u64 len)
{
    struct memory *m = ctx;

    for (u32 i = 0; i < m->nr_regions; i++) {
        const struct region *r = &m->region[i];
        if (maddr < r->base || maddr - r->base > r->len || len > r->len - (maddr - r->base))
            continue;
        if (m->nr_copies == ARRAY_SIZE(m->copy))
            abort();
        return m->copy[m->nr_copies++] = tight(r->bytes + (maddr - r->base), len);
    }
    return NULL;
}

static inline void memory_add(struct memory *m, u64 base, const void *bytes, u64 len)
{
    m->region[m->nr_regions++] = (struct region){.base = base, .len = len, .bytes = bytes};
}

/* Forgets regions and copies. */
static inline void memory_reset(struct memory *m)
{
    for (u32 i = 0; i < m->nr_copies; i++)
        free(m->copy[i]);
    m->nr_copies = m->nr_regions = 0;
}

/* 36 bytes of RSDP with sound checksums. */
static inline void rsdp_build(u8 *out, u8 revision, u32 rsdt, u64 xsdt)
{
    memset(out, 0, 36);
    memcpy(out, "RSD PTR ", 8);
    out[15] = revision;
    memcpy(out + 16, &rsdt, 4);
    if (revision >= 2) {
        out[20] = 36;
        memcpy(out + 24, &xsdt, 8);
    }
    set_checksum(out, 20, 8);
    set_checksum(out, 36, 32);
}

/* --- invariants --- */

#define INVARIANT(cond) \
    do { \
        if (!(cond)) \
            return #cond; \
    } while (0)

/* NULL, or what is wrong with the topology. */
static inline const char *topology_wrong(const struct topology *t)
{
    INVARIANT(t->nr_nodes >= 1 && t->nr_nodes <= MAX_NODES);
    for (u32 i = 1; i < t->nr_nodes; i++)
        INVARIANT(t->pxm[i] > t->pxm[i - 1]);
    INVARIANT(t->nr_ranges >= 1 && t->nr_ranges <= TOPOLOGY_MAX_RANGES);
    for (u32 i = 0; i < t->nr_ranges; i++) {
        const struct topology_range *r = &t->ranges[i];
        INVARIANT(r->size > 0 && r->size <= ~0ull - r->base);
        INVARIANT(r->nid < t->nr_nodes);
        INVARIANT((r->flags & ~(u32)(RANGE_HOTPLUG | RANGE_NONVOLATILE)) == 0);
        if (i > 0)
            INVARIANT(r[-1].base + r[-1].size <= r->base);
    }
    INVARIANT(t->nr_cpus >= 1 && t->nr_cpus <= MAX_CPUS);
    for (u32 i = 0; i < t->nr_cpus; i++) {
        INVARIANT(t->cpus[i].nid < t->nr_nodes);
        for (u32 j = 0; j < i; j++)
            INVARIANT(t->cpus[i].apic_id != t->cpus[j].apic_id);
    }
    for (u32 i = 0; i < t->nr_nodes; i++) {
        INVARIANT(t->distance[i][i] == DISTANCE_LOCAL);
        for (u32 j = 0; j < t->nr_nodes; j++)
            INVARIANT(i == j || t->distance[i][j] > DISTANCE_LOCAL);
    }
    for (u32 i = 0; i < t->nr_nodes; i++) {
        u64 seen = 0;

        INVARIANT(t->near[i][0] == i);
        for (u32 j = 0; j < t->nr_nodes; j++) {
            INVARIANT(t->near[i][j] < t->nr_nodes && !(seen & BIT(t->near[i][j])));
            seen |= BIT(t->near[i][j]);
        }
    }
    INVARIANT(t->nr_devices <= TOPOLOGY_MAX_DEVICES);
    for (u32 i = 0; i < t->nr_devices; i++)
        INVARIANT(t->devices[i].nid == NODE_NONE || t->devices[i].nid < t->nr_nodes);
    INVARIANT(t->have_srat || !t->have_hmat);
    INVARIANT(t->have_srat || t->nr_nodes == 1);
    INVARIANT(t->have_srat || !t->have_slit);
    return NULL;
}

#endif

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

static inline void table_checksum(struct table *t)
{
    u8 sum = 0;

    t->bytes[9] = 0;
    for (u32 i = 0; i < t->len; i++)
        sum = (u8)(sum + t->bytes[i]);
    t->bytes[9] = (u8)-sum;
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
    put(t, 0, 1);
    put(t, 16, 1);
    put(t, pxm, 1);
    put(t, apic_id, 1);
    put(t, flags, 4);
    put(t, 0, 1);
    put(t, pxm >> 8, 3);
    put(t, 0, 4);
}

static inline void srat_mem(struct table *t, u32 pxm, u64 base, u64 size, u32 flags)
{
    put(t, 1, 1);
    put(t, 40, 1);
    put(t, pxm, 4);
    put(t, 0, 2);
    put(t, base, 8);
    put(t, size, 8);
    put(t, 0, 4);
    put(t, flags, 4);
    put(t, 0, 8);
}

static inline void srat_x2apic(struct table *t, u32 pxm, u32 apic_id, u32 flags)
{
    put(t, 2, 1);
    put(t, 24, 1);
    put(t, 0, 2);
    put(t, pxm, 4);
    put(t, apic_id, 4);
    put(t, flags, 4);
    put(t, 0, 8);
}

/* type 5: generic initiator, 6: generic port. */
static inline void srat_device(struct table *t, u8 type, u32 pxm, u8 handle_type, u64 handle, u32 flags)
{
    put(t, type, 1);
    put(t, 32, 1);
    put(t, 0, 1);
    put(t, handle_type, 1);
    put(t, pxm, 4);
    put(t, handle, 16);
    put(t, flags, 4);
    put(t, 0, 4);
}

static inline void hmat_start(struct table *t, u8 revision)
{
    table_start(t, "HMAT", revision, 40);
}

static inline void hmat_attached(struct table *t, u32 memory_pxm, u32 initiator_pxm, u16 flags)
{
    put(t, 0, 4);
    put(t, 40, 4);
    put(t, flags, 4);
    put(t, initiator_pxm, 4);
    put(t, memory_pxm, 4);
    put(t, 0, 20);
}

/* Initiators and targets are the same n PXMs; values: n * n, row by row. */
static inline void hmat_matrix(struct table *t, u8 data_type, u64 unit, u32 n, const u32 *pxms,
                               const u16 *values)
{
    put(t, 1, 4);
    put(t, 32 + 8 * n + 2 * n * n, 4);
    put(t, (u64)data_type << 8, 4);
    put(t, n, 4);
    put(t, n, 4);
    put(t, 0, 4);
    put(t, unit, 8);
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
    put(t, 0, 1);
    put(t, 8, 1);
    put(t, uid, 1);
    put(t, apic_id, 1);
    put(t, flags, 4);
}

static inline void madt_x2apic(struct table *t, u32 uid, u32 apic_id, u32 flags)
{
    put(t, 9, 1);
    put(t, 16, 1);
    put(t, 0, 2);
    put(t, apic_id, 4);
    put(t, flags, 4);
    put(t, uid, 4);
}

static inline void madt_ioapic(struct table *t, u8 id, u32 maddr, u32 gsi_base)
{
    put(t, 1, 1);
    put(t, 12, 1);
    put(t, id, 2);
    put(t, maddr, 4);
    put(t, gsi_base, 4);
}

static inline void madt_override(struct table *t, u64 maddr)
{
    put(t, 5, 1);
    put(t, 12, 1);
    put(t, 0, 2);
    put(t, maddr, 8);
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
    u8 sum = 0;

    memset(out, 0, 36);
    memcpy(out, "RSD PTR ", 8);
    out[15] = revision;
    memcpy(out + 16, &rsdt, 4);
    if (revision >= 2) {
        out[20] = 36;
        memcpy(out + 24, &xsdt, 8);
    }
    for (u32 i = 0; i < 20; i++)
        sum = (u8)(sum + out[i]);
    out[8] = (u8)-sum;
    sum = 0;
    for (u32 i = 0; i < 36; i++)
        sum = (u8)(sum + out[i]);
    out[32] = (u8)-sum;
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
        INVARIANT(t->cpus[i].enabled && t->cpus[i].nid < t->nr_nodes);
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

/* Reads the HMAT (ACPI 6.5 5.2.28). See hmat.h. */
#include "hmat.h"

#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

#define HMAT_FIRST_STRUCTURE 40u /* 36 header, u32 reserved: ACPI 6.5 table 5.142 */

/* ACPI 6.5 table 5.143 */
enum hmat_type {
    HMAT_MEMORY_ATTRIBUTES = 0,
    HMAT_LATENCY_BANDWIDTH = 1,
    HMAT_MEMORY_SIDE_CACHE = 2,
};

struct ACPI_STRUCT hmat_structure {
    u16 Type;     /* 0 */
    u16 Reserved; /* 2 */
    u32 Length;   /* 4: bytes, these eight included */
};
_Static_assert(sizeof(struct hmat_structure) == 8, "ACPI 6.5 5.2.28.2");

struct ACPI_STRUCT hmat_attributes { /* ACPI 6.5 5.2.28.3 */
    struct hmat_structure head;      /*  0: type 0, 40 bytes */
    u16 Flags;                       /*  8: bit 0 initiator valid; revision 1: bit 1 memory valid */
    u16 Reserved1;                   /* 10 */
    u32 InitiatorProximityDomain;    /* 12 */
    u32 MemoryProximityDomain;       /* 16 */
    u8 Reserved2[20];                /* 20: revision 1 has an address range here */
};
_Static_assert(sizeof(struct hmat_attributes) == 40, "ACPI 6.5 5.2.28.3");

struct ACPI_STRUCT hmat_locality { /* ACPI 6.5 5.2.28.4 */
    struct hmat_structure head;    /*  0: type 1 */
    u8 Flags;                      /*  8: bits 3:0 memory hierarchy, 0 the memory itself */
    u8 DataType;                   /*  9: enum hmat_data */
    u8 MinTransferSize;            /* 10 */
    u8 Reserved1;                  /* 11 */
    u32 NumberOfInitiators;        /* 12 */
    u32 NumberOfTargets;           /* 16 */
    u32 Reserved2;                 /* 20 */
    u64 EntryBaseUnit;             /* 24 */
    /* 32: u32 initiators[], u32 targets[], u16 entries[initiators][targets] */
};
_Static_assert(sizeof(struct hmat_locality) == 32, "ACPI 6.5 5.2.28.4");
_Static_assert(offsetof(struct hmat_locality, EntryBaseUnit) == 24, "ACPI 6.5 5.2.28.4");

enum hmat_data {
    HMAT_ACCESS_LATENCY = 0,
    HMAT_READ_LATENCY = 1,
    HMAT_ACCESS_BANDWIDTH = 3,
    HMAT_READ_BANDWIDTH = 4,
};

#define FLAG_INITIATOR_VALID (1u << 0)
#define FLAG_MEMORY_VALID    (1u << 1) /* revision 1; later the memory is always valid */
#define HIERARCHY_MASK       0xfu
#define ENTRY_UNKNOWN        0u
#define ENTRY_UNREACHABLE    0xffffu
#define BASE_UNIT_MAX        BIT(40) /* times a 16-bit entry: far from overflow, and more than a second */

/* How many bytes a locality structure needs for what it announces. */
static u64 locality_bytes(const struct hmat_locality *l)
{
    u64 nr_initiators = l->NumberOfInitiators, nr_targets = l->NumberOfTargets;

    /* Each count alone must fit before they are multiplied. */
    if (nr_initiators > ACPI_TABLE_MAX_BYTES || nr_targets > ACPI_TABLE_MAX_BYTES)
        return ~0ull;
    return sizeof(*l) + 4 * (nr_initiators + nr_targets) + 2 * nr_initiators * nr_targets;
}

/* The bytes that a structure of a known type has at least. */
static u64 structure_bytes(const struct hmat_structure *e)
{
    switch (e->Type) {
    case HMAT_MEMORY_ATTRIBUTES:
        return sizeof(struct hmat_attributes);
    case HMAT_LATENCY_BANDWIDTH:
        return e->Length < sizeof(struct hmat_locality) ? sizeof(struct hmat_locality)
                                                        : locality_bytes((const void *)e);
    default:
        return sizeof(*e);
    }
}

static struct acpi_walk walk_structures(const struct acpi_header *h)
{
    return acpi_walk_start(h, HMAT_FIRST_STRUCTURE, sizeof(struct hmat_structure));
}

static void read_attributes(struct acpi_hmat *m, const struct acpi_srat *srat,
                            const struct hmat_attributes *a)
{
    u32 need = FLAG_INITIATOR_VALID | (m->revision < 2 ? FLAG_MEMORY_VALID : 0u);
    nodeid_t target = acpi_srat_pxm_to_nid(srat, a->MemoryProximityDomain);
    nodeid_t initiator = acpi_srat_pxm_to_nid(srat, a->InitiatorProximityDomain);

    if ((a->Flags & need) == need && target != NODE_NONE && m->initiator[target] == NODE_NONE)
        m->initiator[target] = initiator;
}

/* Enters the values of one structure where nothing is known yet. */
static void read_locality(const struct acpi_srat *srat, const struct hmat_locality *l,
                          u64 (*values)[MAX_NODES], bool latency)
{
    const u8 *initiators = (const u8 *)(l + 1);
    const u8 *targets = initiators + 4ull * l->NumberOfInitiators;
    const u8 *row = targets + 4ull * l->NumberOfTargets;

    for (u32 i = 0; i < l->NumberOfInitiators; i++, row += 2ull * l->NumberOfTargets) {
        nodeid_t from = acpi_srat_pxm_to_nid(srat, acpi_load32(initiators + 4ull * i));

        if (from == NODE_NONE)
            continue;
        for (u32 j = 0; j < l->NumberOfTargets; j++) {
            u32 entry = acpi_load16(row + 2ull * j);
            nodeid_t to = acpi_srat_pxm_to_nid(srat, acpi_load32(targets + 4ull * j));

            if (to == NODE_NONE || entry == ENTRY_UNKNOWN || values[from][to])
                continue;
            if (entry != ENTRY_UNREACHABLE)
                values[from][to] = entry * l->EntryBaseUnit;
            else if (latency)
                values[from][to] = HMAT_UNREACHABLE;
        }
    }
}

/* One pass: the structures of one data type. Returns how many have an impossible base unit. */
static u32 read_data(const struct acpi_srat *srat, const struct acpi_header *h, enum hmat_data kind,
                     u64 (*values)[MAX_NODES])
{
    struct acpi_walk w = walk_structures(h);
    const struct hmat_structure *e;
    u32 nr_bad = 0;

    while ((e = acpi_walk_next(&w))) {
        const struct hmat_locality *l = (const void *)e;

        if (e->Type != HMAT_LATENCY_BANDWIDTH || l->DataType != kind || l->Flags & HIERARCHY_MASK)
            continue;
        if (l->EntryBaseUnit == 0 || l->EntryBaseUnit > BASE_UNIT_MAX)
            nr_bad++;
        else
            read_locality(srat, l, values, kind == HMAT_READ_LATENCY || kind == HMAT_ACCESS_LATENCY);
    }
    return nr_bad;
}

/* Everything but the matrices, and whether the structures follow each other to the end. */
static int read_rest(struct acpi_hmat *m, const struct acpi_srat *srat, const struct acpi_header *h)
{
    struct acpi_walk w = walk_structures(h);
    const struct hmat_structure *e;
    u32 nr_unknown = 0;

    while ((e = acpi_walk_next(&w))) {
        if (e->Length < structure_bytes(e)) {
            w.offset -= e->Length;
            w.broken = true;
        } else if (e->Type == HMAT_MEMORY_ATTRIBUTES) {
            read_attributes(m, srat, (const void *)e);
        } else if (e->Type == HMAT_MEMORY_SIDE_CACHE) {
            m->nr_caches++;
        } else if (e->Type != HMAT_LATENCY_BANDWIDTH) {
            nr_unknown++;
        }
    }
    if (w.broken)
        log_warn("ACPI: HMAT: broken structure at byte %u, ignored\n", w.offset);
    else if (nr_unknown)
        log_debug("ACPI: HMAT: %u structures of unknown types, skipped\n", nr_unknown);
    return w.broken ? -EINVAL : 0;
}

static void empty(struct acpi_hmat *m)
{
    memset(m, 0, sizeof(*m));
    for (u32 i = 0; i < MAX_NODES; i++)
        m->initiator[i] = NODE_NONE;
}

int acpi_hmat_parse(struct acpi_hmat *out, const struct acpi_srat *srat, const void *bytes, u64 avail)
{
    const struct acpi_header *h = acpi_table_check(bytes, avail, "HMAT", HMAT_FIRST_STRUCTURE);

    empty(out);
    if (!h)
        return -EINVAL;
    if (h->Revision == 0) {
        log_warn("ACPI: HMAT: revision 0 does not exist, ignored\n");
        return -EINVAL;
    }
    out->revision = h->Revision;
    if (read_rest(out, srat, h) != 0) {
        empty(out);
        return -EINVAL;
    }
    /* The better kind first: what it says is not replaced. */
    u32 nr_bad = read_data(srat, h, HMAT_READ_LATENCY, out->latency) +
                 read_data(srat, h, HMAT_ACCESS_LATENCY, out->latency) +
                 read_data(srat, h, HMAT_READ_BANDWIDTH, out->bandwidth) +
                 read_data(srat, h, HMAT_ACCESS_BANDWIDTH, out->bandwidth);
    if (nr_bad)
        log_warn("ACPI: HMAT: %u structures with an impossible base unit, left out\n", nr_bad);
    for (u32 i = 0; i < srat->nr_pxm; i++)
        for (u32 j = 0; j < srat->nr_pxm; j++)
            out->nr_pairs += out->latency[i][j] != 0;
    return 0;
}

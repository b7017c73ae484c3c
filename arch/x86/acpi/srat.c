/* Reads the SRAT's entries (ACPI 6.5 5.2.16). See srat.h. */
#include "srat.h"

#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

#define SRAT_FIRST_ENTRY 48u /* 36 header, u32 table revision, u64 reserved: ACPI 6.5 table 5.56 */

/* ACPI 6.5 5.2.16 */
enum srat_type {
    SRAT_PROCESSOR_LOCAL_APIC = 0,
    SRAT_MEMORY = 1,
    SRAT_PROCESSOR_LOCAL_X2APIC = 2,
    SRAT_GENERIC_INITIATOR = 5,
    SRAT_GENERIC_PORT = 6,
};

struct ACPI_STRUCT srat_cpu {  /* ACPI 6.5 5.2.16.1 */
    struct acpi_subtable head; /*  0: type 0, 16 bytes */
    u8 ProximityDomainLow;     /*  2: bits 7:0 */
    u8 APICID;                 /*  3 */
    u32 Flags;                 /*  4 */
    u8 LocalSAPICEID;          /*  8 */
    u8 ProximityDomainHigh[3]; /*  9: bits 31:8, reserved in revision 1 */
    u32 ClockDomain;           /* 12 */
};
_Static_assert(sizeof(struct srat_cpu) == 16, "ACPI 6.5 5.2.16.1");
_Static_assert(offsetof(struct srat_cpu, ProximityDomainHigh) == 9, "ACPI 6.5 5.2.16.1");

struct ACPI_STRUCT srat_mem {  /* ACPI 6.5 5.2.16.2 */
    struct acpi_subtable head; /*  0: type 1, 40 bytes */
    u32 ProximityDomain;       /*  2 */
    u16 Reserved1;             /*  6 */
    u64 BaseAddress;           /*  8 */
    u64 RangeLength;           /* 16: Length in the specification */
    u32 Reserved2;             /* 24 */
    u32 Flags;                 /* 28 */
    u64 Reserved3;             /* 32 */
};
_Static_assert(sizeof(struct srat_mem) == 40, "ACPI 6.5 5.2.16.2");
_Static_assert(offsetof(struct srat_mem, BaseAddress) == 8, "ACPI 6.5 5.2.16.2");
_Static_assert(offsetof(struct srat_mem, Flags) == 28, "ACPI 6.5 5.2.16.2");

struct ACPI_STRUCT srat_x2apic { /* ACPI 6.5 5.2.16.3 */
    struct acpi_subtable head;   /*  0: type 2, 24 bytes */
    u16 Reserved1;               /*  2 */
    u32 ProximityDomain;         /*  4 */
    u32 X2APICID;                /*  8 */
    u32 Flags;                   /* 12 */
    u32 ClockDomain;             /* 16 */
    u32 Reserved2;               /* 20 */
};
_Static_assert(sizeof(struct srat_x2apic) == 24, "ACPI 6.5 5.2.16.3");
_Static_assert(offsetof(struct srat_x2apic, Flags) == 12, "ACPI 6.5 5.2.16.3");

struct ACPI_STRUCT srat_device { /* ACPI 6.5 5.2.16.6 and 5.2.16.7 */
    struct acpi_subtable head;   /*  0: type 5 or 6, 32 bytes */
    u8 Reserved1;                /*  2 */
    u8 DeviceHandleType;         /*  3 */
    u32 ProximityDomain;         /*  4 */
    u8 DeviceHandle[16];         /*  8 */
    u32 Flags;                   /* 24 */
    u32 Reserved2;               /* 28 */
};
_Static_assert(sizeof(struct srat_device) == 32, "ACPI 6.5 5.2.16.6");
_Static_assert(offsetof(struct srat_device, Flags) == 24, "ACPI 6.5 5.2.16.6");

#define CPU_FLAG_ENABLED     (1u << 0)
#define MEM_FLAG_ENABLED     (1u << 0)
#define MEM_FLAG_HOTPLUG     (1u << 1)
#define MEM_FLAG_NONVOLATILE (1u << 2)
#define DEVICE_FLAG_ENABLED  (1u << 0)

/*
 * CPU and device entries that are left out do no harm: such a CPU counts as one without an entry, and
 * nothing here depends on devices.
 */
struct trouble {
    u32 repeated, too_many;
    u32 damaged_devices, too_many_devices;
    u32 skipped, skipped_type; /* types not read here: how many, and the last one's */
};

nodeid_t acpi_srat_pxm_to_nid(const struct acpi_srat *s, u32 pxm)
{
    for (u32 i = 0; i < s->nr_pxm; i++)
        if (s->pxm[i] == pxm)
            return i;
    return NODE_NONE;
}

static const struct acpi_srat_cpu *find_cpu(const struct acpi_srat *s, u32 apic_id)
{
    for (u32 i = 0; i < s->nr_cpus; i++)
        if (s->cpu[i].apic_id == apic_id)
            return &s->cpu[i];
    return NULL;
}

nodeid_t acpi_srat_apic_to_nid(const struct acpi_srat *s, u32 apic_id)
{
    const struct acpi_srat_cpu *cpu = find_cpu(s, apic_id);

    return cpu ? acpi_srat_pxm_to_nid(s, cpu->pxm) : NODE_NONE;
}

/* Keeps pxm[] ascending and free of repetitions. */
static int add_pxm(struct acpi_srat *s, u32 pxm)
{
    if (acpi_srat_pxm_to_nid(s, pxm) != NODE_NONE)
        return 0;
    if (s->nr_pxm == MAX_NODES) {
        log_warn("ACPI: SRAT: more than %u proximity domains, ignored\n", MAX_NODES);
        return -E2BIG;
    }
    u32 i = s->nr_pxm++;
    for (; i > 0 && s->pxm[i - 1] > pxm; i--)
        s->pxm[i] = s->pxm[i - 1];
    s->pxm[i] = pxm;
    return 0;
}

/* Revision 1 has 8-bit PXMs, and what stands in the upper bytes there means nothing. */
static u32 pxm_of(const struct acpi_srat *s, u32 field)
{
    return s->revision < 2 ? field & 0xff : field;
}

static int add_cpu(struct acpi_srat *s, struct trouble *t, u32 apic_id, u32 pxm)
{
    const struct acpi_srat_cpu *known = find_cpu(s, apic_id);

    if (known) {
        t->repeated += known->pxm != pxm;
        return 0;
    }
    int rc = add_pxm(s, pxm);
    if (rc == 0 && s->nr_cpus < MAX_CPUS)
        s->cpu[s->nr_cpus++] = (struct acpi_srat_cpu){.apic_id = apic_id, .pxm = pxm};
    else if (rc == 0)
        t->too_many++;
    return rc;
}

static int add_mem(struct acpi_srat *s, const struct srat_mem *e)
{
    u64 base = e->BaseAddress, size = e->RangeLength;
    u32 flags = e->Flags;

    if (!(flags & MEM_FLAG_ENABLED) || size == 0)
        return 0;
    if (size > ~0ull - base) {
        log_warn("ACPI: SRAT: range 0x%lx+0x%lx overflows, ignored\n", (unsigned long)base,
                 (unsigned long)size);
        return -EOVERFLOW;
    }
    if (s->nr_mem == ACPI_SRAT_MAX_MEM) {
        log_warn("ACPI: SRAT: more than %u memory ranges, ignored\n", ACPI_SRAT_MAX_MEM);
        return -E2BIG;
    }
    u32 pxm = pxm_of(s, e->ProximityDomain);
    s->mem[s->nr_mem++] = (struct acpi_srat_mem){
        .base = base,
        .size = size,
        .pxm = pxm,
        .flags = (flags & MEM_FLAG_HOTPLUG ? RANGE_HOTPLUG : 0u) |
                 (flags & MEM_FLAG_NONVOLATILE ? RANGE_NONVOLATILE : 0u),
    };
    return add_pxm(s, pxm);
}

static void add_device(struct acpi_srat *s, struct trouble *t, const struct srat_device *e)
{
    if (e->head.Length < sizeof(*e)) {
        t->damaged_devices++;
    } else if (!(e->Flags & DEVICE_FLAG_ENABLED)) {
        return;
    } else if (s->nr_devices == TOPOLOGY_MAX_DEVICES) {
        t->too_many_devices++;
    } else {
        struct topology_device *d = &s->device[s->nr_devices++];

        d->kind = e->head.Type == SRAT_GENERIC_PORT ? DEVICE_GENERIC_PORT : DEVICE_GENERIC_INITIATOR;
        d->handle_type = e->DeviceHandleType;
        memcpy(d->handle, e->DeviceHandle, sizeof(d->handle));
        d->pxm = pxm_of(s, e->ProximityDomain);
        d->nid = NODE_NONE;
    }
}

/* The exact size of the entry types that must be right, 0 for the other types. */
static const u8 entry_bytes[] = {
    [SRAT_PROCESSOR_LOCAL_APIC] = sizeof(struct srat_cpu),
    [SRAT_MEMORY] = sizeof(struct srat_mem),
    [SRAT_PROCESSOR_LOCAL_X2APIC] = sizeof(struct srat_x2apic),
};

static int read_entry(struct acpi_srat *s, struct trouble *t, const struct acpi_subtable *e)
{
    u32 want = e->Type < ARRAY_SIZE(entry_bytes) ? entry_bytes[e->Type] : 0;

    if (want != 0 && e->Length != want) {
        log_warn("ACPI: SRAT: type %u entry of %u bytes, ignored\n", e->Type, e->Length);
        return -EINVAL;
    }
    switch (e->Type) {
    case SRAT_PROCESSOR_LOCAL_APIC: {
        const struct srat_cpu *c = (const void *)e;
        const u8 *high = c->ProximityDomainHigh;
        if (!(c->Flags & CPU_FLAG_ENABLED) || c->APICID == 0xff)
            return 0;
        return add_cpu(s, t, c->APICID,
                       pxm_of(s, c->ProximityDomainLow | (u32)acpi_load16(high) << 8 | (u32)high[2] << 24));
    }
    case SRAT_PROCESSOR_LOCAL_X2APIC: {
        const struct srat_x2apic *c = (const void *)e;
        if (!(c->Flags & CPU_FLAG_ENABLED) || c->X2APICID == 0xffffffff)
            return 0;
        return add_cpu(s, t, c->X2APICID, pxm_of(s, c->ProximityDomain));
    }
    case SRAT_MEMORY:
        return add_mem(s, (const void *)e);
    case SRAT_GENERIC_INITIATOR:
    case SRAT_GENERIC_PORT:
        add_device(s, t, (const void *)e);
        return 0;
    default:
        t->skipped++;
        t->skipped_type = e->Type;
        return 0;
    }
}

static void report(const struct trouble *t)
{
    if (t->repeated)
        log_warn("ACPI: SRAT: %u CPUs listed on a second node, first one taken\n", t->repeated);
    if (t->too_many)
        log_warn("ACPI: SRAT: %u CPUs more than the %u supported, left out\n", t->too_many, MAX_CPUS);
    if (t->damaged_devices)
        log_warn("ACPI: SRAT: %u generic initiators or ports too short, left out\n", t->damaged_devices);
    if (t->too_many_devices)
        log_warn("ACPI: SRAT: %u generic initiators or ports more than the %u supported, left out\n",
                 t->too_many_devices, TOPOLOGY_MAX_DEVICES);
    if (t->skipped)
        log_debug("ACPI: SRAT: %u entries of types that mean nothing here, as type %u, skipped\n", t->skipped,
                  t->skipped_type);
}

static int read_all(struct acpi_srat *s, const struct acpi_header *h, acpi_has_ram_fn has_ram)
{
    struct trouble t = {0};
    struct acpi_walk w = acpi_walk_start(h, SRAT_FIRST_ENTRY, sizeof(struct acpi_subtable));
    const struct acpi_subtable *e;
    int rc = 0;

    while (rc == 0 && (e = acpi_walk_next(&w)))
        rc = read_entry(s, &t, e);
    if (rc != 0)
        return rc;
    if (w.broken) {
        log_warn("ACPI: SRAT: broken entry at byte %u, ignored\n", w.offset);
        return -EINVAL;
    }
    if (s->nr_mem == 0) {
        log_warn("ACPI: SRAT: lists no memory, ignored\n");
        return -EINVAL;
    }
    rc = acpi_srat_resolve(s, has_ram);
    if (rc != 0)
        return rc;
    for (u32 i = 0; i < s->nr_devices; i++)
        s->device[i].nid = acpi_srat_pxm_to_nid(s, s->device[i].pxm);
    report(&t);
    return 0;
}

int acpi_srat_parse(struct acpi_srat *out, const void *bytes, u64 avail, acpi_has_ram_fn has_ram)
{
    const struct acpi_header *h = acpi_table_check(bytes, avail, "SRAT", SRAT_FIRST_ENTRY);

    memset(out, 0, sizeof(*out));
    if (!h)
        return -EINVAL;
    out->revision = h->Revision;
    int rc = read_all(out, h, has_ram);
    if (rc != 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

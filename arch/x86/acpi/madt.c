/* Reads the MADT (ACPI 6.5 5.2.12). See madt.h. */
#include "madt.h"

#include <homestead/errno.h>
#include <lib/log.h>
#include <lib/string.h>

struct ACPI_STRUCT madt_table {          /* ACPI 6.5 5.2.12, table 5.19 */
    struct acpi_header header;           /*  0 */
    u32 LocalInterruptControllerAddress; /* 36 */
    u32 Flags;                           /* 40: bit 0 PCAT_COMPAT */
};
_Static_assert(sizeof(struct madt_table) == 44, "ACPI 6.5 5.2.12");

/* ACPI 6.5 table 5.21 */
enum madt_type {
    MADT_LOCAL_APIC = 0,
    MADT_IO_APIC = 1,
    MADT_LOCAL_APIC_ADDRESS_OVERRIDE = 5,
    MADT_LOCAL_X2APIC = 9,
};

struct ACPI_STRUCT madt_lapic { /* ACPI 6.5 5.2.12.2 */
    struct acpi_subtable head;  /* 0: type 0, 8 bytes */
    u8 ACPIProcessorUID;        /* 2 */
    u8 APICID;                  /* 3 */
    u32 Flags;                  /* 4 */
};
_Static_assert(sizeof(struct madt_lapic) == 8, "ACPI 6.5 5.2.12.2");

struct ACPI_STRUCT madt_ioapic {   /* ACPI 6.5 5.2.12.3 */
    struct acpi_subtable head;     /* 0: type 1, 12 bytes */
    u8 IOAPICID;                   /* 2 */
    u8 Reserved;                   /* 3 */
    u32 IOAPICAddress;             /* 4 */
    u32 GlobalSystemInterruptBase; /* 8 */
};
_Static_assert(sizeof(struct madt_ioapic) == 12, "ACPI 6.5 5.2.12.3");

struct ACPI_STRUCT madt_override { /* ACPI 6.5 5.2.12.8 */
    struct acpi_subtable head;     /* 0: type 5, 12 bytes */
    u16 Reserved;                  /* 2 */
    u64 LocalAPICAddress;          /* 4 */
};
_Static_assert(sizeof(struct madt_override) == 12, "ACPI 6.5 5.2.12.8");

struct ACPI_STRUCT madt_x2apic { /* ACPI 6.5 5.2.12.12 */
    struct acpi_subtable head;   /*  0: type 9, 16 bytes */
    u16 Reserved;                /*  2 */
    u32 X2APICID;                /*  4 */
    u32 Flags;                   /*  8 */
    u32 ACPIProcessorUID;        /* 12 */
};
_Static_assert(sizeof(struct madt_x2apic) == 16, "ACPI 6.5 5.2.12.12");

#define MADT_FLAG_PCAT_COMPAT   (1u << 0)
/* ACPI 6.5 table 5.23 */
#define CPU_FLAG_ENABLED        (1u << 0)
#define CPU_FLAG_ONLINE_CAPABLE (1u << 1)

/* What went wrong, counted, so that 64 bad entries are one line. */
struct trouble {
    u32 damaged, no_cpu, repeated, too_many_cpus, too_many_ioapics;
};

void acpi_madt_init(struct acpi_madt *out)
{
    memset(out, 0, sizeof(*out));
    out->lapic_base = ACPI_LAPIC_BASE_DEFAULT;
}

static bool cpu_known(const struct acpi_madt *m, u32 apic_id)
{
    for (u32 i = 0; i < m->nr_cpus; i++)
        if (m->cpu[i].apic_id == apic_id)
            return true;
    return false;
}

static void add_cpu(struct acpi_madt *m, struct trouble *t, u32 apic_id, u32 uid, u32 flags, u32 broadcast)
{
    if (!(flags & CPU_FLAG_ENABLED)) {
        if (flags & CPU_FLAG_ONLINE_CAPABLE)
            m->nr_hotplug++;
    } else if (apic_id == broadcast) {
        t->no_cpu++;
    } else if (cpu_known(m, apic_id)) {
        t->repeated++; /* some firmware lists a CPU as type 0 and type 9; it must be started once */
    } else if (m->nr_cpus == MAX_CPUS) {
        t->too_many_cpus++;
    } else {
        m->cpu[m->nr_cpus++] = (struct acpi_madt_cpu){.apic_id = apic_id, .acpi_uid = uid};
    }
}

static void add_ioapic(struct acpi_madt *m, struct trouble *t, const struct madt_ioapic *e)
{
    if (m->nr_ioapics == ACPI_MAX_IOAPICS) {
        t->too_many_ioapics++;
        return;
    }
    m->ioapic[m->nr_ioapics++] = (struct acpi_ioapic){
        .id = e->IOAPICID, .gsi_base = e->GlobalSystemInterruptBase, .maddr = e->IOAPICAddress};
}

/* The bytes that an entry of a type that is read here has at least. */
static const u8 entry_bytes[] = {
    [MADT_LOCAL_APIC] = sizeof(struct madt_lapic),
    [MADT_IO_APIC] = sizeof(struct madt_ioapic),
    [MADT_LOCAL_APIC_ADDRESS_OVERRIDE] = sizeof(struct madt_override),
    [MADT_LOCAL_X2APIC] = sizeof(struct madt_x2apic),
};

static void read_entry(struct acpi_madt *m, struct trouble *t, const struct acpi_subtable *e)
{
    if (e->Type < ARRAY_SIZE(entry_bytes) && e->Length < entry_bytes[e->Type]) {
        t->damaged++;
        return;
    }
    switch (e->Type) {
    case MADT_LOCAL_APIC: {
        const struct madt_lapic *c = (const void *)e;
        add_cpu(m, t, c->APICID, c->ACPIProcessorUID, c->Flags, 0xff);
        break;
    }
    case MADT_LOCAL_X2APIC: {
        const struct madt_x2apic *c = (const void *)e;
        add_cpu(m, t, c->X2APICID, c->ACPIProcessorUID, c->Flags, 0xffffffff);
        break;
    }
    case MADT_IO_APIC:
        add_ioapic(m, t, (const void *)e);
        break;
    case MADT_LOCAL_APIC_ADDRESS_OVERRIDE:
        m->lapic_base = ((const struct madt_override *)(const void *)e)->LocalAPICAddress;
        break;
    default:
        break;
    }
}

static void report(const struct trouble *t)
{
    if (t->damaged)
        log_warn("ACPI: MADT: %u entries too short, ignored\n", t->damaged);
    if (t->no_cpu)
        log_warn("ACPI: MADT: %u enabled CPUs with a broadcast APIC id, ignored\n", t->no_cpu);
    if (t->repeated)
        log_warn("ACPI: MADT: %u repeated APIC ids, ignored\n", t->repeated);
    if (t->too_many_cpus)
        log_warn("ACPI: MADT: %u CPUs more than the %u supported, left out\n", t->too_many_cpus, MAX_CPUS);
    if (t->too_many_ioapics)
        log_warn("ACPI: MADT: %u I/O APICs more than the %u supported, left out\n", t->too_many_ioapics,
                 ACPI_MAX_IOAPICS);
}

int acpi_madt_parse(struct acpi_madt *out, const void *bytes, u64 avail)
{
    struct trouble t = {0};

    acpi_madt_init(out);
    const struct acpi_header *h = acpi_table_check(bytes, avail, "APIC", sizeof(struct madt_table));
    if (!h)
        return -EINVAL;

    const struct madt_table *madt = (const void *)h;
    out->lapic_base = madt->LocalInterruptControllerAddress;
    out->pcat_compat = madt->Flags & MADT_FLAG_PCAT_COMPAT;

    struct acpi_walk w = acpi_walk_start(h, sizeof(*madt), sizeof(struct acpi_subtable));
    const struct acpi_subtable *e;
    while ((e = acpi_walk_next(&w)))
        read_entry(out, &t, e);
    if (w.broken)
        log_warn("ACPI: MADT: broken entry at byte %u, the rest is ignored\n", w.offset);
    out->incomplete = w.broken || t.damaged || t.too_many_cpus;
    report(&t);

    if (out->lapic_base == 0 || !IS_ALIGNED(out->lapic_base, PAGE_SIZE)) {
        log_warn("ACPI: MADT: impossible local APIC address 0x%lx, ignored\n",
                 (unsigned long)out->lapic_base);
        out->lapic_base = ACPI_LAPIC_BASE_DEFAULT;
    }
    return 0;
}

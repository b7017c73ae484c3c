/* See guest_acpi.h. Sections are those of ACPI 6.5, revisions those of ACPI 5.0, which brought hardware-reduced
 * machines. */
#include <lib/guest_acpi.h>
#include <lib/string.h>

#define LAPIC_BASE 0xfee00000u

#define TABLE struct __attribute__((packed))

TABLE rsdp /* 5.2.5.3 */
{
    char Signature[8];
    u8 Checksum; /* of the first 20 bytes */
    char OEMID[6];
    u8 Revision;
    u32 RsdtAddress; /* 16 */
    u32 Length;
    u64 XsdtAddress;
    u8 ExtendedChecksum;
    u8 Reserved[3];
};

TABLE header /* 5.2.6 */
{
    char Signature[4];
    u32 Length;
    u8 Revision;
    u8 Checksum;
    char OEMID[6];
    char OEMTableID[8];
    u32 OEMRevision;
    char CreatorID[4];
    u32 CreatorRevision;
};

TABLE xsdt /* 5.2.8 */
{
    struct header header;
    u64 Entry[4];
};

TABLE fadt /* 5.2.9, what is not 0 here */
{
    struct header header;
    u8 to_109[109 - 36];
    u16 IAPC_BOOT_ARCH; /* 109 */
    u8 Reserved;
    u32 Flags; /* 112 */
    u8 to_140[140 - 116];
    u64 X_DSDT; /* 140 */
    u8 to_268[268 - 148];
};

#define FADT_VGA_NOT_PRESENT      (1u << 2) /* of IAPC_BOOT_ARCH, table 5.11 */
#define FADT_CMOS_RTC_NOT_PRESENT (1u << 5)
#define FADT_PWR_BUTTON           (1u << 4) /* of Flags, table 5.10: no power button, or as a device of the DSDT */
#define FADT_SLP_BUTTON           (1u << 5)
#define FADT_HW_REDUCED_ACPI      (1u << 20)

TABLE madt /* 5.2.12 */
{
    struct header header;
    u32 LocalInterruptControllerAddress;
    u32 Flags;
};

TABLE madt_lapic /* 5.2.12.2 */
{
    u8 Type; /* 0 */
    u8 Length;
    u8 ACPIProcessorUID;
    u8 APICID;
    u32 Flags; /* bit 0: enabled */
};

TABLE srat /* 5.2.16 */
{
    struct header header;
    u32 Reserved1; /* 1 */
    u64 Reserved;
};

TABLE srat_lapic /* 5.2.16.1 */
{
    u8 Type; /* 0 */
    u8 Length;
    u8 ProximityDomainLow;
    u8 APICID;
    u32 Flags; /* bit 0: enabled */
    u8 LocalSAPICEID;
    u8 ProximityDomainHigh[3];
    u32 ClockDomain;
};

TABLE srat_memory /* 5.2.16.2 */
{
    u8 Type; /* 1 */
    u8 Length;
    u32 ProximityDomain;
    u16 Reserved;
    u64 BaseAddress;
    u64 Length64;
    u32 Reserved2;
    u32 Flags; /* bit 0: enabled */
    u64 Reserved3;
};

TABLE slit /* 5.2.17 */
{
    struct header header;
    u64 NumberOfSystemLocalities;
    u8 Entry[];
};

_Static_assert(sizeof(struct rsdp) == 36 && offsetof(struct rsdp, XsdtAddress) == 24, "ACPI 6.5 5.2.5.3");
_Static_assert(sizeof(struct header) == 36 && offsetof(struct header, CreatorID) == 28, "ACPI 6.5 5.2.6");
_Static_assert(sizeof(struct fadt) == 268 && offsetof(struct fadt, IAPC_BOOT_ARCH) == 109 &&
                   offsetof(struct fadt, Flags) == 112 && offsetof(struct fadt, X_DSDT) == 140,
               "ACPI 6.5 5.2.9");
_Static_assert(sizeof(struct madt) == 44 && sizeof(struct madt_lapic) == 8, "ACPI 6.5 5.2.12");
_Static_assert(sizeof(struct srat) == 48 && sizeof(struct srat_lapic) == 16 &&
                   sizeof(struct srat_memory) == 40,
               "ACPI 6.5 5.2.16");
_Static_assert(sizeof(struct slit) == 44, "ACPI 6.5 5.2.17");

/* Where each table is, from the first byte on. Tables begin at multiples of 16. */
struct places {
    u64 xsdt, fadt, dsdt, madt, srat, slit, end;
};

static u64 place(u64 *end, u64 bytes)
{
    u64 at = ALIGN_UP(*end, 16);

    *end = at + bytes;
    return at;
}

static struct places find_places(const struct guest_acpi *g)
{
    struct places p = {.end = sizeof(struct rsdp)};

    p.xsdt = place(&p.end, sizeof(struct xsdt));
    p.fadt = place(&p.end, sizeof(struct fadt));
    p.dsdt = place(&p.end, sizeof(struct header));
    p.madt = place(&p.end, sizeof(struct madt) + g->nr_max_vcpus * sizeof(struct madt_lapic));
    if (g->nr_vnodes) {
        p.srat = place(&p.end, sizeof(struct srat) + g->nr_max_vcpus * sizeof(struct srat_lapic) +
                                   g->nr_ranges * sizeof(struct srat_memory));
        p.slit = place(&p.end, sizeof(struct slit) + g->nr_vnodes * g->nr_vnodes);
    }
    return p;
}

u64 guest_acpi_size(const struct guest_acpi *g)
{
    return find_places(g).end;
}

static u8 checksum(const void *bytes, u64 len)
{
    u8 sum = 0;

    for (u64 i = 0; i < len; i++)
        sum = (u8)(sum + ((const u8 *)bytes)[i]);
    return (u8)-sum;
}

/* Completes a table whose fields after the header are written. */
static void finish(void *table, const char *signature, u8 revision, u64 len)
{
    struct header *h = table;

    *h = (struct header){.Length = (u32)len,
                         .Revision = revision,
                         .OEMID = "HOMEST",
                         .OEMTableID = "PVHGUEST",
                         .OEMRevision = 1,
                         .CreatorID = "HMST",
                         .CreatorRevision = 1};
    memcpy(h->Signature, signature, sizeof(h->Signature));
    h->Checksum = checksum(table, len);
}

static void write_madt(const struct guest_acpi *g, struct madt *madt)
{
    struct madt_lapic *cpu = (struct madt_lapic *)(madt + 1);

    madt->LocalInterruptControllerAddress = LAPIC_BASE;
    for (u32 id = 0; id < g->nr_max_vcpus; id++)
        *cpu++ = (struct madt_lapic){.Length = sizeof(*cpu),
                                     .ACPIProcessorUID = (u8)id,
                                     .APICID = (u8)(2 * id),
                                     .Flags = id < g->nr_vcpus};
    finish(madt, "APIC", 3, (u64)((u8 *)cpu - (u8 *)madt));
}

/* The vCPUs node by node: Linux numbers nodes as it meets them here, first those of CPUs, then those of memory. */
static void write_srat(const struct guest_acpi *g, struct srat *srat)
{
    struct srat_lapic *cpu = (struct srat_lapic *)(srat + 1);

    srat->Reserved1 = 1;
    for (u32 vnode = 0; vnode < g->nr_vnodes; vnode++)
        for (u32 id = 0; id < g->nr_max_vcpus; id++)
            if (g->vcpu_to_vnode[id] == vnode)
                *cpu++ = (struct srat_lapic){.Length = sizeof(*cpu),
                                             .ProximityDomainLow = (u8)vnode,
                                             .APICID = (u8)(2 * id),
                                             .Flags = 1};
    struct srat_memory *memory = (struct srat_memory *)cpu;
    for (u32 i = 0; i < g->nr_ranges; i++)
        *memory++ = (struct srat_memory){.Type = 1,
                                         .Length = sizeof(*memory),
                                         .ProximityDomain = g->ranges[i].nid,
                                         .BaseAddress = g->ranges[i].start,
                                         .Length64 = g->ranges[i].end - g->ranges[i].start,
                                         .Flags = 1};
    finish(srat, "SRAT", 3, (u64)((u8 *)memory - (u8 *)srat));
}

static void write_slit(const struct guest_acpi *g, struct slit *slit)
{
    slit->NumberOfSystemLocalities = g->nr_vnodes;
    for (u32 i = 0; i < g->nr_vnodes * g->nr_vnodes; i++)
        slit->Entry[i] = (u8)g->distances[i];
    finish(slit, "SLIT", 1, sizeof(*slit) + g->nr_vnodes * g->nr_vnodes);
}

void guest_acpi_write(const struct guest_acpi *g, u64 at, void *out)
{
    const struct places p = find_places(g);
    u8 *base = out;
    struct rsdp *rsdp = out;
    struct xsdt *xsdt = (struct xsdt *)(base + p.xsdt);
    struct fadt *fadt = (struct fadt *)(base + p.fadt);

    memset(base, 0, p.end);
    xsdt->Entry[0] = at + p.fadt;
    xsdt->Entry[1] = at + p.madt;
    if (g->nr_vnodes) {
        xsdt->Entry[2] = at + p.srat;
        xsdt->Entry[3] = at + p.slit;
        write_srat(g, (struct srat *)(base + p.srat));
        write_slit(g, (struct slit *)(base + p.slit));
    }
    finish(xsdt, "XSDT", 1, sizeof(*xsdt) - (g->nr_vnodes ? 0 : 2 * sizeof(xsdt->Entry[0])));
    fadt->IAPC_BOOT_ARCH = FADT_VGA_NOT_PRESENT | FADT_CMOS_RTC_NOT_PRESENT;
    fadt->Flags = FADT_PWR_BUTTON | FADT_SLP_BUTTON | FADT_HW_REDUCED_ACPI;
    fadt->X_DSDT = at + p.dsdt;
    finish(fadt, "FACP", 5, sizeof(*fadt));
    finish(base + p.dsdt, "DSDT", 2, sizeof(struct header));
    write_madt(g, (struct madt *)(base + p.madt));
    *rsdp = (struct rsdp){.Signature = "RSD PTR ",
                          .OEMID = "HOMEST",
                          .Revision = 2,
                          .Length = sizeof(*rsdp),
                          .XsdtAddress = at + p.xsdt};
    rsdp->Checksum = checksum(rsdp, 20);
    rsdp->ExtendedChecksum = checksum(rsdp, sizeof(*rsdp));
}

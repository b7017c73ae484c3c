/* Reads the FADT (ACPI 6.5 5.2.9, table 5.9). See fadt.h. */
#include "fadt.h"

#include <homestead/errno.h>
#include <lib/log.h>

/* ACPI 6.5 5.2.3.2, table 5.1 */
struct ACPI_STRUCT acpi_gas {
    u8 AddressSpaceID;    /* 0 */
    u8 RegisterBitWidth;  /* 1 */
    u8 RegisterBitOffset; /* 2 */
    u8 AccessSize;        /* 3 */
    u64 Address;          /* 4 */
};
_Static_assert(sizeof(struct acpi_gas) == 12, "ACPI 6.5 5.2.3.2");

/* Offsets of the fields that are read; each needs a table that extends beyond it. */
enum fadt_offset {
    FADT_PM_TMR_BLK = 76,    /* u32 */
    FADT_PM_TMR_LEN = 91,    /* u8 */
    FADT_CENTURY = 108,      /* u8 */
    FADT_BOOT_ARCH = 109,    /* u16, since revision 2 */
    FADT_FLAGS = 112,        /* u32 */
    FADT_RESET_REG = 116,    /* GAS, since revision 2 */
    FADT_RESET_VALUE = 128,  /* u8 */
    FADT_X_PM_TMR_BLK = 208, /* GAS, since revision 3 */
};
#define FADT_V1_BYTES    116u /* ACPI 1.0's */
#define FADT_RESET_BYTES (FADT_RESET_VALUE + 1u)
#define FADT_X_TMR_BYTES (FADT_X_PM_TMR_BLK + (u32)sizeof(struct acpi_gas))

#define ARCH_NO_CMOS              (1u << 5) /* of BOOT_ARCH, table 5.11; since ACPI 4.0, whose FADT has revision 4 */
#define CMOS_BYTES                128u
#define FLAG_TMR_VAL_EXT          (1u << 8)
#define FLAG_RESET_REG_SUP        (1u << 10)
#define FLAG_HW_REDUCED_ACPI      (1u << 20)
#define PM_TIMER_BLOCK_BYTES      4u
#define IO_PORT_MAX               0xffffu
#define PM_TIMER_BITS(fadt_flags) ((fadt_flags)&FLAG_TMR_VAL_EXT ? 32u : 24u)

static bool register_usable(const struct acpi_gas *g)
{
    u64 address = g->Address;

    if (address == 0)
        return false;
    return g->AddressSpaceID == ACPI_SPACE_MEMORY || g->AddressSpaceID == ACPI_SPACE_PCI_CONFIG ||
           (g->AddressSpaceID == ACPI_SPACE_IO && address <= IO_PORT_MAX);
}

static void read_reset(struct acpi_fadt *f, const u8 *table, u32 len, u32 flags)
{
    if (!(flags & FLAG_RESET_REG_SUP) || f->revision < 2 || len < FADT_RESET_BYTES)
        return;
    const struct acpi_gas *g = (const void *)(table + FADT_RESET_REG);
    /* ACPI 6.5 4.8.3.6: always a byte. */
    if (!register_usable(g) || g->RegisterBitWidth != 8 || g->RegisterBitOffset != 0) {
        log_warn("ACPI: FADT: impossible reset register, ignored\n");
        return;
    }
    f->has_reset = true;
    f->reset = (struct acpi_register){.space = g->AddressSpaceID, .address = g->Address};
    f->reset_value = table[FADT_RESET_VALUE];
}

static void read_pm_timer(struct acpi_fadt *f, const u8 *table, u32 len, u32 flags)
{
    f->pm_timer_bits = PM_TIMER_BITS(flags);
    if (f->revision >= 3 && len >= FADT_X_TMR_BYTES) {
        const struct acpi_gas *g = (const void *)(table + FADT_X_PM_TMR_BLK);
        if (register_usable(g) && g->AddressSpaceID != ACPI_SPACE_PCI_CONFIG) {
            f->has_pm_timer = true;
            f->pm_timer = (struct acpi_register){.space = g->AddressSpaceID, .address = g->Address};
            return;
        }
    }
    u32 port = acpi_load32(table + FADT_PM_TMR_BLK);
    if (port != 0 && port <= IO_PORT_MAX && table[FADT_PM_TMR_LEN] == PM_TIMER_BLOCK_BYTES) {
        f->has_pm_timer = true;
        f->pm_timer = (struct acpi_register){.space = ACPI_SPACE_IO, .address = port};
    }
}

int acpi_fadt_parse(struct acpi_fadt *out, const void *bytes, u64 avail)
{
    const struct acpi_header *h = acpi_table_check(bytes, avail, "FACP", FADT_V1_BYTES);

    if (!h)
        return -EINVAL;
    const u8 *table = bytes;
    u32 flags = acpi_load32(table + FADT_FLAGS);
    struct acpi_fadt f = {.revision = h->Revision};

    f.no_cmos = f.revision >= 4 && (table[FADT_BOOT_ARCH] & ARCH_NO_CMOS);
    f.century = table[FADT_CENTURY] < CMOS_BYTES ? table[FADT_CENTURY] : 0;
    f.hw_reduced = f.revision >= 5 && (flags & FLAG_HW_REDUCED_ACPI);
    read_reset(&f, table, h->Length, flags);
    if (!f.hw_reduced) /* ACPI 6.5 4.1: no PM timer there */
        read_pm_timer(&f, table, h->Length, flags);
    *out = f;
    return 0;
}

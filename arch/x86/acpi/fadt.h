/*
 * FADT: the reset register, the PM timer, the real-time clock (ACPI 6.5 5.2.9, 4.8.3.3, 4.8.3.6). Pure functions on bytes.
 */
#ifndef ARCH_X86_ACPI_FADT_H
#define ARCH_X86_ACPI_FADT_H

#include "tables.h"

/* ACPI 6.5 table 5.1 */
enum acpi_space {
    ACPI_SPACE_MEMORY = 0,
    ACPI_SPACE_IO = 1,
    ACPI_SPACE_PCI_CONFIG = 2, /* address: device << 32 | function << 16 | offset, on bus 0 */
};

struct acpi_register {
    u32 space; /* enum acpi_space */
    u64 address;
};

struct acpi_fadt {
    u32 revision; /* 0: no FADT */
    bool hw_reduced;
    bool no_cmos; /* it says that there is no real-time clock at ports 0x70 and 0x71 */
    u8 century;   /* index of that clock's register with the century, 0: none */
    bool has_reset;
    struct acpi_register reset; /* one byte wide */
    u8 reset_value;
    bool has_pm_timer;
    struct acpi_register pm_timer; /* 32-bit port or memory, counts at 3.579545 MHz */
    u32 pm_timer_bits;             /* 24 or 32 */
};

/*
 * Reads the FADT in the avail bytes at `bytes`. What its revision and length do not reach, or what makes no
 * sense (with a warning), counts as absent.
 * 0; -EINVAL: header, length or checksum is wrong, *out untouched.
 */
int acpi_fadt_parse(struct acpi_fadt *out, const void *bytes, u64 avail);

#endif

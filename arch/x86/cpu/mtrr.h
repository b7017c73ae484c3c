/*
 * The memory type that the host's MTRRs give an address. On AMD the CPU combines it with the nested tables' own; on Intel
 * the type in an EPT entry takes its place, so it has to be known there.
 * Plain C on a copy of the registers. Sources: SDM 3A 12.11 (11.11 in older editions), APM2 7.7.
 */
#ifndef CPU_MTRR_H
#define CPU_MTRR_H

#include <homestead/types.h>

#define MSR_IA32_MTRRCAP        0xfeu
#define MSR_IA32_MTRR_PHYSBASE0 0x200u /* then its PHYSMASK, and the next pair */
#define MSR_IA32_MTRR_FIX64K    0x250u
#define MSR_IA32_MTRR_FIX16K    0x258u /* two registers */
#define MSR_IA32_MTRR_FIX4K     0x268u /* eight */
#define MSR_IA32_MTRR_DEF_TYPE  0x2ffu

/* As MTRRs, PAT and EPT entries encode them. */
enum memory_type {
    MEMORY_UC = 0,
    MEMORY_WC = 1,
    MEMORY_WT = 4,
    MEMORY_WP = 5,
    MEMORY_WB = 6,
};

#define MTRR_NR_FIXED  88u  /* pieces of the first MiB: 8 of 64 KiB, 16 of 16 KiB, 64 of 4 KiB */
#define MTRR_NR_RANGES 255u /* MTRRCAP has no room for more */

struct mtrr {
    bool enabled, use_fixed;
    u8 default_type;
    u8 fixed[MTRR_NR_FIXED];
    u32 nr_ranges;
    u64 addresses; /* the bits that an address can have */
    struct {       /* the valid ones: an address is in the range if its bits of mask are base's */
        u64 base, mask;
        u8 type;
    } range[MTRR_NR_RANGES];
};

/* Reads this CPU's. maddr_bits: its physical address width, from CPUID 0x80000008. */
void mtrr_read(struct mtrr *m, u64 (*read)(u32 msr), u32 maddr_bits);
/* The type of maddr, an enum memory_type, and *end: no address from maddr to there has another. Ranges that overlap in a
 * way that the manuals leave undefined count as UC. */
u8 mtrr_type(const struct mtrr *m, u64 maddr, u64 *end);

/* [I] The type of all RAM that is used. Write-back, unless the MTRRs make no RAM so: boot/memory_setup.c. */
extern u8 mtrr_ram_type;

#endif

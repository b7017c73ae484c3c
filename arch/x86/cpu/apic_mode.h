/*
 * The local APIC's mode: which one all CPUs use, how a CPU gets there, and what an interrupt command looks like in it.
 * Decisions in plain C, tested on the host; apic.c reads and writes the registers.
 *
 * The boot CPU's mode is as the firmware left it. It changes only to x2APIC: if that is wanted, or if an APIC id above
 * 254 cannot be reached otherwise. Firmware may have locked x2APIC mode on; then no way leads back, and none is needed.
 *
 * Destinations are physical in both modes: each interrupt is for one CPU, so a logical destination would save nothing.
 * Cluster mode is therefore not used, and neither LDR nor the FADT's two flags about destinations matter.
 *
 * Source: SDM 3A 10.4.3 (modes), 10.6.1 (ICR), 10.12 (x2APIC; 10.12.5 transitions), SDM 4 (IA32_XAPIC_DISABLE_STATUS).
 */
#ifndef CPU_APIC_MODE_H
#define CPU_APIC_MODE_H

#include <homestead/types.h>

/* IA32_APIC_BASE */
#define APIC_BASE_EXTD BIT(10) /* x2APIC mode, together with: */
#define APIC_BASE_EN   BIT(11)
#define APIC_BASE_ADDR 0x000ffffffffff000ull
#define XAPIC_MAX_ID   254u
/* An interrupt command: delivery mode and flags. Physical destination, edge. */
#define ICR_NMI        0x400u
#define ICR_INIT       0x500u
#define ICR_STARTUP    0x600u
#define ICR_ASSERT     0x4000u

struct apic_cpu {
    u64 base;        /* IA32_APIC_BASE */
    bool has_x2apic; /* CPUID */
    bool locked;     /* in x2APIC mode, which it cannot leave */
};

static inline bool apic_is_x2(u64 base)
{
    return base & APIC_BASE_EXTD;
}

/* Shall all CPUs be in x2APIC mode? wanted: by the option; nr_high: CPUs with APIC ids above XAPIC_MAX_ID. */
bool apic_choose_x2(const struct apic_cpu *boot, bool wanted, u32 nr_high);

#define APIC_STEPS 2u
/*
 * The values to write to IA32_APIC_BASE, one after the other, until the CPU is in that mode; returns how many. From
 * x2APIC to xAPIC the way leads through "off", and from "off" to x2APIC through xAPIC. -ENODEV: it has no x2APIC mode;
 * -EPERM: it is locked in it.
 */
int apic_mode_steps(const struct apic_cpu *cpu, bool x2, u64 steps[APIC_STEPS]);

/* ICR as one number of 64 bits; in xAPIC mode its upper half is a register of its own, written first. */
static inline u64 apic_icr(bool x2, u32 dest_apic_id, u32 command)
{
    return (u64)dest_apic_id << (x2 ? 32 : 56) | command;
}

#endif

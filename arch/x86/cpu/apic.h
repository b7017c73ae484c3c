/*
 * The local APIC, xAPIC (memory mapped) or x2APIC (MSRs), whichever the firmware left on. Names as in
 * APM2 16.3 and SDM 3A 10.
 */
#ifndef CPU_APIC_H
#define CPU_APIC_H

#include <homestead/types.h>

/* base: physical address from the MADT, used in xAPIC mode. -ENODEV: this CPU has no local APIC. */
int apic_init(u64 base);
u32 apic_id(void);
void apic_eoi(void);
/* Timer, one shot: counts down from count at the bus clock divided by 16; 0 stops it. */
void apic_timer_start(u32 count);
u32 apic_timer_current(void);
/* Masks the two 8259s, whose interrupts nobody here wants. */
void pic_disable(void);

#endif

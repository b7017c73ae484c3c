/*
 * The local APIC, xAPIC (memory mapped) or x2APIC (MSRs), whichever the firmware left on. Names as in
 * APM2 16.3 and SDM 3A 10.
 */
#ifndef CPU_APIC_H
#define CPU_APIC_H

#include <homestead/types.h>

/* For the boot CPU: base: physical address from the MADT, used in xAPIC mode. Its mode will be that of all.
 * -ENODEV: this CPU has no local APIC. */
int apic_init(u64 base);
/* The boot CPU, before others start: to x2APIC mode, without which no id above 254 can be reached. -ENODEV:
 * the CPU has none. */
int apic_use_x2apic(void);
/* The same mode and set-up on another CPU, which calls it. -ENODEV: it cannot be brought into that mode. */
int apic_init_other(void);
bool apic_in_x2apic_mode(void);
u32 apic_id(void);
/* Interrupts for the CPU with that APIC id, physical destination. Waits until the last one has left. */
void apic_send(u32 dest_apic_id, u8 vector);
void apic_send_nmi(u32 dest_apic_id);
void apic_send_init(u32 dest_apic_id);
void apic_send_startup(u32 dest_apic_id, u8 page);
void apic_eoi(void);
/* Timer, one shot: counts down from count at the bus clock divided by 16; 0 stops it. */
void apic_timer_start(u32 count);
u32 apic_timer_current(void);
/* Masks the two 8259s: none of their interrupts is used. */
void pic_disable(void);

#endif

/*
 * The local APIC, xAPIC (memory mapped) or x2APIC (MSRs), apic_mode.h says which. Names as in APM2 16.3 and
 * SDM 3A 10.
 */
#ifndef CPU_APIC_H
#define CPU_APIC_H

#include <homestead/types.h>

/* For the boot CPU: base: physical address from the MADT, used in xAPIC mode. Its mode will be that of all.
 * -ENODEV: this CPU has no local APIC. */
int apic_init(u64 base);
/* The boot CPU, before others start: to x2APIC mode if that is wanted, or if there are CPUs with ids above 254: nr_high.
 * -ENODEV: it should be, and the CPU has none. */
int apic_choose_mode(bool wanted, u32 nr_high);
/* The same mode and set-up on another CPU, which calls it. NULL, or why it cannot be used. */
const char *apic_init_other(void);
bool apic_in_x2apic_mode(void);
/* In that mode, and locked in it by the firmware. This CPU. */
bool apic_is_locked(void);
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

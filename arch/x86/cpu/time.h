/* Time: the TSC, calibrated once, and the local APIC's timer. Units are in the names. */
#ifndef CPU_TIME_H
#define CPU_TIME_H

#include <homestead/types.h>

extern u64 tsc_khz; /* [I] after time_init() */

/* Calibrates TSC and APIC timer against the ACPI PM timer (port, 0: use the PIT). */
void time_init(u16 pm_timer_port);
/* Nanoseconds since time_init(), monotonic, and the same on all CPUs within what tsc_sync.c can
 * measure. */
u64 time_now_ns(void);
/* Busy-waits. */
void time_delay_us(u32 us);
u64 time_ns_to_tsc(u64 ns);
u64 time_tsc_to_ns(u64 tsc_delta);
/* tsc_synced() at time_now_ns() 0. */
u64 time_tsc_start(void);
/* Multiplier and shift of the pvclock ABI: ns = ((tsc << shift) * mul) >> 32 (shift < 0: right). */
void time_pvclock_scale(u32 *mul, s8 *shift);
/* A register of the PC's real-time clock, index up to 127; 0xff where there is no such clock. */
u8 cmos_read(u8 index);
/* Arms this CPU's timer for deadline_ns (time_now_ns() scale), and if it is not armed anew, again after as long a time;
 * at or before now fires within 10 us. 0: off. */
void time_arm_ns(u64 deadline_ns);

#endif

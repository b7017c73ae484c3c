/* The time of day, read once at boot: that of system time 0. */
#ifndef CPU_WALL_CLOCK_H
#define CPU_WALL_CLOCK_H

#include <homestead/boot_info.h>

/* seconds since 1970-01-01 00:00:00 UTC and nanoseconds, when time_now_ns() was 0. False: not known, both are 0. */
bool wall_clock_at_zero(u64 *seconds, u32 *ns);

/*
 * After time_init(), before domains. Takes the firmware's time if the loader has passed one that makes sense, else that
 * of the PC's real-time clock, if has_cmos, read within 100 ms; prints which. century: the index of its register, 0: none.
 */
void wall_clock_init(const struct boot_efi_time *efi, bool has_cmos, u8 century);

#endif

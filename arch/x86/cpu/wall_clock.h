/* The time of day: that of system time 0. Read once at boot, and set by the control domain. */
#ifndef CPU_WALL_CLOCK_H
#define CPU_WALL_CLOCK_H

#include <homestead/boot_info.h>
#include <lib/spinlock.h>

/* seconds since 1970-01-01 00:00:00 UTC and nanoseconds, when time_now_ns() was 0. False: not known, both are 0. */
bool wall_clock_at_zero(u64 *seconds, u32 *ns);

/*
 * It is seconds and ns (any value) since 1970 when time_now_ns() is system_ns. -EINVAL: at system time 0 it would be
 * before 1970 or after 2^64 - 1 ns, in 2554.
 */
int wall_clock_set(u64 seconds, u32 ns, u64 system_ns);

/*
 * After time_init(), before domains. Takes the firmware's time if the loader has passed one that makes sense, else that
 * of the PC's real-time clock, if has_cmos, read within 100 ms; prints which. century: the index of its register, 0: none.
 */
void wall_clock_init(const struct boot_efi_time *efi, bool has_cmos, u8 century);

/* For the debug console. */
spinlock_t *wall_clock_lock(void);

#endif

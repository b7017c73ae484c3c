/*
 * Dates as clocks have them, and as seconds since 1970-01-01 00:00:00 UTC without leap seconds. Pure functions.
 */
#ifndef CPU_CIVIL_TIME_H
#define CPU_CIVIL_TIME_H

#include <homestead/boot_info.h>

#define CIVIL_YEAR_MIN 1970u
#define CIVIL_YEAR_MAX 9999u

struct civil_time {
    u32 year, month, day; /* month and day from 1 */
    u32 hour, minute, second;
};

/* The registers of a PC's real-time clock (MC146818), as they were read. */
struct cmos_time {
    u8 second, minute, hour, day, month, year;
    u8 century; /* of the register that the FADT names, 0: it names none */
    u8 status_b;
};

/* -EINVAL: there is no such second; *seconds untouched. */
int civil_to_seconds(const struct civil_time *civil, u64 *seconds);
/* seconds: up to the end of CIVIL_YEAR_MAX. */
struct civil_time civil_from_seconds(u64 seconds);
/* BCD or binary, 12 or 24 hours, as status_b says. A century that is none of 19 to 99 is ignored: then years from 70 are
 * those of the 20th, others of the 21st. -EINVAL: not a date; *civil untouched. */
int civil_from_cmos(const struct cmos_time *cmos, struct civil_time *civil);

/* *seconds in UTC, and *ns of that second. -EINVAL: no time, or not a date; both untouched. */
int civil_from_efi(const struct boot_efi_time *efi, u64 *seconds, u32 *ns);

#endif

/* See civil_time.h. Facts of the real-time clock: MC146818A data sheet, tables 3 to 5; the PC's use of it: ACPI 6.5 5.2.9. */
#include <arch/x86/cpu/civil_time.h>

#include <homestead/errno.h>

#define ZONE_MINUTES_MAX 1440
#define DAY_SECONDS      86400u
#define STATUS_B_24_HOUR BIT(1)
#define STATUS_B_BINARY  BIT(2)
#define HOUR_PM          BIT(7) /* of a clock of 12 hours */

static bool is_leap(u32 year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static u32 month_days(u32 year, u32 month)
{
    static const u8 days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January. */
static u64 days_before(u32 year)
{
    u32 full = year - 1, leaps = full / 4 - full / 100 + full / 400;

    return 365ull * (year - CIVIL_YEAR_MIN) + leaps - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

int civil_to_seconds(const struct civil_time *c, u64 *seconds)
{
    if (c->year < CIVIL_YEAR_MIN || c->year > CIVIL_YEAR_MAX || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > month_days(c->year, c->month) || c->hour > 23 || c->minute > 59 || c->second > 59)
        return -EINVAL;
    u64 days = days_before(c->year) + c->day - 1;
    for (u32 month = 1; month < c->month; month++)
        days += month_days(c->year, month);
    *seconds = days * DAY_SECONDS + c->hour * 3600 + c->minute * 60 + c->second;
    return 0;
}

struct civil_time civil_from_seconds(u64 seconds)
{
    u64 days = seconds / DAY_SECONDS;
    u32 of_day = (u32)(seconds % DAY_SECONDS);
    /* A year has at most 366 days: a first year that is not too late. */
    struct civil_time c = {.year = CIVIL_YEAR_MIN + (u32)(days / 366), .month = 1};

    while (days_before(c.year + 1) <= days)
        c.year++;
    days -= days_before(c.year);
    while (days >= month_days(c.year, c.month))
        days -= month_days(c.year, c.month++);
    c.day = (u32)days + 1;
    c.hour = of_day / 3600;
    c.minute = of_day / 60 % 60;
    c.second = of_day % 60;
    return c;
}

/* A register's number; 0xff: it is none. */
static u32 number(u8 raw, bool binary)
{
    if (binary)
        return raw;
    return (raw & 0xf) > 9 || raw >> 4 > 9 ? 0xff : (raw >> 4) * 10u + (raw & 0xf);
}

static u32 hour_of(u8 raw, u8 status_b)
{
    bool binary = status_b & STATUS_B_BINARY;

    if (status_b & STATUS_B_24_HOUR)
        return number(raw, binary);
    u32 hour = number(raw & (u8)~HOUR_PM, binary);
    if (hour < 1 || hour > 12)
        return 0xff;
    return hour % 12 + (raw & HOUR_PM ? 12 : 0);
}

int civil_from_cmos(const struct cmos_time *cmos, struct civil_time *civil)
{
    bool binary = cmos->status_b & STATUS_B_BINARY;
    /* Firmware keeps the century in BCD on some machines whose clock is binary: 0x19 and 0x20 are no binary centuries. */
    u32 century = number(cmos->century, binary && cmos->century != 0x19 && cmos->century != 0x20);
    u32 year = number(cmos->year, binary);
    u64 unused;

    if (year > 99)
        return -EINVAL;
    if (century < 19 || century > 99)
        century = year < 70 ? 20 : 19;
    struct civil_time c = {.year = century * 100 + year,
                           .month = number(cmos->month, binary),
                           .day = number(cmos->day, binary),
                           .hour = hour_of(cmos->hour, cmos->status_b),
                           .minute = number(cmos->minute, binary),
                           .second = number(cmos->second, binary)};
    int rc = civil_to_seconds(&c, &unused);
    if (!rc)
        *civil = c;
    return rc;
}

int civil_from_efi(const struct boot_efi_time *efi, u64 *seconds, u32 *ns)
{
    const struct civil_time c = {.year = efi->year,
                                 .month = efi->month,
                                 .day = efi->day,
                                 .hour = efi->hour,
                                 .minute = efi->minute,
                                 .second = efi->second};
    s32 zone = efi->zone_minutes == BOOT_EFI_ZONE_UNSPECIFIED ? 0 : efi->zone_minutes;
    u64 local;

    if (zone < -ZONE_MINUTES_MAX || zone > ZONE_MINUTES_MAX || efi->ns > 999999999 ||
        civil_to_seconds(&c, &local))
        return -EINVAL;
    s64 utc = (s64)local + zone * 60;
    if (utc < 0)
        return -EINVAL;
    *seconds = (u64)utc;
    *ns = efi->ns;
    return 0;
}

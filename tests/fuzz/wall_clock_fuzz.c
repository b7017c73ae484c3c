/*
 * Any bytes as the registers of a real-time clock and as the firmware's time: what is accepted is a second that exists,
 * the same after conversion there and back, and what is refused changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <arch/x86/cpu/civil_time.h>

#define REQUIRE(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check_second(u64 seconds)
{
    struct civil_time c = civil_from_seconds(seconds);
    u64 again = 0;

    REQUIRE(c.year >= CIVIL_YEAR_MIN && c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= 31);
    REQUIRE(c.hour < 24 && c.minute < 60 && c.second < 60);
    if (c.year <= CIVIL_YEAR_MAX) /* a time zone can be in the year after */
        REQUIRE(!civil_to_seconds(&c, &again) && again == seconds);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct civil_time c = {.year = 1}, before = c;
    struct boot_efi_time efi;
    struct cmos_time cmos;
    u64 seconds = 7;
    u32 ns = 7;

    if (size < sizeof(efi))
        return 0;
    memcpy(&cmos, data, sizeof(cmos));
    memcpy(&efi, data, sizeof(efi));
    if (civil_from_cmos(&cmos, &c)) {
        REQUIRE(!memcmp(&c, &before, sizeof(c)));
    } else {
        REQUIRE(!civil_to_seconds(&c, &seconds));
        check_second(seconds);
    }
    seconds = 7;
    if (civil_from_efi(&efi, &seconds, &ns)) {
        REQUIRE(seconds == 7 && ns == 7);
    } else {
        REQUIRE(ns < 1000000000);
        check_second(seconds);
    }
    return 0;
}

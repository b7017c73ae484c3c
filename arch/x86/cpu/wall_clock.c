/*
 * Reads the time of day. From the UEFI firmware it was read by the loader, with the TSC of that moment: calls of runtime
 * services after boot services have ended are where firmware has most faults. Otherwise from the real-time clock of a PC
 * at ports 0x70 and 0x71, to a second. Both can be set to something else than UTC; only UEFI says so.
 *
 * Facts: MC146818A data sheet; UEFI 2.10 8.3 (GetTime).
 */
#include <arch/x86/cpu/wall_clock.h>

#include <arch/x86/cpu/civil_time.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/tsc_sync.h>
#include <homestead/errno.h>
#include <homestead/init.h>
#include <lib/log.h>
#include <lib/spinlock.h>
#include <lib/string.h>

#define CMOS_TRIES    8u
#define TRY_NS        10000000ull /* an update takes 2.2 ms */
#define NS_PER_SECOND 1000000000ll

enum cmos_register {
    CMOS_SECOND = 0,
    CMOS_MINUTE = 2,
    CMOS_HOUR = 4,
    CMOS_DAY = 7,
    CMOS_MONTH = 8,
    CMOS_YEAR = 9,
    CMOS_STATUS_A = 10, /* bit 7: an update begins within 244 us, or is going on */
    CMOS_STATUS_B = 11,
};
#define STATUS_A_UPDATE BIT(7)

static spinlock_t lock = SPINLOCK_INIT(LOCK_WALL_CLOCK);
static u64 zero_seconds; /* [lock] */
static u32 zero_ns;      /* [lock] */
static bool known;       /* [lock] */

static INIT bool cmos_is_still(void)
{
    u64 end_ns = time_now_ns() + TRY_NS;

    while (cmos_read(CMOS_STATUS_A) & STATUS_A_UPDATE)
        if (time_now_ns() > end_ns)
            return false;
    return true;
}

static INIT void cmos_read_all(struct cmos_time *t, u8 century)
{
    *t = (struct cmos_time){.second = cmos_read(CMOS_SECOND),
                            .minute = cmos_read(CMOS_MINUTE),
                            .hour = cmos_read(CMOS_HOUR),
                            .day = cmos_read(CMOS_DAY),
                            .month = cmos_read(CMOS_MONTH),
                            .year = cmos_read(CMOS_YEAR),
                            .century = century ? cmos_read(century) : 0,
                            .status_b = cmos_read(CMOS_STATUS_B)};
}

/* NULL, or why not. Two equal readings: SMM or an emulator may take the CPU away for longer than an update waits. */
static INIT const char *read_cmos(u8 century, u64 *seconds)
{
    struct cmos_time first, second;
    struct civil_time civil;
    bool same = false;

    for (u32 tries = 0; tries < CMOS_TRIES && !same; tries++) {
        if (!cmos_is_still())
            return "the real-time clock is always being updated, or is not there";
        cmos_read_all(&first, century);
        cmos_read_all(&second, century);
        same = !memcmp(&first, &second, sizeof(first));
    }
    if (!same)
        return "the real-time clock never reads the same twice";
    return civil_from_cmos(&first, &civil) || civil_to_seconds(&civil, seconds)
               ? "the real-time clock has no date"
               : NULL;
}

/* The time was seconds and ns at that system time, which may be before 0. */
static INIT void set_zero(u64 seconds, u32 ns, s64 system_ns)
{
    s64 rest_ns = (s64)ns - system_ns % NS_PER_SECOND; /* more than -1 and less than 2 seconds */

    zero_seconds =
        seconds - (u64)(system_ns / NS_PER_SECOND) + (u64)(rest_ns >= NS_PER_SECOND) - (u64)(rest_ns < 0);
    zero_ns = (u32)((rest_ns + NS_PER_SECOND) % NS_PER_SECOND);
    known = true;
}

INIT void wall_clock_init(const struct boot_efi_time *efi, bool has_cmos, u8 century)
{
    const char *by = "UEFI", *why = NULL;
    u64 seconds;
    u32 ns;

    if (!civil_from_efi(efi, &seconds, &ns)) {
        set_zero(seconds, ns, (s64)(time_now_ns() - time_tsc_to_ns(tsc_synced() - efi->tsc)));
    } else if (!has_cmos) {
        why = "the firmware says that there is no real-time clock";
    } else {
        by = "CMOS";
        why = read_cmos(century, &seconds);
        if (!why)
            set_zero(seconds, 0, (s64)time_now_ns());
    }
    if (why) {
        log_warn("no wall clock, guests start in 1970: %s\n", why);
        return;
    }
    struct civil_time c = civil_from_seconds(seconds);
    log_info("Wall clock      %04u-%02u-%02u %02u:%02u:%02u UTC (by %s)\n", c.year, c.month, c.day, c.hour,
             c.minute, c.second, by);
}

bool wall_clock_at_zero(u64 *seconds, u32 *ns)
{
    spin_lock(&lock);
    bool is = known;
    *seconds = zero_seconds;
    *ns = zero_ns;
    spin_unlock(&lock);
    return is;
}

int wall_clock_set(u64 seconds, u32 ns, u64 system_ns)
{
    u64 at_ns;

    if (__builtin_mul_overflow(seconds, (u64)NS_PER_SECOND, &at_ns) ||
        __builtin_add_overflow(at_ns, (u64)ns, &at_ns) || __builtin_sub_overflow(at_ns, system_ns, &at_ns))
        return -EINVAL;
    spin_lock(&lock);
    zero_seconds = at_ns / (u64)NS_PER_SECOND;
    zero_ns = (u32)(at_ns % (u64)NS_PER_SECOND);
    known = true;
    spin_unlock(&lock);
    return 0;
}

spinlock_t *wall_clock_lock(void)
{
    return &lock;
}

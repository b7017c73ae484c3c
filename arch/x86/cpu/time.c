/*
 * TSC and APIC timer, calibrated together against the ACPI PM timer (3.579545 MHz on every machine,
 * ACPI 6.5 4.8.3.3) or, where there is none, the PIT's channel 2. Two milliseconds give 140 ppm.
 */
#include <arch/x86/cpu/time.h>

#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/io.h>
#include <arch/x86/cpu/msr.h>
#include <lib/log.h>

#define PM_TIMER_HZ    3579545u
#define PM_TIMER_MASK  0xffffffu /* 24 bits are there in any case */
#define PIT_HZ         1193182u
#define CALIBRATION_US 2000u
#define SPINS_MAX      20000000u /* a reference clock that stands still ends here */

u64 tsc_khz;
static u64 tsc_start;    /* [I] */
static u32 pvclock_mul;  /* [I] */
static s8 pvclock_shift; /* [I] */
static u64 apic_khz;     /* [I] after its divider */

struct sample {
    u64 tsc;
    u32 apic;
};

static struct sample sample_clocks(void)
{
    return (struct sample){rdtsc(), apic_timer_current()};
}

/* Waits for CALIBRATION_US by the PM timer. False: it does not run. */
static bool calibrate_pm(u16 port, struct sample *from, struct sample *to)
{
    const u32 wanted = (u32)((u64)PM_TIMER_HZ * CALIBRATION_US / 1000000);
    u32 spins = 0;
    u32 first = inl(port) & PM_TIMER_MASK;

    while ((inl(port) & PM_TIMER_MASK) == first) /* begin at a tick */
        if (++spins > SPINS_MAX)
            return false;
    *from = sample_clocks();
    first = (first + 1) & PM_TIMER_MASK;
    while (((inl(port) - first) & PM_TIMER_MASK) < wanted)
        if (++spins > SPINS_MAX)
            return false;
    *to = sample_clocks();
    return true;
}

/* The same by PIT channel 2, gated through port 0x61; bit 5 there is its output. */
static bool calibrate_pit(struct sample *from, struct sample *to)
{
    const u32 wanted = PIT_HZ / (1000000 / CALIBRATION_US);
    u32 spins = 0;

    outb(0x61, (u8)((inb(0x61) & ~0x02u) | 0x01));
    outb(0x43, 0xb0); /* channel 2, both bytes, mode 0: output rises at the end */
    outb(0x42, (u8)wanted);
    outb(0x42, (u8)(wanted >> 8));
    *from = sample_clocks();
    while (!(inb(0x61) & 0x20))
        if (++spins > SPINS_MAX)
            return false;
    *to = sample_clocks();
    return true;
}

static void set_pvclock_scale(void)
{
    /* ns = tsc * 10^6 / khz as a 32-bit fraction: bring the rate into (0.5, 1] GHz by shifting. */
    u64 khz = tsc_khz;

    for (pvclock_shift = 0; khz > 2000000; khz >>= 1)
        pvclock_shift--;
    for (; khz <= 1000000; khz <<= 1)
        pvclock_shift++;
    pvclock_mul = (u32)((1000000ull << 32) / khz);
}

void time_init(u16 pm_timer_port)
{
    struct sample from, to;
    const char *by = "ACPI PM timer";

    apic_timer_start(0xffffffff);
    bool ok = pm_timer_port && calibrate_pm(pm_timer_port, &from, &to);
    if (!ok) {
        by = "PIT";
        ok = calibrate_pit(&from, &to);
    }
    apic_timer_start(0);
    if (ok) {
        tsc_khz = (to.tsc - from.tsc) * 1000 / CALIBRATION_US;
        apic_khz = (u64)(from.apic - to.apic) * 1000 / CALIBRATION_US;
    }
    if (!tsc_khz || !apic_khz) {
        by = "guess: no reference clock runs";
        tsc_khz = 1000000;
        apic_khz = 62500;
    }
    set_pvclock_scale();
    tsc_start = rdtsc();
    log_info("Time            TSC %lu.%03lu MHz, APIC timer %lu.%03lu MHz (by %s)\n", tsc_khz / 1000,
             tsc_khz % 1000, apic_khz / 1000, apic_khz % 1000, by);
}

void time_pvclock_scale(u32 *mul, s8 *shift)
{
    *mul = pvclock_mul;
    *shift = pvclock_shift;
}

u64 time_tsc_to_ns(u64 tsc_delta)
{
    u64 scaled = pvclock_shift >= 0 ? tsc_delta << pvclock_shift : tsc_delta >> -pvclock_shift;

    return (u64)((unsigned __int128)scaled * pvclock_mul >> 32);
}

u64 time_ns_to_tsc(u64 ns)
{
    u64 per_second = tsc_khz * 1000;

    return ns / 1000000000 * per_second + ns % 1000000000 * per_second / 1000000000;
}

u64 time_now_ns(void)
{
    return time_tsc_to_ns(rdtsc() - tsc_start);
}

void time_arm_ns(u64 deadline_ns)
{
    u64 now = time_now_ns();

    if (!deadline_ns) {
        apic_timer_start(0);
        return;
    }
    u64 delta = deadline_ns > now ? deadline_ns - now : 0;
    delta =
        MIN(delta, 1000000000ull); /* a longer wait is cut in pieces: expiry only makes the run loop look */
    u64 count = delta * apic_khz / 1000000;
    apic_timer_start((u32)MAX(MIN(count, 0xffffffffull), 1ull));
}

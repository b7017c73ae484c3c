/*
 * TSC and APIC timer, calibrated together against the ACPI PM timer (3.579545 MHz on every machine,
 * ACPI 6.5 4.8.3.3, of which 24 bits are there in any case) or, where there is none, the PIT's channel 2.
 * Two milliseconds give 140 ppm.
 */
#include <arch/x86/cpu/time.h>

#include <homestead/init.h>
#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/io.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/tsc_sync.h>
#include <lib/log.h>
#include <lib/spinlock.h>

#define PM_TIMER_HZ    3579545u
#define PIT_HZ         1193182u
#define CALIBRATION_US 2000u
#define CMOS_INDEX     0x70u
#define CMOS_DATA      0x71u
#define READS_MAX      2000000u /* a reference clock that stands still ends here */
#define EDGE_READS     8u

u64 tsc_khz;
static u64 tsc_start;    /* [I] */
static u32 pvclock_mul;  /* [I] */
static s8 pvclock_shift; /* [I] */
static u64 apic_khz;     /* [I] after its divider */
static u16 pm_port;      /* [I] */

/* A clock of known rate that counts up and wraps. */
struct reference {
    const char *name;
    u32 hz;
    u32 mask;
    u32 (*read)(void);
};

struct sample {
    u64 tsc;
    u32 apic;
    u32 reference;
    u64 width; /* TSC ticks that taking it took: how exact it is */
};

static u32 read_pm_timer(void)
{
    return inl(pm_port);
}

/* PIT channel 2 counts down from 0xffff; the latch command freezes both bytes. */
static u32 read_pit(void)
{
    outb(0x43, 0x80);
    u32 low = inb(0x42);
    return 0xffff - (low | (u32)inb(0x42) << 8);
}

static void start_pit(void)
{
    outb(0x61, (u8)((inb(0x61) & ~0x02u) | 0x01)); /* gate on, speaker off */
    outb(0x43, 0xb0);                              /* channel 2, both bytes, mode 0 */
    outb(0x42, 0xff);
    outb(0x42, 0xff);
}

/*
 * SMM or an emulator may take the CPU away between two reads, so the fastest of a few tries counts.
 */
static struct sample take_sample(const struct reference *r)
{
    struct sample best = {.width = ~0ull};

    for (u32 i = 0; i < EDGE_READS; i++) {
        u64 before = rdtsc();
        u32 reference = r->read();
        u32 apic = apic_timer_current();
        u64 width = rdtsc() - before;
        if (width < best.width)
            best = (struct sample){before + width / 2, apic, reference, width};
    }
    return best;
}

/* Sets both rates. False: the reference does not run. */
static bool calibrate(const struct reference *r)
{
    const u32 wanted = (u32)((u64)r->hz * CALIBRATION_US / 1000000);
    struct sample from = take_sample(r);

    for (u32 reads = 0; ((r->read() - from.reference) & r->mask) < wanted; reads++)
        if (reads == READS_MAX)
            return false;
    struct sample to = take_sample(r);
    u64 elapsed = (to.reference - from.reference) & r->mask;
    tsc_khz = (to.tsc - from.tsc) * r->hz / elapsed / 1000;
    apic_khz = (u64)(from.apic - to.apic) * r->hz / elapsed / 1000;
    return tsc_khz && apic_khz;
}

static INIT void set_pvclock_scale(void)
{
    /* ns = tsc * 10^6 / khz as a 32-bit fraction: bring the rate into (0.5, 1] GHz by shifting. */
    u64 khz = tsc_khz;

    for (pvclock_shift = 0; khz > 2000000; khz >>= 1)
        pvclock_shift--;
    for (; khz <= 1000000; khz <<= 1)
        pvclock_shift++;
    pvclock_mul = (u32)((1000000ull << 32) / khz);
}

INIT void time_init(u16 pm_timer_port)
{
    static const struct reference pm = {"ACPI PM timer", PM_TIMER_HZ, 0xffffff, read_pm_timer};
    static const struct reference pit = {"PIT", PIT_HZ, 0xffff, read_pit};
    const char *by = pm.name;

    pm_port = pm_timer_port;
    apic_timer_start(0xffffffff);
    bool ok = pm_port && calibrate(&pm);
    if (!ok) {
        by = pit.name;
        start_pit();
        ok = calibrate(&pit);
    }
    apic_timer_start(0);
    if (!ok) {
        by = "guess: no reference clock runs";
        tsc_khz = 1000000;
        apic_khz = 62500;
    }
    set_pvclock_scale();
    tsc_start = rdtsc();
    log_info("Time            TSC %lu.%03lu MHz, APIC timer %lu.%03lu MHz (by %s)\n", tsc_khz / 1000,
             tsc_khz % 1000, apic_khz / 1000, apic_khz % 1000, by);
}

u64 time_tsc_start(void)
{
    return tsc_start;
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
    return time_tsc_to_ns(tsc_synced() - tsc_start);
}

void time_delay_us(u32 us)
{
    u64 end = time_now_ns() + us * 1000ull;

    while (time_now_ns() < end)
        cpu_relax();
}

u8 cmos_read(u8 index)
{
    outb(CMOS_INDEX, index & 0x7f); /* bit 7 would mask NMIs */
    return inb(CMOS_DATA);
}

/*
 * The APIC's timer is periodic: if the interrupt is lost, it comes again. QEMU's TCG loses one now and then, when a guest
 * exits at the moment in which the timer expires on another thread (leaving the guest, it changes interrupt_request without
 * a lock): 2 of 40 boots of a busy Linux as domain 0 stood still for ever. On a CPU that loses none, this costs nothing:
 * the run loop arms the timer anew after each expiry. The period bounds the rate until then.
 */
#define PERIOD_MIN_NS 10000ull

void time_arm_ns(u64 deadline_ns)
{
    u64 now = time_now_ns();

    if (!deadline_ns) {
        apic_timer_start(0);
        return;
    }
    u64 delta = deadline_ns > now ? deadline_ns - now : 0;
    /* A longer wait is cut in pieces: expiry only makes the run loop look. */
    delta = MAX(MIN(delta, 1000000000ull), PERIOD_MIN_NS);
    u64 count = delta * apic_khz / 1000000;
    apic_timer_start((u32)MAX(MIN(count, 0xffffffffull), 1ull));
}

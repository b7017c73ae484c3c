#include <arch/x86/cpu/apic.h>

#include <arch/x86/cpu/apic_mode.h>
#include <homestead/init.h>
#include <homestead/errno.h>
#include <arch/x86/cpu/io.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/traps.h>

/* byte offsets; MSR 0x800 + offset / 16 in x2APIC mode */
enum apic_register {
    APIC_ID = 0x20,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_SVR = 0xf0,
    APIC_ICR = 0x300,      /* one MSR of 64 bits in x2APIC mode */
    APIC_ICR_HIGH = 0x310, /* xAPIC mode only */
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_PERF = 0x340,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

#define SVR_ENABLE   0x100u
#define LVT_MASKED   0x10000u
#define LVT_PERIODIC 0x20000u
#define LVT_NMI      0x400u
#define DIVIDE_BY_16 0x3u

#define ICR_PENDING 0x1000u
#define ICR_SPINS   1000000u /* an APIC that never delivers must not hang the sender */

#define CPUID_1_ECX_X2APIC       BIT(21)
#define CPUID_1_EDX_APIC         BIT(9)
#define CPUID_7_EDX_ARCH_CAPS    BIT(29)
#define MSR_ARCH_CAPS            0x10au
#define ARCH_CAPS_XAPIC_LOCK     BIT(21) /* the next MSR is there */
#define MSR_XAPIC_DISABLE_STATUS 0xbdu
#define XAPIC_DISABLED           BIT(0)

static bool x2apic;        /* [I] */
static volatile u8 *xapic; /* [I] the registers, NULL in x2APIC mode */

static u32 apic_read(u32 reg)
{
    return x2apic ? (u32)rdmsr(MSR_X2APIC_BASE + reg / 16) : mmio_read32(xapic + reg);
}

static void apic_write(u32 reg, u32 value)
{
    if (x2apic)
        wrmsr(MSR_X2APIC_BASE + reg / 16, value);
    else
        mmio_write32(xapic + reg, value);
}

/* What every CPU's APIC is set to. nmi: external NMIs come to this one. */
static void set_up(bool nmi)
{
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    apic_write(APIC_LVT_LINT0, LVT_MASKED);
    apic_write(APIC_LVT_LINT1, nmi ? LVT_NMI : LVT_MASKED);
    apic_write(APIC_LVT_ERROR, LVT_MASKED);
    apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
    apic_write(APIC_TIMER_INITIAL, 0);
    apic_write(APIC_LVT_TIMER, LVT_PERIODIC | VECTOR_TIMER);
}

/* Has the firmware locked this CPU in x2APIC mode? */
static bool is_locked(void)
{
    return cpuid(0, 0).eax >= 7 && (cpuid(7, 0).edx & CPUID_7_EDX_ARCH_CAPS) &&
           (rdmsr(MSR_ARCH_CAPS) & ARCH_CAPS_XAPIC_LOCK) &&
           (rdmsr(MSR_XAPIC_DISABLE_STATUS) & XAPIC_DISABLED);
}

static struct apic_cpu this_apic(void)
{
    return (struct apic_cpu){.base = rdmsr(MSR_IA32_APIC_BASE),
                             .has_x2apic = cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC,
                             .locked = is_locked()};
}

/* Brings this CPU's APIC into the mode. -ENODEV, -EPERM. */
static int enter_mode(bool x2)
{
    struct apic_cpu cpu = this_apic();
    u64 steps[APIC_STEPS];
    int nr = apic_mode_steps(&cpu, x2, steps);

    for (int i = 0; i < nr; i++)
        wrmsr(MSR_IA32_APIC_BASE, steps[i]);
    return MIN(nr, 0);
}

INIT int apic_init(u64 base)
{
    if (!(cpuid(1, 0).edx & CPUID_1_EDX_APIC))
        return -ENODEV;
    u64 apic_base = rdmsr(MSR_IA32_APIC_BASE);
    x2apic = apic_is_x2(apic_base);
    if (!x2apic) {
        enter_mode(false); /* it may be off */
        if (!xapic)
            xapic = paging_map_device(base ? base : apic_base & APIC_BASE_ADDR, PAGE_SIZE);
        if (!xapic)
            return -ENODEV;
    }
    set_up(true);
    return 0;
}

INIT int apic_choose_mode(bool wanted, u32 nr_high)
{
    struct apic_cpu cpu = this_apic();

    if (x2apic || !apic_choose_x2(&cpu, wanted, nr_high))
        return x2apic || !(wanted || nr_high) ? 0 : -ENODEV;
    enter_mode(true);
    x2apic = true;
    set_up(true);
    return 0;
}

const char *apic_init_other(void)
{
    int rc = enter_mode(x2apic);

    if (rc)
        return rc == -EPERM ? "the firmware has locked its local APIC in x2APIC mode"
                            : "its local APIC has no x2APIC mode";
    set_up(false);
    return NULL;
}

bool apic_is_locked(void)
{
    return x2apic && is_locked();
}

bool apic_in_x2apic_mode(void)
{
    return x2apic;
}

static void send(u32 dest, u32 command)
{
    u64 icr = apic_icr(x2apic, dest, command);

    if (x2apic) {
        /* The MSR write does not wait for earlier stores, which the receiver must see (SDM 3A 10.12.3). */
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_X2APIC_BASE + APIC_ICR / 16, icr);
        return;
    }
    for (u32 spins = 0; (apic_read(APIC_ICR) & ICR_PENDING) && spins < ICR_SPINS; spins++)
        __builtin_ia32_pause();
    apic_write(APIC_ICR_HIGH, (u32)(icr >> 32));
    apic_write(APIC_ICR, (u32)icr);
}

void apic_send(u32 dest_apic_id, u8 vector)
{
    send(dest_apic_id, ICR_ASSERT | vector);
}

void apic_send_nmi(u32 dest_apic_id)
{
    send(dest_apic_id, ICR_ASSERT | ICR_NMI);
}

INIT void apic_send_init(u32 dest_apic_id)
{
    send(dest_apic_id, ICR_ASSERT | ICR_INIT);
}

INIT void apic_send_startup(u32 dest_apic_id, u8 page)
{
    send(dest_apic_id, ICR_ASSERT | ICR_STARTUP | page);
}

u32 apic_id(void)
{
    return x2apic ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

void apic_timer_start(u32 count)
{
    apic_write(APIC_TIMER_INITIAL, count);
}

u32 apic_timer_current(void)
{
    return apic_read(APIC_TIMER_CURRENT);
}

INIT void pic_disable(void)
{
    /* Remapped to 0x20 first: a spurious IRQ 7 comes through the mask and must not look like an exception. */
    static const u8 init[2][4] = {{0x11, 0x20, 0x04, 0x01}, {0x11, 0x28, 0x02, 0x01}};

    for (u32 chip = 0; chip < 2; chip++) {
        u16 port = chip ? 0xa0 : 0x20;
        outb(port, init[chip][0]);
        for (u32 word = 1; word < 4; word++)
            outb((u16)(port + 1), init[chip][word]);
        outb((u16)(port + 1), 0xff);
    }
}

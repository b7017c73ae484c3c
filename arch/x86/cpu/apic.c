#include <arch/x86/cpu/apic.h>

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

#define APIC_BASE_EXTD   BIT(10)
#define APIC_BASE_ENABLE BIT(11)
#define SVR_ENABLE       0x100u
#define LVT_MASKED       0x10000u
#define LVT_PERIODIC     0x20000u
#define LVT_NMI          0x400u
#define DIVIDE_BY_16     0x3u

/* interrupt command: delivery mode and flags, APM2 16.5; physical destination, edge */
#define ICR_NMI     0x400u
#define ICR_INIT    0x500u
#define ICR_STARTUP 0x600u
#define ICR_ASSERT  0x4000u
#define ICR_PENDING 0x1000u
#define ICR_SPINS   1000000u /* an APIC that never delivers must not hang the sender */
#define X2APIC_BIT  BIT(21)  /* CPUID 1 ECX */

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

INIT int apic_init(u64 base)
{
    if (!(cpuid(1, 0).edx & BIT(9)))
        return -ENODEV;
    u64 apic_base = rdmsr(MSR_IA32_APIC_BASE);
    x2apic = (apic_base & APIC_BASE_EXTD) != 0;
    if (!x2apic) {
        if (!(apic_base & APIC_BASE_ENABLE))
            wrmsr(MSR_IA32_APIC_BASE, apic_base | APIC_BASE_ENABLE);
        if (!xapic)
            xapic = paging_map_device(base ? base : (apic_base & 0xffffff000ull), PAGE_SIZE);
        if (!xapic)
            return -ENODEV;
    }
    set_up(true);
    return 0;
}

INIT int apic_use_x2apic(void)
{
    if (x2apic)
        return 0;
    if (!(cpuid(1, 0).ecx & X2APIC_BIT))
        return -ENODEV;
    wrmsr(MSR_IA32_APIC_BASE, rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_EXTD);
    x2apic = true;
    set_up(true);
    return 0;
}

int apic_init_other(void)
{
    u64 apic_base = rdmsr(MSR_IA32_APIC_BASE);

    if (x2apic && !(cpuid(1, 0).ecx & X2APIC_BIT))
        return -ENODEV;
    /* Between x2APIC and xAPIC the way leads through "off"; to x2APIC it leads through xAPIC (SDM
     * 3A 10.12.5). */
    if (!x2apic && (apic_base & APIC_BASE_EXTD)) {
        apic_base &= ~(APIC_BASE_ENABLE | APIC_BASE_EXTD);
        wrmsr(MSR_IA32_APIC_BASE, apic_base);
    }
    if (!(apic_base & APIC_BASE_ENABLE)) {
        apic_base |= APIC_BASE_ENABLE;
        wrmsr(MSR_IA32_APIC_BASE, apic_base);
    }
    if (x2apic && !(apic_base & APIC_BASE_EXTD))
        wrmsr(MSR_IA32_APIC_BASE, apic_base | APIC_BASE_EXTD);
    set_up(false);
    return 0;
}

bool apic_in_x2apic_mode(void)
{
    return x2apic;
}

static void send(u32 dest, u32 command)
{
    if (x2apic) {
        /* The MSR write does not wait for earlier stores, which the receiver must see (SDM 3A 10.12.3). */
        __asm__ volatile("mfence; lfence" : : : "memory");
        wrmsr(MSR_X2APIC_BASE + APIC_ICR / 16, (u64)dest << 32 | command);
        return;
    }
    for (u32 spins = 0; (apic_read(APIC_ICR) & ICR_PENDING) && spins < ICR_SPINS; spins++)
        __builtin_ia32_pause();
    apic_write(APIC_ICR_HIGH, dest << 24);
    apic_write(APIC_ICR, command);
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

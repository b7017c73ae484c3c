/* Other vCPUs, see smp.h. */
#include <guest/lib/hypercall.h>
#include <guest/lib/internal.h>
#include <guest/lib/smp.h>
#include <lib/string.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#define SVR_ON         0x1ffu
#define IA32_APIC_BASE 0x1bu
#define BASE_X2APIC    0xc00u /* enabled, x2APIC mode */
#define XAPIC_PAGE     0xfee00000u
#define APIC_FIRST     0x800u
#define VECTOR_NMI     2u

extern u8 ap_trampoline[], ap_trampoline_end[], ap_vmcall[];
void smp_ap_main(u32 apic_id, u32 early_hypercalls);

bool smp_xapic;
void (*smp_on_irq)(u32 vector);
void (*smp_body)(u32 id);
struct smp_vcpu smp_vcpus[SMP_MAX];
u8 ap_stacks[SMP_MAX][SMP_STACK_BYTES] ALIGNED(SMP_STACK_BYTES);

u32 smp_id(void)
{
    u64 here = (u64)(uintptr_t)__builtin_frame_address(0) - (u64)(uintptr_t)ap_stacks;

    return here < sizeof(ap_stacks) ? (u32)(here / sizeof(ap_stacks[0])) : 0;
}

void irq_handler(u64 vector)
{
    if (smp_on_irq)
        smp_on_irq((u32)vector);
    if (vector != VECTOR_NMI)
        apic_write(APIC_EOI, 0);
}

u32 smp_count(void)
{
    u32 n = 1;

    while (n < SMP_MAX && hypercall(__HYPERVISOR_vcpu_op, VCPUOP_is_up, n, 0, 0, 0) >= 0)
        n++;
    return n;
}

static volatile u32 *xapic_at(u32 reg)
{
    return (volatile u32 *)(uintptr_t)(XAPIC_PAGE + (reg - APIC_FIRST) * 16);
}

u64 apic_read(u32 reg)
{
    return smp_xapic ? *xapic_at(reg) : rdmsr(reg);
}

void apic_write(u32 reg, u64 value)
{
    if (!smp_xapic) {
        wrmsr(reg, value);
    } else if (reg == APIC_SELF_IPI) {
        *xapic_at(APIC_ICR) = ICR_TO_SELF | ICR_ASSERT | (u32)value;
    } else {
        if (reg == APIC_ICR)
            *xapic_at(APIC_ICR + 1) = (u32)(value >> 32);
        *xapic_at(reg) = (u32)value;
    }
}

void smp_apic_on(void)
{
    if (!smp_xapic)
        wrmsr(IA32_APIC_BASE, rdmsr(IA32_APIC_BASE) | BASE_X2APIC);
    apic_write(APIC_SVR, SVR_ON);
}

void smp_init(void)
{
    u8 *page = (u8 *)(uintptr_t)SMP_TRAMPOLINE;

    __asm__("" : "+r"(page)); /* an address that the compiler knows nothing of */
    memcpy(page, ap_trampoline, (size_t)(ap_trampoline_end - ap_trampoline));
    page[ap_vmcall - ap_trampoline] = guest_env.is_intel;
    smp_apic_on();
}

void smp_ap_main(u32 apic_id, u32 early_hypercalls)
{
    u32 id = smp_id();
    struct smp_vcpu *self = &smp_vcpus[id];

    traps_load();
    vcpu_prepare();
    smp_apic_on();
    self->apic_id = apic_id;
    self->early_hypercalls = early_hypercalls;
    __atomic_add_fetch(&self->starts, 1, __ATOMIC_SEQ_CST);
    smp_body(id);
}

void smp_send(u32 id, u32 mode)
{
    apic_write(APIC_ICR, (u64)(2 * id) << (smp_xapic ? 56 : 32) | ICR_ASSERT | mode);
}

void smp_start(u32 id)
{
    smp_send(id, ICR_INIT);
    smp_send(id, ICR_STARTUP | SMP_TRAMPOLINE >> 12);
    smp_send(id, ICR_STARTUP | SMP_TRAMPOLINE >> 12);
}

bool smp_wait(bool (*done)(void), u64 ms)
{
    u64 end = guest_now_ms() + ms;

    while (!done()) {
        if (guest_now_ms() >= end)
            return done();
        irq_on();
        hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
        irq_off();
    }
    return true;
}

#include <arch/x86/cpu/apic_mode.h>

#include <homestead/errno.h>

bool apic_choose_x2(const struct apic_cpu *boot, bool wanted, u32 nr_high)
{
    return apic_is_x2(boot->base) || (boot->has_x2apic && (wanted || nr_high));
}

int apic_mode_steps(const struct apic_cpu *cpu, bool x2, u64 steps[APIC_STEPS])
{
    u64 off = cpu->base & ~(APIC_BASE_EN | APIC_BASE_EXTD), xapic = off | APIC_BASE_EN;
    u64 now = cpu->base;
    int nr = 0;

    if (x2 == apic_is_x2(now) && (now & APIC_BASE_EN))
        return 0;
    if (x2 && !cpu->has_x2apic)
        return -ENODEV;
    if (!x2 && cpu->locked)
        return -EPERM;
    if (!x2 && apic_is_x2(now))
        steps[nr++] = now = off;
    if (!(now & APIC_BASE_EN))
        steps[nr++] = xapic;
    if (x2)
        steps[nr++] = xapic | APIC_BASE_EXTD;
    return nr;
}

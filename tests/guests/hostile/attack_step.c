/*
 * attack=step: single-steps instructions that the hypervisor carries out for a guest. Each must trap before the
 * next one begins, as on a CPU without a hypervisor, and with DR6.BS set.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>

#define STEP(name, number, instruction) \
    static void step_##name(void *arg) \
    { \
        (void)arg; \
        __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0\n\t" \
                         "mov $" number ", %%eax; xor %%edx, %%edx; xor %%edi, %%edi\n\t" \
                         "mov $0x8b, %%ecx\n\t" \
                         "pushfq; orl $0x100, (%%rsp); popfq\n\t" instruction "\n\t" \
                         "1: nop; nop\n\t" \
                         "pushfq; andl $~0x100, (%%rsp); popfq" \
                         : "=m"(next_rip) \
                         : \
                         : "rax", "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "r10", "memory"); \
    }

static u64 next_rip;

STEP(nop, "0", "nop")
STEP(cpuid, "0", "cpuid")
STEP(rdmsr, "0", "rdmsr")
STEP(wrmsr, "0", "wrmsr")
STEP(in, "0", "in $0x80, %%al")
STEP(out, "0", "out %%al, $0x80")
STEP(vmmcall, "17", ".byte 0x0f, 0x01, 0xd9")
STEP(vmcall, "17", ".byte 0x0f, 0x01, 0xc1")
STEP(read_cr4, "0", "mov %%cr4, %%rbx")
STEP(wbinvd, "0", "wbinvd")
STEP(hlt, "0", "hlt")

static void step_hypercall(void *arg)
{
    if (guest_env.is_intel)
        step_vmcall(arg);
    else
        step_vmmcall(arg);
}

static const struct {
    const char *name;
    void (*step)(void *arg);
} steps[] = {
    {"nop", step_nop},       {"cpuid", step_cpuid}, {"rdmsr", step_rdmsr},         {"wrmsr", step_wrmsr},
    {"in", step_in},         {"out", step_out},     {"hypercall", step_hypercall}, {"cr4", step_read_cr4},
    {"wbinvd", step_wbinvd}, {"hlt", step_hlt},
};

bool attack_step(void)
{
    u32 good = 0;

    for (u32 i = 0; i < ARRAY_SIZE(steps); i++) {
        u64 dr6 = 0;

        __asm__ volatile("mov %0, %%db6" : : "r"(0xffff0ff0ull));
        int vector = guest_probe(steps[i].step, NULL);
        __asm__ volatile("mov %%db6, %0" : "=r"(dr6));
        if (vector == 1 && guest_probe_rip == next_rip && dr6 == 0xffff4ff0)
            good++;
        else
            printf("step: %s: vector %d, %ld bytes beyond, dr6 %lx\n", steps[i].name, vector,
                   (long)(guest_probe_rip - next_rip), dr6);
    }
    printf("step: %u of %u instructions trap\n", good, (u32)ARRAY_SIZE(steps));
    return good == ARRAY_SIZE(steps);
}

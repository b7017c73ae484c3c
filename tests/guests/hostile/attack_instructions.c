/*
 * attack=instructions: executes every privileged, virtualization and system instruction that a guest can name. Each
 * must do what a CPU without virtualization, and with what CPUID offers, would do: complete, #UD or #GP. QEMU 7.2
 * completes three that a CPU refuses: RDTSCP that is intercepted, CR0's upper half, and LTR of the null selector.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>

#define NONE BIT(31) /* completes */
#define UD   BIT(6)
#define GP   BIT(13)

static u8 memory[4096] ALIGNED(4096);

/* RAX points to a zeroed page unless the instruction sets it; RCX, RDX and RBX are 0. */
#define TRY(name, code) \
    static void try_##name(void *arg) \
    { \
        __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%ebx, %%ebx\n\t" code \
                         : \
                         : "a"(arg) \
                         : "rbx", "rcx", "rdx", "rdi", "rsi", "r8", "memory", "cc"); \
    }

TRY(vmrun, "vmrun %%rax")
TRY(vmload, "vmload %%rax")
TRY(vmsave, "vmsave %%rax")
TRY(stgi, "stgi")
TRY(clgi, "clgi")
TRY(skinit, "xor %%eax, %%eax; skinit %%eax")
TRY(invlpga, "invlpga %%rax, %%ecx")
TRY(vmcall, "vmcall")
TRY(vmlaunch, "vmlaunch")
TRY(vmresume, "vmresume")
TRY(vmxoff, "vmxoff")
TRY(vmxon, "vmxon (%%rax)")
TRY(vmptrld, "vmptrld (%%rax)")
TRY(vmclear, "vmclear (%%rax)")
TRY(vmread, "vmread %%rcx, %%rdx")
TRY(vmwrite, "vmwrite %%rcx, %%rdx")
TRY(invept, "invept (%%rax), %%rcx")
TRY(xsetbv, "mov $7, %%eax; xsetbv")
TRY(xgetbv, "xgetbv")
TRY(monitor, "monitor")
TRY(mwait, "mwait")
TRY(rdpmc, "rdpmc")
TRY(rsm, "rsm")
TRY(getsec, ".byte 0x0f, 0x37")
TRY(encls, ".byte 0x0f, 0x01, 0xcf")
TRY(pconfig, ".byte 0x0f, 0x01, 0xc5")
TRY(rdpru, ".byte 0x0f, 0x01, 0xfd")
TRY(invlpgb, ".byte 0x0f, 0x01, 0xfe")
TRY(tlbsync, ".byte 0x0f, 0x01, 0xff")
TRY(clzero, "clzero")
TRY(wrpkru, "xor %%eax, %%eax; wrpkru")
TRY(rdpkru, "rdpkru")
TRY(invpcid, "invpcid (%%rax), %%rcx")
TRY(invd, "invd")
TRY(wbinvd, "wbinvd")
TRY(rdtscp, "rdtscp")
TRY(ud2, "ud2")
TRY(cr0_reserved, "mov $0x80000021, %%eax; bts $40, %%rax; mov %%rax, %%cr0")
TRY(cr4_reserved, "mov %%cr4, %%rax; bts $31, %%rax; mov %%rax, %%cr4")
TRY(cr4_vmxe, "mov %%cr4, %%rax; bts $13, %%rax; mov %%rax, %%cr4")
TRY(cr8, "mov $15, %%eax; mov %%rax, %%cr8; mov %%cr8, %%rax; xor %%eax, %%eax; mov %%rax, %%cr8")
TRY(dr7_reserved, "bts $40, %%rax; mov %%rax, %%db7")
TRY(efer_svme, "mov $0xc0000080, %%ecx; rdmsr; bts $12, %%eax; wrmsr")
TRY(efer_reserved, "mov $0xc0000080, %%ecx; rdmsr; bts $20, %%eax; wrmsr")
TRY(ltr_null, "xor %%eax, %%eax; ltr %%ax")
TRY(lldt_beyond, "mov $0xfff8, %%eax; lldt %%ax")
TRY(far_gate, "pushq $0xfff8; push %%rax; lretq")

static const struct {
    const char *name;
    void (*fn)(void *arg);
    u32 allowed;
} instructions[] = {
#define ROW(name, allowed) \
    { \
#name, try_##name, allowed \
    }
    ROW(vmrun, UD),
    ROW(vmload, UD),
    ROW(vmsave, UD),
    ROW(stgi, UD),
    ROW(clgi, UD),
    ROW(skinit, UD),
    ROW(invlpga, UD),
    ROW(vmcall, UD | NONE),
    ROW(vmlaunch, UD),
    ROW(vmresume, UD),
    ROW(vmxoff, UD),
    ROW(vmxon, UD),
    ROW(vmptrld, UD),
    ROW(vmclear, UD),
    ROW(vmread, UD),
    ROW(vmwrite, UD),
    ROW(invept, UD),
    ROW(xsetbv, UD),
    ROW(xgetbv, UD),
    ROW(monitor, UD),
    ROW(mwait, UD),
    ROW(rdpmc, GP | UD),
    ROW(rsm, UD),
    ROW(getsec, UD),
    ROW(encls, UD),
    ROW(pconfig, UD),
    ROW(rdpru, UD),
    ROW(invlpgb, UD),
    ROW(tlbsync, UD),
    ROW(clzero, UD | NONE),
    ROW(wrpkru, UD),
    ROW(rdpkru, UD),
    ROW(invpcid, UD | NONE),
    ROW(invd, NONE),
    ROW(wbinvd, NONE),
    ROW(rdtscp, UD | NONE),
    ROW(ud2, UD),
    ROW(cr0_reserved, GP | NONE),
    ROW(cr4_reserved, GP),
    ROW(cr4_vmxe, GP),
    ROW(cr8, NONE),
    ROW(dr7_reserved, GP),
    ROW(efer_svme, GP),
    ROW(efer_reserved, GP),
    ROW(ltr_null, GP | NONE),
    ROW(lldt_beyond, GP),
    ROW(far_gate, GP),
};

bool attack_instructions(void)
{
    u32 good = 0;

    for (u32 i = 0; i < ARRAY_SIZE(instructions); i++) {
        int vector = guest_probe(instructions[i].fn, memory);
        u32 got = vector < 0 ? NONE : BIT((u32)vector % 31);

        if (instructions[i].allowed & got)
            good++;
        else
            printf("instructions: %s: vector %d\n", instructions[i].name, vector);
    }
    printf("hostile   instructions: %u of %u as they must be\n", good, (u32)ARRAY_SIZE(instructions));
    return good == ARRAY_SIZE(instructions);
}

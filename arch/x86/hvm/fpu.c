/*
 * Registers that stay in the CPU while Homestead runs, because it does not use them: x87 and SSE, and the
 * breakpoint addresses (#VMEXIT disables them through DR7, APM2 15.6.1). Switched only with the vCPU.
 */
#include <arch/x86/hvm/hvm.h>

#include <lib/string.h>

typedef u8 fxsave_image[512];

static void save_breakpoints(u64 dr[4])
{
    __asm__ volatile("mov %%db0, %0\n\t"
                     "mov %%db1, %1\n\t"
                     "mov %%db2, %2\n\t"
                     "mov %%db3, %3"
                     : "=r"(dr[0]), "=r"(dr[1]), "=r"(dr[2]), "=r"(dr[3]));
}

static void load_breakpoints(const u64 dr[4])
{
    __asm__ volatile("mov %0, %%db0\n\t"
                     "mov %1, %%db1\n\t"
                     "mov %2, %%db2\n\t"
                     "mov %3, %%db3"
                     :
                     : "r"(dr[0]), "r"(dr[1]), "r"(dr[2]), "r"(dr[3]));
}

void hvm_fpu_reset(u8 *fpu)
{
    const u16 fcw = 0x37f;
    const u32 mxcsr = 0x1f80;

    memset(fpu, 0, 512);
    memcpy(fpu, &fcw, sizeof(fcw));
    memcpy(fpu + 24, &mxcsr, sizeof(mxcsr));
}

void hvm_fpu_switch(struct hvm_vcpu *from, struct hvm_vcpu *to)
{
    if (from) {
        __asm__ volatile("fxsave64 %0" : "=m"(*(fxsave_image *)from->fpu));
        save_breakpoints(from->dr);
        if (hvm_ops->leave)
            hvm_ops->leave(from);
    }
    if (to) {
        /* AMD's FXRSTOR leaves the x87 instruction and data pointers alone unless an exception is pending
         * (APM2 11.4.4.3): the last owner's would show. FNINIT clears them. */
        __asm__ volatile("fninit\n\t"
                         "fxrstor64 %0"
                         :
                         : "m"(*(const fxsave_image *)to->fpu));
        load_breakpoints(to->dr);
    }
}

/* A vCPU's registers that are not in the VMCS and stay in the CPU while Homestead runs: docs/hypervisor-guide/vmx.md. */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/cpu/msr.h>

void vmx_save_registers(struct hvm_vcpu *v)
{
    v->vmx.star = rdmsr(MSR_STAR);
    v->vmx.lstar = rdmsr(MSR_LSTAR);
    v->vmx.cstar = rdmsr(MSR_CSTAR);
    v->vmx.sfmask = rdmsr(MSR_SFMASK);
    v->vmx.kernel_gs_base = rdmsr(MSR_KERNEL_GS_BASE);
    v->vmx.cr2 = read_cr2();
    __asm__ volatile("mov %%db6, %0" : "=r"(v->vmx.dr6));
}

void vmx_load_registers(const struct hvm_vcpu *v)
{
    wrmsr(MSR_STAR, v->vmx.star);
    wrmsr(MSR_LSTAR, v->vmx.lstar);
    wrmsr(MSR_CSTAR, v->vmx.cstar);
    wrmsr(MSR_SFMASK, v->vmx.sfmask);
    wrmsr(MSR_KERNEL_GS_BASE, v->vmx.kernel_gs_base);
    write_cr2(v->vmx.cr2);
    __asm__ volatile("mov %0, %%db6" : : "r"(v->vmx.dr6));
}

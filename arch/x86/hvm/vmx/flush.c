/* Which of the CPU's caches are dropped before an entry, see flush.h. Sources: SDM 3C 29.4.3, 29.4.4. */
#include <arch/x86/hvm/vmx/flush.h>

#include <arch/x86/hvm/tlb_tag.h>
#include <arch/x86/hvm/vmx/ept.h>

/* A new VPID leaves linear and combined mappings behind; guest-physical ones stay under the EPT pointer. INVEPT drops the
 * combined ones of all VPIDs as well. */
static __attribute__((noinline)) u32 renew(struct hvm_vcpu *v, struct cpu *cpu, u64 np_generation)
{
    u32 due = hvm_tlb_renew(v, cpu, np_generation);

    if (due & HVM_TLB_ALL_TAGS)
        vmx_invvpid(INVVPID_ALL, 0, 0);
    if (due & HVM_TLB_NESTED)
        vmx_invept(INVEPT_CONTEXT, ept_pointer(v->np->root_maddr));
    return due | VMX_NEW_VPID;
}

u32 vmx_flush_stale(struct hvm_vcpu *v, struct cpu *cpu)
{
    u64 np_generation = hvm_tlb_generation(v);

    return likely(hvm_tlb_valid(v, cpu, np_generation)) ? 0 : renew(v, cpu, np_generation);
}

void vmx_flush_all(void)
{
    vmx_invept(INVEPT_ALL, 0);
    vmx_invvpid(INVVPID_ALL, 0, 0);
}

/*
 * PAE paging's four page-directory-pointer entries, which the CPU keeps in registers: docs/hypervisor-guide/vmx.md. They are
 * not in struct hvm_state, so they stay in the VMCS until something here replaces them.
 */
#include <arch/x86/hvm/vmx/vmx.h>

#include <arch/x86/hvm/guest_cr.h>
#include <lib/string.h>

#define PDPTE_P    BIT(0)
#define PDPTE_BITS 0x1e6ull /* reserved, as those that no address can have */

bool vmx_pae_paging(const struct hvm_vcpu *v, u64 cr0)
{
    const struct vmx_guest *g = &v->vmx.guest;

    return hvm_pae_paging(cr0, g->cr4, g->efer);
}

bool vmx_set_pdptes(struct hvm_vcpu *v, const u64 pdpte[HVM_PDPTES], bool fit)
{
    u64 reserved = PDPTE_BITS | ~(BIT(vmx_settings.maddr_bits) - 1);
    u64 fitting[HVM_PDPTES];

    for (u32 i = 0; i < HVM_PDPTES; i++) {
        bool bad = (pdpte[i] & PDPTE_P) && (pdpte[i] & reserved);

        if (bad && !fit)
            return false;
        fitting[i] = bad ? 0 : pdpte[i];
    }
    if (!v->vmx.read)
        vmx_read_guest(v); /* for write_dirty() */
    memcpy(v->vmx.pdpte, fitting, sizeof(fitting));
    v->vmx.dirty |= VMX_DIRTY_PDPTES;
    v->vmx.pdptes_due = false;
    v->asid_generation = 0; /* old translations are not used any more */
    return true;
}

/*
 * What VMX keeps for each vCPU beside the VMCS. A CPU may access a VMCS only while it is current there, and it must not
 * be active on two CPUs. So nobody but the CPU that runs a vCPU touches its VMCS, and when the vCPU leaves that CPU, its
 * state is copied to `guest`, where others read and change it.
 */
#ifndef VMX_VCPU_H
#define VMX_VCPU_H

#include <homestead/types.h>

struct vmx_segment {
    u64 selector, limit, access_rights, base;
};

/* Guest state and controls that follow from it, in the order of vmx_guest_encodings[] (state.c). All are u64, so that one
 * loop reads or writes them. */
struct vmx_guest {
    struct vmx_segment es, cs, ss, ds, fs, gs, ldtr, tr;
    u64 gdtr_limit, gdtr_base, idtr_limit, idtr_base;
    u64 cr0, cr3, dr7, efer;
    u64 sysenter_cs, sysenter_esp, sysenter_eip;
    u64 entry_controls;
    /* from here on the guest changes nothing without an exit */
    u64 cr4, cr0_shadow, cr4_shadow, pat;
};
#define VMX_SEGMENTS         8u /* es to tr */
#define VMX_GUEST_FIELDS     (sizeof(struct vmx_guest) / sizeof(u64))
#define VMX_GUEST_CHANGEABLE (offsetof(struct vmx_guest, cr4) / sizeof(u64))
#define VMX_DIRTY_PDPTES     BIT(63)
_Static_assert(VMX_GUEST_FIELDS < 64, "a bit of dirty for each");

struct vmx_vcpu {
    struct vmx_guest guest;
    u64 dirty; /* fields of guest that the VMCS has not got yet, a bit each, and pdpte[] */
    /* PAE paging's entries, if dirty says so: else the CPU has them, as the guest loads them without an exit. */
    u64 pdpte[4];
    bool
        pdptes_due; /* another one has set a state with PAE paging: to be loaded before the guest's next instruction */
    bool read;        /* guest is up to date; if not, the VMCS is */
    bool initialised; /* the VMCS has its fixed fields */
    bool launched;    /* since its last VMCLEAR; run.asm */
    u8 cr8;
    bool nmi_window;        /* an exit has been asked for, for when the guest can take an NMI */
    bool mode_known, is_64; /* is_64: 64-bit code, once it has been looked up after an exit */
    u32 event, event_error; /* to inject at the next entry; event 0: none */
    u32 interruptibility;
    /* what the VMCS has now */
    u32 written_controls, written_interruptibility;
    u64 written_rip, written_rsp, written_rflags;
    u64 host_rsp; /* run.asm */
    /* Registers that are in neither the VMCS nor struct hvm_regs, and that Homestead does not use: while the vCPU has
     * its CPU, they are there, and these are old. */
    u64 star, lstar, cstar, sfmask, kernel_gs_base, cr2, dr6;
};

#endif

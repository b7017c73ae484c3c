/*
 * What is Intel's own of nested paging: whether the CPU's extended page tables (EPT) are fit for nested_paging.h, the
 * entries' format, the pointer to the tables, and the exits that they cause. Plain C; runs on the host in tests.
 * Sources: SDM 3C 29.3 (28.2 in older editions), 25.6.11, 28.2.1 table 28-7, A.10.
 *
 * Memory types. On Intel the type in an EPT entry takes the place of the MTRRs' for what a guest accesses. Every frame
 * that is mapped in a guest is RAM, and all RAM has one type by the MTRRs, write-back (mtrr_ram_type). So there is one
 * type for all leaves. The bit that ignores the guest's PAT is set as well: guests have no device, so no other type is
 * of use to them, and a guest that makes its memory uncached could hold the whole machine's bus by locked accesses, and
 * would have two types for a frame that others map too. Device registers and the APIC's page are not mapped: an access
 * exits, and domain/mmio.c does it.
 */
#ifndef VMX_EPT_H
#define VMX_EPT_H

#include <arch/x86/cpu/mtrr.h>
#include <arch/x86/hvm/nested_paging.h>

struct hvm_exit;

#define MSR_IA32_VMX_EPT_VPID_CAP 0x48cu

/* INVEPT and INVVPID: what they drop, SDM 3C 31.3 */
#define INVEPT_CONTEXT  1u /* guest-physical and combined mappings made with one EPT pointer */
#define INVEPT_ALL      2u
#define INVVPID_CONTEXT 1u /* linear and combined mappings of one VPID */
#define INVVPID_ALL     2u

/* The CPU has EPT and VPIDs, and this is its IA32_VMX_EPT_VPID_CAP. Chooses the format of nested page tables; exec_large:
 * large pages can be executed (spec_ctrl_size_mc()). NULL, or what is missing, a sentence. */
const char *ept_choose(u64 cap, u8 ram_type, bool exec_large);
/* Does a CPU with this MSR do what ept_choose() relies on? For CPUs after the first one: the boot CPU's cap is first. */
bool ept_same(u64 boot_cap, u64 cap);
/* Value of the VMCS field "EPT pointer". */
u64 ept_pointer(u64 root_maddr);

/* EPT violation: the exit qualification and the guest-physical address to exit->npf. in_delivery: the IDT-vectoring
 * information is valid. */
void ept_decode_violation(u64 qualification, u64 gaddr, bool in_delivery, struct hvm_exit *exit);

/* Why the CPU takes an entry of this level (4 is the root's) for misconfigured. */
struct ept_fault {
    const char *what; /* NULL: it does not */
    u64 bits;         /* of the entry */
};
struct ept_fault ept_entry_fault(u64 entry, u32 level, u32 maddr_bits);
/* EPT misconfiguration at gaddr: which entry, on which level, and what is wrong, in words. The tables are Homestead's,
 * so this is Homestead's fault. */
void ept_explain_misconfiguration(const struct np_table *np, u64 gaddr, u32 maddr_bits, char *text,
                                  size_t size);

#endif

/*
 * What must be dropped of a CPU's cached translations before it enters a vCPU. Both vendors tag translations of guest
 * addresses with a number that is the vCPU's on this CPU: AMD's address space identifier (ASID, APM2 15.16), Intel's
 * virtual-processor identifier (VPID, SDM 3C 29.4). Each CPU assigns them from 1 upwards, and starts again when they run
 * out. A vCPU gets a new one
 *  - when it moves to another CPU,
 *  - when its nested tables have lost a right (np->generation),
 *  - when its state was set from outside, as translations may have changed with CR4, EFER or PAT.
 * Old translations then never match.
 *
 * That is all AMD needs. Intel also caches what an EPT pointer translates guest-physical addresses to, under no VPID:
 * INVEPT is due in the first two cases (HVM_TLB_NESTED). The first one too: the tables may have changed while the vCPU
 * was elsewhere, and a new domain's root page may have been another's.
 *
 * Plain C; tests/unit/arch/x86/hvm/tlb_test.c runs it on caches as both vendors have them.
 */
#ifndef HVM_TLB_TAG_H
#define HVM_TLB_TAG_H

#include <arch/x86/cpu/percpu.h>
#include <arch/x86/hvm/hvm.h>

enum hvm_tlb_due {
    HVM_TLB_ALL_TAGS = 1u << 0, /* numbers start again: drop what any of them has tagged on this CPU */
    HVM_TLB_NESTED = 1u << 1,   /* drop what is not tagged by number of the vCPU's nested tables */
    HVM_TLB_MOVED = 1u << 2,    /* the vCPU has not run on this CPU since it ran on another, if ever */
};

/* Between the announcement that v is in its guest and the entry: whoever changes the tables raises the generation, and
 * then waits for those that are in their guests. */
static inline u64 hvm_tlb_generation(const struct hvm_vcpu *v)
{
    /* Pairs with the writer, which changes the tables before it raises the generation. */
    return __atomic_load_n(&v->np->generation, __ATOMIC_ACQUIRE);
}

/* False: hvm_tlb_renew() is due. */
static inline bool hvm_tlb_valid(const struct hvm_vcpu *v, const struct cpu *cpu, u64 np_generation)
{
    return likely(v->last_cpu == cpu) && likely(v->asid_generation == cpu->asid_generation) &&
           likely(v->np_generation == np_generation);
}

/* v->asid is a new one. Returns what else is due, a set of enum hvm_tlb_due. Inline: each vendor calls it once. */
static inline u32 hvm_tlb_renew(struct hvm_vcpu *v, struct cpu *cpu, u64 np_generation)
{
    u32 due = 0;

    if (cpu->asid_next > cpu->asid_max) {
        cpu->asid_next = 1;
        cpu->asid_generation++;
    }
    if (cpu->asid_next == 1)
        due |= HVM_TLB_ALL_TAGS;
    if (v->last_cpu != cpu)
        due |= HVM_TLB_MOVED | HVM_TLB_NESTED;
    if (v->np_generation != np_generation)
        due |= HVM_TLB_NESTED;
    v->asid = cpu->asid_next++;
    v->asid_generation = cpu->asid_generation;
    v->np_generation = np_generation;
    v->last_cpu = cpu;
    return due;
}

#endif

/*
 * The code at a vCPU's RIP, for what hardware does not decode. The guest can change it at any time, so it need
 * not be the instruction that has exited.
 */
#ifndef HVM_GUEST_CODE_H
#define HVM_GUEST_CODE_H

#include <homestead/types.h>

struct hvm_vcpu;

/* The guest-physical address of a linear one, cut to 32 bits outside long mode, as guest_walk(). Physmap lock
 * held. */
int hvm_translate(struct hvm_vcpu *v, u64 gva, bool write, u64 *gaddr);
/* The same for an access of the guest's own at its present privilege: guest_access(). Physmap lock held. */
int hvm_guest_access(struct hvm_vcpu *v, u64 gva, bool write, u64 *gaddr, u32 *error);
/* The four entries that CR3 points to with PAE paging; what nothing is mapped at reads as ones, as it does for the guest.
 * Physmap lock held. */
void hvm_read_pdptes(struct hvm_vcpu *v, u64 cr3, u64 pdpte[4]);
/* Copies the bytes at CS:RIP, as the guest's page tables map them now, up to the first unmapped one. How many.
 * Physmap lock held. */
#define HVM_CODE_BYTES 16u
u32 hvm_read_code(struct hvm_vcpu *v, u8 code[HVM_CODE_BYTES]);
/* MOV to or from CR4 in nr bytes of code: its length, and *gpr 0-15. 0: it is none. */
u32 hvm_decode_mov_cr4(const u8 *code, u32 nr, bool is_64, bool *write, u8 *gpr);

#endif

/*
 * The byte stream of XEN_DOMCTL_{get,set}hvmcontext (include/xen/hvm/save.h): checked as a whole before it is
 * used. Plain C on a buffer.
 */
#ifndef HYPERCALL_HVM_CONTEXT_H
#define HYPERCALL_HVM_CONTEXT_H

#include <domain/domain.h>
#include <xen/arch-x86/xen.h>
#include <xen/hvm/save.h>

#define HVM_RFLAGS_VALID 0x3f7fd7ull

/* Bytes that a domain of nr_vcpus vCPUs needs at most. */
u64 hvm_context_size_max(u32 nr_vcpus);
/* Writes the context of d's first nr_vcpus vCPUs, which do not run, to buf, which has room. The size. */
u64 hvm_context_save(struct domain *d, u32 nr_vcpus, u8 *buf);
/* The body of a vCPU's record of that type in a context of hvm_context_save(). NULL: there is none. */
const u8 *hvm_context_find(const u8 *buf, u64 size, u32 typecode, u32 instance, u32 *length);
/* v's registers in the structure of getvcpucontext; what only PV guests have is 0. v does not run. */
void hvm_context_registers(struct vcpu *v, struct vcpu_guest_context *out);

/*
 * Checks a context for a domain with nr_vcpus vCPUs. -ENODATA: no proper header, or no END record; -EINVAL:
 * not this format or version, a record that is longer than the stream, of unknown type or wrong length, for a
 * vCPU that does not exist, or an invalid CPU state.
 */
int hvm_context_check(const u8 *buf, u64 size, u32 nr_vcpus, const struct cpu_policy *policy);
/* Loads a checked context into d's vCPUs and brings those with a CPU record online. d's vCPUs do not run. */
void hvm_context_load(struct domain *d, const u8 *buf, u64 size);

#endif

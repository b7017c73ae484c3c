/*
 * Loads a kernel into another domain's memory and sets the registers of its first vCPU. Uses the vCPU's
 * window onto foreign memory (call xc_foreign_init() first); several vCPUs may do it at once.
 */
#ifndef GUEST_LIB_IMAGE_H
#define GUEST_LIB_IMAGE_H

#include <lib/elf.h>
#include <guest/lib/xc.h>

/* Copies len bytes to guest-physical paddr, or zeroes them if src is NULL. 0; -EFAULT: not mappable */
int image_write(xc_interface *xch, u32 domid, u64 paddr, const void *src, u64 len);

/* All segments by p_paddr, the rest of each zeroed. 0; -EFAULT */
int image_load(xc_interface *xch, u32 domid, const struct elf_kernel *elf);

/*
 * Sets vCPU 0 to the PVH start state: 32-bit, unpaged, flat, EBX = start_info, entry a guest-physical address
 * (public/arch-x86/hvm/start_info.h). 0, -EINVAL: the context read has no header, or an errno of the domctls.
 */
int image_set_context(xc_interface *xch, u32 domid, u32 entry, u64 start_info);
/* The same for any vCPU. */
int image_set_vcpu(xc_interface *xch, u32 domid, u32 vcpu, u32 entry, u64 start_info);

#endif

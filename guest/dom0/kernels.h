/*
 * The kernels of guests, decoded if they are compressed. A kernel that several guests use is decoded once; it stays
 * afterwards, for the next guest or a reboot, until its memory is needed for another. Any vCPU may call at any time: those that
 * want a kernel that is being decoded wait for it, and so do those for whose kernel there is no memory beside those in use.
 */
#ifndef GUEST_DOM0_KERNELS_H
#define GUEST_DOM0_KERNELS_H

#include <homestead/types.h>

#define KERNELS_WHY_MAX 256u

/* An ELF file, or what shall be one. */
struct kernel_image {
    const u8 *data;
    u64 size;
    struct kernel *from; /* NULL: data is the file itself */
};

/*
 * The image of a kernel's file, which stays where it is for ever: its address is its identity. Call kernels_put() after use,
 * and hold one image at a time, else two vCPUs could wait for each other. Returns 0; else *why (KERNELS_WHY_MAX bytes)
 * is a phrase that completes "the kernel ...": -ENOEXEC: it cannot be loaded; -ENOMEM: domain 0 has too little memory to decode
 * it.
 */
int kernels_get(const void *file, u64 size, struct kernel_image *out, char *why);
/* For an image of kernels_get(), or a zeroed one. */
void kernels_put(struct kernel_image *image);

/* --- where decoded kernels are: libc_for_decoders.c ------------------------------------------------------ */

/* What kernel_memory_alloc() could get at most, and all of this domain's memory. In bytes. */
u64 kernel_memory_largest(void);
u64 kernel_memory_all(void);
void *kernel_memory_alloc(u64 bytes);
void kernel_memory_free(void *p);

#endif

/* Domain 0's memory, for decoders and decoded kernels: libc_for_decoders.c. */
#ifndef GUEST_DOM0_LIBC_FOR_DECODERS_H
#define GUEST_DOM0_LIBC_FOR_DECODERS_H

/* Before the first kernels_get(). Once, on vCPU 0. */
void libc_init(void);

#endif

/* Between the files of guest/lib; programs include guest.h. */
#ifndef GUEST_LIB_INTERNAL_H
#define GUEST_LIB_INTERNAL_H

#include <guest/lib/guest.h>

/* entry.asm calls it; never returns. */
NORETURN void guest_start(const struct hvm_start_info *si);
/* memory.c: fills guest_env.ranges. Returns 0 or -errno of XENMEM_memory_map. */
int memory_read_map(const struct hvm_start_info *si);
/* memory.c: maps RAM above 4 GiB 1:1. Returns 0 or -ENOMEM (page table pool too small). */
int memory_map_all(void);
/* start.c: what C code by others expects of a vCPU: SSE, and a stack guard at %fs:0x28. On each. */
void vcpu_prepare(void);
/* xen.c: finds the hypervisor's leaves, sets guest_env's fields. Returns 0 or -ENODEV. */
int xen_detect(void);
/* xen.c: installs the hypercall page and checks it against the direct way. Returns 0 or -EIO. */
int xen_check_hypercall_page(void);
/* traps.c: fills and loads the IDT; traps_load() for another vCPU. */
void traps_init(void);
void traps_load(void);
/* console.c: what this vCPU has begun to print and not ended. */
void console_flush(void);
/* smp.c, called by traps.asm: NMI, or a vector from 32 up. */
void irq_handler(u64 vector);

#endif

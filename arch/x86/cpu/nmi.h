/* Errors that hardware reports: non-maskable interrupts and machine checks. */
#ifndef CPU_NMI_H
#define CPU_NMI_H

#include <arch/x86/cpu/traps.h>

/* Whether an NMI from outside panics; else it is reported. Memory and I/O errors always panic. [I] */
extern bool nmi_panics;

/* The handlers. Machine checks end in a panic. */
void nmi_handle(const struct trap_frame *frame);
NORETURN void machine_check_handle(const struct trap_frame *frame);

/* Makes this CPU report errors: all banks on. Errors from before are printed and cleared. */
void machine_check_init(void);

#endif

/* What hardware reports of itself: non-maskable interrupts and machine checks. */
#ifndef CPU_NMI_H
#define CPU_NMI_H

#include <arch/x86/cpu/traps.h>

/* An NMI that nobody sent: go on after a line about it, or panic? Memory and I/O errors always panic. [I] */
extern bool nmi_panics;

/* The handlers. Machine checks end in a panic. */
void nmi_handle(const struct trap_frame *frame);
NORETURN void machine_check_handle(const struct trap_frame *frame);

/* Makes this CPU report errors: all banks on. Those that are there from before are printed and cleared. */
void machine_check_init(void);

#endif

/* Stopping the other CPUs for good: at a panic and at the end of a run. */
#ifndef CPU_STOP_H
#define CPU_STOP_H

#include <arch/x86/cpu/percpu.h>

struct trap_frame;

/*
 * One CPU ends the run. The first to call this goes on; it may call it again (a fault while it panics). Any
 * other sleeps here until it is stopped, and never returns.
 */
void stop_begin(void);
/* Has a CPU called stop_begin()? */
bool stop_begun(void);
/*
 * Stops all other CPUs and waits for them, for a bounded time. gently: first where they do not hold the console,
 * at an interrupt or in cpu_relax(); those that do not come there soon, by NMI. Else all by NMI. Returns how many
 * could not be stopped.
 */
u32 stop_others(bool gently);
/* Prints what each other CPU was doing when it was stopped, with its backtrace; idle ones in one line. */
void stop_print(void);
/* If this CPU is to stop: stores where it was and halts. Else returns. by_nmi: from the NMI's handler. */
void stop_if_asked(u64 rip, u64 rbp, bool by_nmi);

/* Writes the name of a guest's vCPU, "d1v0"; set by boot/. NULL: not set yet. */
extern void (*stop_name_guest)(const struct hvm_vcpu *v, char *out, size_t size);

#endif

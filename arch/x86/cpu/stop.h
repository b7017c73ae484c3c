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
/* Has somebody begun? */
bool stop_begun(void);
/*
 * Stops all other CPUs and waits until they are, or a bounded time. gently: where they hold no lock of the
 * console's, as far as they come there soon; else, and for those that do not come, by NMI. Returns how many
 * could not be stopped.
 */
u32 stop_others(bool gently);
/* What each other CPU was doing when it was stopped, with its backtrace; those that slept in one line. */
void stop_print(void);
/* The CPU that calls this is one of the others: it remembers where it was and sleeps for ever, if it is asked
 * to; else returns. by_nmi: from the NMI's handler. */
void stop_if_asked(u64 rip, u64 rbp, bool by_nmi);

/* "d1v0" of a guest's vCPU; set by the floor that knows. NULL: nobody does yet. */
extern void (*stop_name_guest)(const struct hvm_vcpu *v, char *out, size_t size);

#endif

/* A bound for every wait for another CPU: locks, stopped vCPUs, exits, quiet moments. */
#ifndef CPU_WAIT_H
#define CPU_WAIT_H

#include <arch/x86/cpu/percpu.h>

#define WAIT_MAX_SECS 60u
#define WAIT_TURNS    65536u /* of cpu_relax() between two looks at the clock */

/* Called by cpu_relax(). True: this CPU has waited for WAIT_MAX_SECS, and has neither handled an exit nor turned
 * its run loop meanwhile: a CPU that it waits for is dead, or waits for this one. Then it begins anew. False
 * before this CPU's run loop has started: the waits of booting have bounds of their own. */
bool wait_in_vain(struct cpu *cpu);

#endif

/*
 * A domain 0 that measures its hypervisor and ends. Under QEMU's icount one TSC tick is one instruction, so
 * the figures repeat exactly; elsewhere they are cycles.
 */
#ifndef GUEST_BENCH_BENCH_H
#define GUEST_BENCH_BENCH_H

#include <guest/lib/guest.h>

/* The median of many samples, each of BENCH_CALLS calls of fn, in ticks for one call; what an empty function
 * costs is taken off. */
#define BENCH_CALLS 64u
u64 bench_measure(void (*fn)(void));

/* memory.c: claims, populating, destroying. state is what free memory is then, "clean" or "dirty": the names
 * of the figures end with it. */
void bench_memory(const char *state);

#endif

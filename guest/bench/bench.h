/*
 * A domain 0 that measures its hypervisor and ends. Under QEMU's icount one TSC tick is one instruction, so
 * the figures repeat exactly; elsewhere they are cycles. Every figure goes out as a line `@bench`.
 */
#ifndef GUEST_BENCH_BENCH_H
#define GUEST_BENCH_BENCH_H

#include <guest/lib/guest.h>

/* --- measure.c --- */

#define BENCH_CALLS 64u /* calls of fn in one sample of bench_measure() */

/* Reads the option profile=NAME: then bench_begin() and bench_end() of that name call bench_mark_begin() and
 * bench_mark_end(), where tests/bench/profile.c starts and stops counting. */
void bench_init(void);
void bench_mark_begin(void);
void bench_mark_end(void);

/* A span: the TSC at its begin, the ticks it took. name: the figure's. */
u64 bench_begin(const char *name);
u64 bench_end(const char *name, u64 begin);

/* Reports the median of many samples, each of BENCH_CALLS calls of fn, in ticks for one call; what an empty
 * function costs is taken off. */
void bench_measure(const char *name, void (*fn)(void));

/* Ends the run if rc, -errno, is not 0. */
void bench_check(int rc, const char *what);

/* calls.c: exits and short hypercalls. */
void bench_calls(void);

/* memory.c: claims, populating, destroying. state is what free memory is then, "clean" or "dirty": the names
 * of the figures end with it. */
void bench_memory(const char *state);

#endif

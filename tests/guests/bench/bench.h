/*
 * A domain 0 that measures its hypervisor, Homestead or Xen, and shuts down. Under QEMU's icount one TSC
 * tick is one instruction, so the figures are reproducible; elsewhere they are cycles. Each figure is a
 * line `@bench`; there is none for a call that the hypervisor does not have.
 */
#ifndef GUEST_BENCH_BENCH_H
#define GUEST_BENCH_BENCH_H

#include <guest/lib/guest.h>
#include <guest/lib/xc.h>

extern xc_interface *bench_xch;

/* --- measure.c: figures, one at a time --- */

#define BENCH_CALLS 64u /* of fn in one sample of bench_calls() */

/* Reads the option profile=NAME: then only the spans of that figure are marked; else all are. */
void bench_init(void);

/* A figure: named, then any number of spans, then the median of their ticks is reported. pages: what memory
 * it is about, 0: none. */
void bench_figure(const char *name);
void bench_begin(void);
void bench_end(void);
void bench_report(u64 pages);

/* A figure of its own: the median of many samples, each of BENCH_CALLS calls of fn, in ticks for one call;
 * what an empty function costs is taken off. */
void bench_calls(const char *name, void (*fn)(void));

/* Ends the run if rc, -errno, is not 0. */
void bench_check(int rc, const char *what);

/* --- domain.c: domains to try things on --- */

/* A domain that has its limits and its paging pool, and no memory yet. */
u32 bench_create(u64 pages);
void bench_destroy(u32 domid);
/* Lets the CPU idle. */
void bench_idle_ms(u64 ms);

/* --- the figures --- */

void bench_exits(void);               /* calls.c: exits and short hypercalls */
void bench_domains(void);             /* domain.c: domains without memory */
void bench_grants(void);              /* grants.c */
void bench_events(void);              /* events.c: the last */
void bench_claims(void);              /* claim.c */
void bench_memory(const char *state); /* memory.c: state is what free memory is then, "clean" or "dirty" */

#endif

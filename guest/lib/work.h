/*
 * Work for several vCPUs: a list of numbered jobs, each done once, by any free vCPU. vCPU 0 starts the
 * others and works too. They go offline afterwards, so they cost nothing in between.
 */
#ifndef GUEST_LIB_WORK_H
#define GUEST_LIB_WORK_H

#include <homestead/types.h>

typedef void work_fn(void *arg, u32 job);

/* How many vCPUs there are for work, from 1. Only 1 where the local APIC has no x2APIC mode. The first
 * call gets smp.h ready. vCPU 0 only. */
u32 work_vcpus(void);

/*
 * fn(arg, 0) to fn(arg, nr_jobs - 1), in the order of their numbers, on at most max_vcpus vCPUs at once;
 * returns when all have returned. False: a vCPU did not start within 10 s; the others have done its jobs.
 * vCPU 0 only, one at a time.
 */
bool work_run(u32 max_vcpus, u32 nr_jobs, work_fn *fn, void *arg);

/* Gives way to the other vCPUs, for a few ms. */
void work_nap(void);

/* What vCPU 0 does, for at most ms, while it waits for the others. NULL: it yields. */
extern void (*work_sleep)(u64 ms);

#endif

/* The test guest's parts. */
#ifndef GUEST_TEST_TEST_H
#define GUEST_TEST_TEST_H

#include <homestead/types.h>

/* memtest.c: all RAM of the memory map, page by page, except this image. False: a wrong byte; its address
 * was printed. */
bool memtest_run(void);

/* abuse.c: hypercalls that must be refused and must harm nobody. False: one was not; it was printed. */
bool abuse_run(void);

/* smp.c: starts all vCPUs and lets them work on each other. False: a check failed; it was printed. */
bool smp_run(void);

/* runstates.c: all nr vCPUs sleep, but 0, which calls, and `spinner`: does what the hypervisor says of their time add up? */
bool runstates_add_up(u32 nr, u32 spinner);

/* mmio.c: accesses to memory that is not there, in 16-, 32- and 64-bit code. Does not return if option
 * crash= names one that ends the domain. */
bool mmio_run(void);

/* pae.c: 32-bit code with PAE paging, on vCPUs 1 and 2. False: a check failed; it was printed. */
bool pae_run(void);

/* tasks.c: a hardware task switch on vCPU 1. False: it did not happen, which was printed. On Intel it ends the domain. */
bool tasks_run(void);

/* apic.c: random writes to the APIC. */
bool apic_run(void);

/* restless.c: gives back and takes memory and event channels at random. False: memory changed or was not
 * clean, or a call failed that must not; it was printed. */
bool restless_run(void);

/* balloon.c: gives memory back, takes it again, and more, up to the domain's limit. False: a call failed that must not,
 * or memory was not clean, or changed; it was printed. */
bool balloon_run(void);

/* vnuma.c: prints the virtual nodes as the hypervisor and ACPI tell them, and exchanges a page of each. False: something is
 * wrong; it was printed. */
bool vnuma_run(void);

/* spin.c: all vCPUs run, for ms=N milliseconds or for ever. */
void spin_run(void);

/* rings.c: random bytes in all that the guest shares with domain 0. */
void rings_run(void);

/* echo.c: writes back what is typed, and carries out commands. */
NORETURN void echo_run(void);

#endif

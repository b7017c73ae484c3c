/*
 * The verdict on an exit. A handler acts on what the exit means and returns what becomes of the instruction
 * and of the guest; vcpu_handle_exit() is the one place that moves RIP, raises exceptions and ends a domain.
 */
#ifndef DOMAIN_EXIT_H
#define DOMAIN_EXIT_H

#include <domain/domain.h>

enum verdict_action {
    VERDICT_RESUME, /* the guest goes on at its RIP: no instruction was due */
    VERDICT_SKIP,   /* the instruction has been carried out: RIP moves past it, a shadow ends, TF traps */
    VERDICT_RETRY,  /* the guest executes the instruction again: a hypercall that is continued */
    VERDICT_NEXT,   /* a part of what a REP repeats has been carried out: RIP stays, TF traps */
    VERDICT_RAISE,  /* the instruction raises .vector with .error */
    VERDICT_CRASH,  /* the domain ends: the exit's kind says why, and for a nested page fault .vector */
};

#define VERDICT_NO_ERROR (-1)

/* Small enough to be returned in one register. */
struct exit_verdict {
    u8 action; /* enum verdict_action */
    u8 vector;
    s32 error; /* VERDICT_NO_ERROR: the exception has no error code */
};
_Static_assert(sizeof(struct exit_verdict) == 8, "returned in RAX");

/* Known call upward (domain → hypercall): carries out the hypercall in v's registers. kernel_bits: the
 * exit's. VERDICT_SKIP: the result is in RAX. VERDICT_RETRY: the registers hold the arguments to go on with. */
struct exit_verdict hypercall_dispatch(struct vcpu *v, u32 kernel_bits);

#endif

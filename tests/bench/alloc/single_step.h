/* The processor steps (trap flag): from single_step_begin() to single_step_end() each instruction of this thread raises
 * SIGTRAP, which on_step() gets. */
#ifndef BENCH_ALLOC_SINGLE_STEP_H
#define BENCH_ALLOC_SINGLE_STEP_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

static inline char *stepped_at(const void *context)
{
    const ucontext_t *c = context;

    return (char *)c->uc_mcontext.gregs[REG_RIP];
}

static inline void single_step_begin(void (*on_step)(int signal, siginfo_t *info, void *context))
{
    struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};

    if (sigaction(SIGTRAP, &action, NULL)) {
        perror("sigaction");
        exit(1);
    }
    /* Past the red zone, which the caller may be using. */
    __asm__ volatile("sub $128, %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n add $128, %%rsp" ::
                         : "cc", "memory");
}

static inline void single_step_end(void)
{
    __asm__ volatile("sub $128, %%rsp\n pushfq\n andq $~0x100, (%%rsp)\n popfq\n add $128, %%rsp" ::
                         : "cc", "memory");
}

#endif

/*
 * How long locks are held, in instructions: the processor single-steps (trap flag), and the signal that each
 * step raises counts while a lock is held. The hooks that say so lie in a section of their own, whose
 * instructions do not count. Single-threaded, so nobody waits for a lock.
 */
#include <tests/bench/alloc/bench.h>
#include <tests/bench/alloc/single_step.h>

#define HOOK __attribute__((section("hold_hook"), noinline))
extern char __start_hold_hook[], __stop_hold_hook[];

static volatile u32 depth; /* locks held */
static volatile u64 steps; /* instructions since the outermost of them was asked for */
static volatile u64 longest;

HOOK void lock_check_take(u32 level)
{
    (void)level;
    if (depth++ == 0)
        steps = 0;
}

HOOK void lock_check_drop(u32 level)
{
    (void)level;
    if (--depth == 0 && steps > longest)
        longest = steps;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    char *at = stepped_at(context);

    (void)signal;
    (void)info;
    if (depth && (at < __start_hold_hook || at >= __stop_hold_hook))
        steps++;
}

void hold_begin(void)
{
    single_step_begin(on_step);
}

void hold_end(void)
{
    single_step_end();
}

u64 hold_longest(void)
{
    return longest;
}

void hold_reset(void)
{
    longest = 0;
}

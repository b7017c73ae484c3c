/*
 * Debug console: k compares every list, sum and claim of mm/ with the frame table (mm_check()), while all other
 * CPUs wait. Debug builds do it whenever a domain has ended, and panic if something is wrong; the faults are
 * logged before.
 *
 * Takes time in proportion to the memory and the number of domains.
 */
#include <domain/debug/dump.h>

#include <arch/x86/cpu/debug/keys.h>
#include <domain/internal.h>
#include <lib/assert.h>
#include <lib/log.h>
#include <mm/mm.h>

static u32 nr_faults; /* of the last check */

static void check(void)
{
    nr_faults = mm_check();
}

static void key_check(void)
{
    if (sched_run_quiet(check))
        keys_printf("%u faults\n", nr_faults);
    else
        keys_printf("not checked: a CPU is busy for too long, or another check is under way\n");
}

#ifdef DEBUG
static void check_after_end(void)
{
    check();
    BUG_ON(nr_faults);
    log_debug("memory checked: no fault\n");
}

static void ask_for_check(void)
{
    sched_ask_quiet(check_after_end);
}
#endif

void memory_check_init(void)
{
    keys_register('k', "check of every list and sum of memory; stops all CPUs meanwhile", key_check);
#ifdef DEBUG
    domain_ended = ask_for_check;
#endif
}

/*
 * Hypercalls and exits: see bench.h. With the argument `memory=clean` or `memory=dirty` claims and memory
 * instead.
 */
#include <guest/bench/bench.h>
#include <xen/sched.h>

void guest_main(void)
{
    char state[8];

    bench_init();
    printf("@bench name=dom0_entry tsc=%lu\n", guest_entry_tsc);
    if (guest_option("memory", state, sizeof(state)))
        bench_memory(state);
    else
        bench_calls();
    printf("@verdict result=PASS\n");
    guest_shutdown(SHUTDOWN_poweroff);
}

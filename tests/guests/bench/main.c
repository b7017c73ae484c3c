/*
 * Exits, hypercalls, domains without memory and claims: see bench.h. With the argument `memory=clean` or
 * `memory=dirty` populating, destroying and building instead.
 */
#include <tests/guests/bench/bench.h>
#include <xen/sched.h>

xc_interface *bench_xch;

/* What is free and what domain 0 has: of the rest of the machine's RAM, the hypervisor keeps each page. */
static void report_memory(void)
{
    xc_domaininfo_t info;
    xc_physinfo_t phys;

    bench_check(xc_physinfo(bench_xch, &phys), "physinfo");
    bench_check(xc_domain_getinfo_single(bench_xch, 0, &info), "getdomaininfo");
    printf("@bench name=free_memory pages=%lu\n", (u64)phys.free_pages);
    printf("@bench name=dom0_memory pages=%lu\n", (u64)info.tot_pages);
}

void guest_main(void)
{
    char state[8];

    bench_xch = xc_interface_open();
    bench_init();
    printf("@bench name=dom0_entry tsc=%lu\n", guest_entry_tsc);
    report_memory();
    if (guest_option("memory", state, sizeof(state))) {
        bench_memory(state);
    } else {
        bench_exits();
        bench_domains();
        bench_claims();
        bench_grants();
        bench_events();
    }
    guest_verdict(true);
    guest_shutdown(SHUTDOWN_poweroff);
}

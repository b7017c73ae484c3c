/*
 * Runs the groups of cases in order. Option: only=NAME runs one. See conformance.h.
 *
 * Each group removes what it made. Its last line prints the change of the host's free memory and claims
 * since its start.
 */
#include <tests/guests/conformance/conformance.h>
#include <lib/string.h>
#include <xen/sched.h>

xc_interface *xch;

static const struct {
    const char *name;
    void (*run)(void);
} groups[] = {
    {"calling", cases_calling},
    {"claim", cases_claim},
    {"redeem", cases_redeem},
    {"memory", cases_memory},
    {"extents", cases_extents},
    {"create", cases_create},
    {"domctl", cases_domctl},
    {"life", cases_life},
    {"affinity", cases_affinity},
    {"context", cases_context},
    {"physmap", cases_physmap},
    {"foreign", cases_foreign},
    {"compat", cases_compat},
    {"guest", cases_guest},
    {"version", cases_version},
    {"multicall", cases_multicall},
    {"sysctl", cases_sysctl},
    {"events", cases_events},
    {"hvm", cases_hvm},
    {"vcpu", cases_vcpu},
    {"apic", cases_apic},
    {"sched", cases_sched},
    {"vnuma", cases_vnuma},
    {"areas", cases_areas},
    {"grants", cases_grants},
    {"fifo", cases_fifo},
    {"platform", cases_platform},
    {"policy", cases_policy},
    {"xl", cases_xl},
    {"pod", cases_pod},
};

static void run_group(u32 i)
{
    u32 before = nr_cases();

    group_begin(groups[i].name);
    groups[i].run();
    printf("@group name=%s cases=%u\n", groups[i].name, nr_cases() - before);
}

void guest_main(void)
{
    char only[32];

    if (!guest_env.is_dom0)
        helper_main();
    xch = xc_interface_open();
    domains_init();
    bool all = !guest_option("only", only, sizeof(only));
    for (u32 i = 0; i < ARRAY_SIZE(groups); i++) {
        if (all || !strcmp(only, groups[i].name))
            run_group(i);
    }
    guest_verdict(nr_cases());
    guest_shutdown(SHUTDOWN_poweroff);
}

void guest_on_fatal(void)
{
    guest_verdict(false);
}

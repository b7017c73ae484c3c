/* What the debug console's keys show of domains, vCPUs, CPUs, memory and locks. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <stdatomic.h>

#include <arch/x86/cpu/apic.h>
#include <arch/x86/cpu/debug/keys.h>
#include <arch/x86/cpu/wall_clock.h>
#include <domain/debug/dump.h>

static u32 nmi_sent_to = ~0u;

void apic_send_nmi(u32 dest_apic_id)
{
    nmi_sent_to = dest_apic_id;
}

static void setup(void)
{
    static bool registered;

    if (!registered) {
        keys_init();
        domain_dump_init();
    }
    registered = true;
    console_reset();
}

FIXTURE(setup, NULL)

/* What the key prints. */
static const char *press(char key)
{
    const char bytes[] = {1, 1, 1, key, 1, 1, 1, 0};

    console_reset();
    console_input = bytes;
    while (*console_input)
        keys_poll();
    console_input = ""; /* the array goes */
    return console;
}

static bool shows(char key, const char *text)
{
    return strstr(press(key), text) != NULL;
}

TEST(memory_is_shown_by_node_and_domain, .nodes = 2, .domains = 2)
{
    struct domain *d = domain_get(1);
    const struct claim_entry claim[] = {{.pages = 100, .node = 1}};

    populate(d, 0, 3);
    d->mem.max_pages = 200;
    assert_int_equal(claim_install_set(&d->mem, claim, 1, 0), 0);
    assert_true(shows('m', "d1     all            8"));
    assert_non_null(strstr(console, "limit 200"));
    assert_non_null(strstr(console, "       1              0        100\n"));
    assert_non_null(strstr(console, "d0     all"));
    d->mem.max_pages = ~0ull;
    assert_true(shows('m', "limit none"));
    assert_true(shows('k', "0 faults\n"));
    assert_int_equal(claim_install_legacy(&d->mem, 0), 0);
    domain_put(d);
}

TEST(domains_and_vcpus_are_shown_with_their_states, .cpus = 2, .domains = 2, .vcpus = 3)
{
    struct domain *d = domain_get(1);
    u64 only_1[MAX_CPUS / 64] = {BIT(1)}, all[MAX_CPUS / 64];

    memset(all, 0xff, sizeof(all));
    assert_true(shows('d', "d1     running    vCPUs 0 of 3"));
    domain_pause(d);
    assert_true(shows('d', "d1     paused "));
    assert_true(shows('v', "d1        3 offline\n"));
    vcpu_online(d->vcpu[0]);
    vcpu_online(d->vcpu[1]);
    sched_set_affinity(d->vcpu[1], only_1, all);
    assert_true(shows('v', "d1v0      paused "));
    assert_non_null(strstr(console, "  1           0 ms"));
    assert_non_null(strstr(console, "d1        1 offline\n"));
    domain_unpause(d);
    assert_true(shows('v', "d1v0      waiting"));
    domain_shutdown(d, 5);
    assert_true(shows('d', "shut down"));
    assert_non_null(strstr(console, "code 5\n"));
    domain_put(d);
}

TEST(cpus_and_exits_are_shown, .cpus = 3, .domains = 1)
{
    cpus[2] = NULL;
    cpu_on[1].idle = true;
    cpu_on[1].exit_kinds[HVM_EXIT_HLT] = 7;
    assert_true(shows('c', "CPU 1    APIC"));
    assert_non_null(strstr(console, "idle "));
    assert_non_null(strstr(console, "hypervisor "));
    assert_non_null(strstr(console, "1 CPUs did not come up\n"));
    assert_int_equal(nmi_sent_to, ~0u); /* nobody is stuck */
    assert_true(shows('e', "CPU 1     hlt 7\n"));
    assert_non_null(strstr(console, "1 CPUs without an exit\nall       hlt 7\n"));
    cpu_on[1].exit_kinds[HVM_EXIT_HLT] = 0;
    cpu_on[1].idle = false;
    cpus[2] = &cpu_on[2];
}

TEST(locks_are_shown_that_are_held, .nodes = 2, .cpus = 2, .domains = 2)
{
    struct domain *d = domain_get(1);

    assert_true(shows('l', "claimants           1, 0 held\n"));
    assert_non_null(strstr(console, "node                2, 0 held\n"));
    atomic_fetch_add(&d->lock.next, 2); /* as two other CPUs do: one has it, one waits */
    assert_true(shows('l', " domain 1: held, 1 waiting\n"));
    assert_non_null(strstr(console, "domain              2, 1 held\n"));
    atomic_fetch_sub(&d->lock.next, 2);
    atomic_fetch_add(&d->grant_lock.next, 1);
    assert_true(shows('l', " grant table 1: held, 0 waiting\n"));
    atomic_fetch_sub(&d->grant_lock.next, 1);
    atomic_fetch_add(&guest_console_lock()->next, 1);
    atomic_fetch_add(&wall_clock_lock()->next, 1);
    assert_true(shows('l', " wall clock 0: held, 0 waiting\n"));
    assert_non_null(strstr(console, "console output      1, 1 held\n"));
    atomic_fetch_sub(&guest_console_lock()->next, 1);
    atomic_fetch_sub(&wall_clock_lock()->next, 1);
    domain_put(d);
}

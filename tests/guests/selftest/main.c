/*
 * A domain 0 that tests the hypervisor's claims: the cases of docs/hypervisor-guide/mm/claims.md, or with mode=claimstress
 * builders that compete for memory, or with mode=race two builders that compete for one node. It builds no
 * guests, and is linked with the builder's parts of guest/dom0.
 *
 * Options: mode=claimstress with rounds=N (10) and builders=N (8); mode=race with rounds=N (0) on two vCPUs;
 * slack=, wait= as in guest/README.md.
 */
#include <tests/guests/selftest/selftest.h>
#include <lib/string.h>

/* Domains that may each have left slack pages at the end. */
#define DOMAINS_AT_ONCE 8u

static bool run_cases(void)
{
    u32 wrong = selftest_run(options.slack);

    printf("selftest  %u checks failed\n", wrong);
    return wrong == 0;
}

/* With claims, then without. */
static bool run_stress(void)
{
    u32 rounds = (u32)MIN(guest_option_number("rounds", 10), 1000000u);
    u32 builders = (u32)MIN(MAX(guest_option_number("builders", 8), 1u), 64u);
    bool ok = claimstress_run(true, rounds, builders, options.slack);

    return claimstress_run(false, rounds, builders, options.slack) && ok;
}

void guest_main(void)
{
    char mode[32];
    bool ok = false;

    session_begin();
    if (!guest_option("mode", mode, sizeof(mode)))
        ok = run_cases();
    else if (!strcmp(mode, "claimstress"))
        ok = run_stress();
    else if (!strcmp(mode, "race"))
        ok = race_run((u32)MIN(guest_option_number("rounds", 0), 1000u));
    else
        printf("selftest: there is no mode '%s'\n", mode);
    session_end(ok, DOMAINS_AT_ONCE);
}

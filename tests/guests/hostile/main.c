/*
 * Attacks on the hypervisor and on other domains, each a file attack_NAME.c. Runs as domain 0 or as a guest.
 *
 * Option: attack=NAME, one of attacks[], or several with + between; the others are the attacks' own.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <lib/string.h>
#include <xen/sched.h>

static const struct attack {
    const char *name;
    bool (*run)(void); /* false: something was wrong, and has been printed */
} attacks[] = {
    {"calls", attack_calls},   {"claims", attack_claims},   {"fifo", attack_fifo},
    {"flood", attack_flood},   {"gap", attack_gap},         {"instructions", attack_instructions},
    {"mce", attack_mce},       {"offline", attack_offline}, {"pod", attack_pod},
    {"race", attack_race},     {"replace", attack_replace}, {"soil", attack_soil},
    {"step", attack_step},     {"storm", attack_storm},     {"sweep", attack_sweep},
    {"tables", attack_tables}, {"toctou", attack_toctou},   {"grants", attack_grants},
};

static bool run(const char *name)
{
    for (u32 i = 0; i < ARRAY_SIZE(attacks); i++)
        if (!strcmp(name, attacks[i].name))
            return attacks[i].run();
    printf("hostile   no attack '%s'\n", name);
    return false;
}

void guest_main(void)
{
    char names[128] = "calls";
    bool pass = true;

    guest_option("attack", names, sizeof(names));
    for (char *name = names, *next; name; name = next) {
        next = strchr(name, '+');
        if (next)
            *next++ = '\0';
        bool ok = run(name);
        /* A guest's line has its domain in front. */
        printf("@attack name=%s result=%s\n", name, ok ? "ok" : "failed");
        pass = ok && pass;
    }
    if (guest_env.is_dom0)
        guest_verdict(pass);
    guest_shutdown(pass ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

void guest_on_fatal(void)
{
    if (guest_env.is_dom0)
        guest_verdict(false);
}

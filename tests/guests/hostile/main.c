/*
 * Attacks on the hypervisor and on other domains, each a file attack_NAME.c. Runs as domain 0 or as a guest.
 *
 * Option: attack=NAME, one of attacks[]; the others are the attack's own.
 */
#include <tests/guests/hostile/hostile.h>
#include <guest/lib/guest.h>
#include <lib/string.h>
#include <xen/sched.h>

static const struct attack {
    const char *name;
    bool (*run)(void); /* false: something was wrong, and has been printed */
} attacks[] = {
    {"calls", attack_calls}, {"mce", attack_mce},   {"replace", attack_replace},
    {"soil", attack_soil},   {"step", attack_step},
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
    char buf[32];
    const char *name = guest_option("attack", buf, sizeof(buf));
    bool pass = run(name ? name : "calls");

    if (guest_env.is_dom0)
        guest_verdict(pass);
    guest_shutdown(pass ? SHUTDOWN_poweroff : SHUTDOWN_crash);
}

void guest_on_fatal(void)
{
    if (guest_env.is_dom0)
        guest_verdict(false);
}

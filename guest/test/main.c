/*
 * The test guest: tests all its memory but its own image, or misbehaves as its command line says
 * (guest/README.md): mode=memory (default), crash, loop, hlt, abuse, smp, apic, mmio, pae, tasks, restless, balloon,
 * vnuma, spin, echo, rings, shutdown with code=N.
 */
#include <guest/lib/guest.h>
#include <guest/test/test.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <xen/sched.h>

/* A triple fault: an exception with no table to handle it. */
static NORETURN void crash(void)
{
    struct PACKED {
        u16 limit;
        u64 base;
    } idtr = {0, 0};

    printf("crashing with a triple fault\n");
    __asm__ volatile("lidt %0; ud2" ::"m"(idtr));
    __builtin_unreachable();
}

static NORETURN void loop(void)
{
    char word[8];
    bool on = guest_option("interrupts", word, sizeof(word)) && strcmp(word, "on") == 0;

    printf("looping for ever\n");
    if (on)
        __asm__ volatile("sti");
    for (;;)
        __asm__ volatile("pause");
}

static NORETURN void halt(void)
{
    printf("halting with interrupts off\n");
    for (;;)
        __asm__ volatile("cli; hlt");
}

void guest_main(void)
{
    char mode[16];

    if (!guest_option("mode", mode, sizeof(mode)))
        str_copy(mode, "memory", sizeof(mode));
    printf("test guest: domain %u, %u memory ranges, mode %s\n", guest_env.domid, guest_env.nr_ranges, mode);
    if (strcmp(mode, "memory") == 0)
        guest_shutdown(memtest_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "abuse") == 0)
        guest_shutdown(abuse_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "smp") == 0)
        guest_shutdown(smp_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "apic") == 0)
        guest_shutdown(apic_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "restless") == 0)
        guest_shutdown(restless_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "balloon") == 0)
        guest_shutdown(balloon_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "mmio") == 0)
        guest_shutdown(mmio_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "pae") == 0)
        guest_shutdown(pae_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "tasks") == 0)
        guest_shutdown(tasks_run() ? SHUTDOWN_crash : SHUTDOWN_poweroff);
    if (strcmp(mode, "vnuma") == 0)
        guest_shutdown(vnuma_run() ? SHUTDOWN_poweroff : SHUTDOWN_crash);
    if (strcmp(mode, "spin") == 0) {
        spin_run();
        guest_shutdown(SHUTDOWN_poweroff);
    }
    if (strcmp(mode, "rings") == 0) {
        rings_run();
        guest_shutdown(SHUTDOWN_poweroff);
    }
    if (strcmp(mode, "echo") == 0)
        echo_run();
    if (strcmp(mode, "crash") == 0)
        crash();
    if (strcmp(mode, "loop") == 0)
        loop();
    if (strcmp(mode, "hlt") == 0)
        halt();
    if (strcmp(mode, "shutdown") == 0) {
        u64 code = guest_option_number("code", SHUTDOWN_poweroff);
        printf("shutting down with code %lu\n", code);
        guest_shutdown((unsigned int)code);
    }
    printf("unknown mode\n");
    guest_shutdown(SHUTDOWN_crash);
}

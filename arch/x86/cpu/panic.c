/*
 * How a run ends. On QEMU, isa-debug-exit turns a value v into exit status 2v+1: 33 pass, 35 fail,
 * 37 panic. On machines without it the write goes nowhere and the machine powers off, resets or halts.
 */
#include <arch/x86/cpu/panic.h>

#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/efi_runtime.h>
#include <arch/x86/cpu/io.h>
#include <arch/x86/cpu/paging.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/stop.h>
#include <arch/x86/cpu/symbols.h>
#include <lib/assert.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>

#define DEBUG_EXIT_PASS  0x10u
#define DEBUG_EXIT_FAIL  0x11u
#define DEBUG_EXIT_PANIC 0x12u
#define BACKTRACE_MAX    24u

struct machine_end_config machine_end_config;

static void debug_exit(u8 value)
{
    if (machine_end_config.debug_exit_port)
        outb(machine_end_config.debug_exit_port, value);
}

static void print_frame(u64 rip)
{
    u64 offset;
    const char *name = symbol_lookup(rip, &offset);

    if (name)
        log_error("  %016lx  %s+0x%lx\n", rip, name, offset);
    else
        log_error("  %016lx  ?\n", rip);
}

void backtrace_print(u64 rip, u64 rbp)
{
    log_error("Backtrace:\n");
    print_frame(rip);
    for (u32 depth = 0; depth < BACKTRACE_MAX; depth++) {
        /* A frame is two words on a mapped stack, and frames only go up. */
        if (!IS_ALIGNED(rbp, 8) || rbp < DIRECTMAP_BASE || !paging_is_mapped(rbp) ||
            !paging_is_mapped(rbp + 8))
            break;
        const u64 *frame = (const u64 *)rbp;
        if (!frame[1])
            break;
        print_frame(frame[1] - 1); /* inside the call, not after it */
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
}

void panic_begin(void)
{
    stop_begin();
    console_break_lock();
}

void panic(const char *fmt, ...)
{
    char reason[200];
    va_list args;

    __asm__ volatile("cli");
    panic_begin();
    va_start(args, fmt);
    vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);
    log_error("\nPANIC on CPU %u: %s\n", this_cpu()->id, reason);
    panic_end(reason, (u64)panic, (u64)__builtin_frame_address(0));
}

void panic_end(const char *reason, u64 rip, u64 rbp)
{
    static bool again;

    if (!again) {
        again = true; /* a fault while this is printed must not recurse */
        backtrace_print(rip, rbp);
        stop_others(false);
        console_break_lock(); /* one of them had it */
        if (nr_cpus > 1)
            stop_print();
    }
    char word[200];
    str_copy(word, reason, sizeof(word));
    for (char *c = word; *c; c++)
        if (*c == '"' || *c == '\n')
            *c = '\''; /* the line must stay one that programs can read */
    log_fact("@panic cpu=%u reason=\"%s\"\n", this_cpu()->id, word);
    debug_exit(DEBUG_EXIT_PANIC);
    log_error("Halted.\n");
    cpu_halt();
}

void assert_failed(const char *what, const char *file, int line)
{
    panic("%s:%d: %s", file, line, what);
}

static void reset_by_acpi(void)
{
    const struct machine_end_config *c = &machine_end_config;

    if (!c->have_reset_register)
        return;
    if (c->reset_space == 1) {
        outb((u16)c->reset_address, c->reset_value);
    } else if (c->reset_space == 0) {
        if (c->reset_register)
            *c->reset_register = c->reset_value;
    }
}

static void reset_by_keyboard_controller(void)
{
    for (u32 spins = 0; spins < 100000 && (inb(0x64) & 2); spins++)
        ;
    outb(0x64, 0xfe);
}

static void reboot(void)
{
    if (machine_end_config.efi_system_table)
        efi_reset(machine_end_config.efi_system_table, EFI_RESET_COLD);
    reset_by_acpi();
    outb(0xcf9, 0x06); /* the chipset's reset register */
    reset_by_keyboard_controller();
}

void machine_end(enum machine_end how)
{
    static const char *const text[] = {"Domain 0 powered off", "Domain 0 asks for a reboot",
                                       "Reboot from the debug console", "Domain 0 has crashed"};
    bool restarts = how == MACHINE_REBOOT || how == MACHINE_RESTART;

    stop_begin();
    stop_others(true);
    console_break_lock();
    log_info("%s.\n", text[how]);
    log_fact("@end how=%s\n", how == MACHINE_POWEROFF ? "poweroff" : restarts ? "reboot" : "crash");
    if (!restarts)
        debug_exit(how == MACHINE_POWEROFF ? DEBUG_EXIT_PASS : DEBUG_EXIT_FAIL);
    if (how == MACHINE_POWEROFF && machine_end_config.efi_system_table)
        efi_reset(machine_end_config.efi_system_table, EFI_RESET_SHUTDOWN);
    if (restarts && !machine_end_config.noreboot)
        reboot();
    log_info("Halted%s.\n", restarts ? " instead of rebooting (noreboot)" : "");
    cpu_halt();
}

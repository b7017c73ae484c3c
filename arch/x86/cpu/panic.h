/* The end of a run: panic, power-off, reboot. */
#ifndef CPU_PANIC_H
#define CPU_PANIC_H

#include <homestead/types.h>

/* Stops the machine with a message, a backtrace and `@panic reason=...`. A QEMU run ends with a failing
 * status. */
NORETURN void panic(const char *fmt, ...) PRINTF(1, 2);

/* The same in two parts, for callers that print more. First: this CPU alone prints from now on (others that panic
 * too stop here). Last: backtraces of this CPU from a frame and of the others, `@panic`, the end. */
void panic_begin(void);
NORETURN void panic_end(const char *reason, u64 rip, u64 rbp);

enum machine_end {
    MACHINE_POWEROFF, /* dom0 shut down with poweroff: the run passed */
    MACHINE_REBOOT,
    MACHINE_RESTART, /* by a key of the debug console */
    MACHINE_CRASHED, /* dom0 crashed or reported failure */
};

/* Ends the run. With noreboot, or where nothing works, halts after saying so. */
NORETURN void machine_end(enum machine_end how);

/* What machine_end() may use; set once at boot. debug_exit_port 0: none. */
struct machine_end_config {
    u16 debug_exit_port; /* QEMU's isa-debug-exit: 0x10 pass, 0x11 fail, 0x12 panic */
    bool noreboot;
    u64 efi_system_table;
    bool have_reset_register;
    u8 reset_space; /* ACPI address space id: 0 memory, 1 I/O, 2 PCI configuration */
    u64 reset_address;
    volatile u8 *reset_register; /* mapped, if it is in memory */
    u8 reset_value;
};
extern struct machine_end_config machine_end_config;

void backtrace_print(u64 rip, u64 rbp);

#endif

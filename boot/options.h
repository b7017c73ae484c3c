/*
 * The command line. Options carry Xen's names where they mean the same, and take Xen's forms where a form has one
 * meaning here (docs/hypervisor-guide/options.md). Plain C, tested on the host.
 */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include <arch/x86/cpu/spec_ctrl.h>
#include <homestead/types.h>
#include <lib/log.h>

enum x2apic_choice { WANT_APIC_AUTO, WANT_X2APIC, WANT_XAPIC };

#define OPTIONS_SERIAL_LINES 2u

struct serial_options { /* com1=, com2= */
    u32 baud;           /* 0: the line stays as the firmware set it */
    u32 base;           /* the highest baud rate, which has divisor 1 */
    u16 port;
    u8 data_bits, stop_bits; /* 5 to 8, 1 to 2 */
    char parity;             /* n, o, e, m, s */
};

struct boot_options {
    u64 dom0_mem_bytes; /* 0: choose */
    u32 dom0_min_vcpus; /* domain 0 gets a vCPU for each CPU, but at least and at most so many */
    u32 dom0_max_vcpus;
    u64 dom0_nodes;    /* a mask, 0: any */
    u32 maxcpus;       /* 0: all */
    u32 watchdog_secs; /* 0: off */
    u32 x2apic;        /* enum x2apic_choice */
    u32 legacy_claims; /* enum claim_legacy */
    bool numa, idle_scrub, nmi_panic, noreboot, debugkeys;
    /* Faults for tests, in debug builds only: CPU ids below 64, as masks. */
    u64 test_cpu_fail; /* these do not come up */
    u64 test_panic;    /* these panic at the same moment, soon after the start */
    u64 test_lockup;   /* these lock up then */
    u32 test_stuck;    /* this one stops, holding the console; ~0: none */
    struct spec_ctrl_choice spec_ctrl;
    u8 ept_exec_sp; /* enum spec_ctrl_setting */
    enum log_level loglvl;
    u32 console; /* serial lines for the output, bit 0: com1, bit 1: com2; 0: none */
    struct serial_options com[OPTIONS_SERIAL_LINES];
    bool debug_exit_auto; /* debug-exit=auto|off|PORT: QEMU's isa-debug-exit */
    u16 debug_exit_port;
};

/*
 * Called with one sentence for each word that does not hold as it was given. LOG_WARNING: an unknown option, or a
 * value that cannot be used, at least not all of it. LOG_INFO: a value with less effect here than on Xen.
 */
typedef void (*options_report_fn)(enum log_level level, const char *sentence);

/* Fills *out: defaults, then what cmdline says, later ones winning. report may be NULL. */
void options_parse(const char *cmdline, struct boot_options *out, options_report_fn report);

/* What follows the word `--`, "" if there is none: Xen appends it to domain 0's command line. */
const char *options_for_dom0(const char *cmdline);

#endif

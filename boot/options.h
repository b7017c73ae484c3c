/*
 * The command line. Options carry Xen's names where they mean the same (docs/options.md). Plain C,
 * tested on the host.
 */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include <homestead/types.h>
#include <lib/log.h>

struct boot_options {
    u64 dom0_mem_bytes; /* dom0_mem=SIZE, 0: choose */
    u32 dom0_max_vcpus; /* dom0_max_vcpus=N, default 1 */
    u64 dom0_nodes;     /* dom0_nodes=N[,N-M...] as a mask, 0: any */
    u32 maxcpus;        /* maxcpus=N, 0: all */
    bool numa;          /* numa=on|off */
    bool idle_scrub;    /* idle-scrub=on|off */
    bool nmi_panic;     /* nmi=report|panic */
    bool x2apic;        /* x2apic=auto|on */
    u32 watchdog_secs;  /* watchdog=SECS, 0: off */
    /* Faults for tests, in debug builds only: CPU ids below 64, as masks. */
    u64 test_cpu_fail; /* these do not come up */
    u64 test_panic;    /* these panic at the same moment, soon after the start */
    u64 test_lockup;   /* these lock up then */
    u32 test_stuck;    /* this one stops, holding the console; ~0: none */
    bool noreboot;     /* noreboot */
    enum log_level loglvl;
    bool console;  /* console=com1|none */
    u16 com1_port; /* com1=BAUD[,8n1[,PORT]] */
    u32 com1_baud;
    bool debugkeys;       /* debugkeys=yes|no */
    bool debug_exit_auto; /* debug-exit=auto|off|PORT: QEMU's isa-debug-exit */
    u16 debug_exit_port;
};

/* Called with one sentence per problem: an unknown option, or a value that cannot be used (its default
 * stays). */
typedef void (*options_report_fn)(const char *sentence);

/* Fills *out: defaults, then what cmdline says, later ones winning. report may be NULL. */
void options_parse(const char *cmdline, struct boot_options *out, options_report_fn report);

#endif

/*
 * Parsers of what Linux shows of a machine, for homestead-check. Plain C on text that ends with a NUL, or on bytes of
 * a given length; any content is answered, and nothing beyond it is read.
 */
#ifndef TOOLS_HOMESTEAD_CHECK_PARSE_H
#define TOOLS_HOMESTEAD_CHECK_PARSE_H

#include <homestead/types.h>

/* Words of the lines `flags` and `vmx flags` of /proc/cpuinfo. */
enum cpu_flag {
    FLAG_LM = 1 << 0,
    FLAG_SVM = 1 << 1,
    FLAG_VMX = 1 << 2,
    FLAG_NPT = 1 << 3,
    FLAG_EPT = 1 << 4,
    FLAG_VPID = 1 << 5,
    FLAG_UNRESTRICTED_GUEST = 1 << 6,
    FLAG_X2APIC = 1 << 7,
    FLAG_HYPERVISOR = 1 << 8,
    FLAG_PDPE1GB = 1 << 9,
    FLAG_NONSTOP_TSC = 1 << 10,
};

struct cpuinfo {
    u32 nr; /* CPUs in the file */
    char vendor[16], model[80];
    u32 flags;          /* enum cpu_flag, of the first CPU */
    bool has_vmx_flags; /* it has the line `vmx flags`: Linux 5.6 or later */
    bool differ;        /* family, model, stepping or flags of a CPU are not those of the first one */
    u32 max_apic_id;
};

void parse_cpuinfo(const char *text, struct cpuinfo *out);

#define SERIAL_PORTS_MAX 8u

struct serial_ports {
    u32 nr;
    u16 port[SERIAL_PORTS_MAX]; /* first I/O port of each, each once */
    bool in_memory;             /* there is one at a memory address */
};

/* /proc/ioports: the lines `03f8-03ff : serial`. False: the addresses are hidden, as from users. */
bool parse_ioports(const char *text, struct serial_ports *out);
/* /proc/tty/driver/serial: lines whose `uart:` is known. */
void parse_tty_driver(const char *text, struct serial_ports *out);
/* The ACPI table SPCR (Microsoft's Serial Port Console Redirection Table). False: too short, or another table. */
bool parse_spcr(const u8 *bytes, u64 len, struct serial_ports *out);

/* The number of CPUs in a list such as "0-3,8". */
u32 parse_cpu_list(const char *text);
/* The value in KiB of a line that has the word `MemTotal:`, 0: none. */
u64 parse_mem_total_kib(const char *text);

#endif

/*
 * The runtime that our PVH guests share: facts about the machine, console, time,
 * shutdown. Interrupts are off, everything is mapped 1:1, so a pointer is a guest-physical address.
 * One vCPU unless the program starts others (smp.h, work.h).
 */
#ifndef GUEST_LIB_GUEST_H
#define GUEST_LIB_GUEST_H

#include <homestead/types.h>
#include <xen/xen.h>
#include <xen/hvm/start_info.h>

#define GUEST_MEMMAP_MAX  128u
#define GUEST_CMDLINE_MAX 1024u

struct guest_range {
    u64 base; /* bytes */
    u64 size; /* bytes */
    u32 type; /* XEN_HVM_MEMMAP_TYPE_* */
};

struct guest_module {
    const void *data; /* NULL: none */
    u64 size;         /* bytes */
};

/* All fixed after start-up; copied, so nothing refers to the start info's own memory but the module. */
struct guest_env {
    bool is_dom0;      /* SIF_INITDOMAIN: console_io is ours */
    bool is_intel;     /* VMCALL instead of VMMCALL */
    u32 start_version; /* of hvm_start_info */
    u64 start_info;    /* where that was; its builder may have put more into the page */
    u32 xen_base;      /* first of the hypervisor's CPUID leaves */
    u32 xen_version;   /* major << 16 | minor */
    u32 tsc_khz;       /* from CPUID leaf 3; never 0 */
    u32 domid;         /* from CPUID leaf 4, DOMID_INVALID: not told */
    struct guest_module module;
    u32 nr_ranges;
    struct guest_range ranges[GUEST_MEMMAP_MAX];
    char cmdline[GUEST_CMDLINE_MAX];
};
extern struct guest_env guest_env;
/* The TSC at the guest's first instruction. */
extern u64 guest_entry_tsc;

/* [image_start, image_end): this program, its stack and page tables included. From guest.lds. */
extern char image_start[], image_end[];

/* Each program's own: the body, and what an exception still has to say before the shutdown. */
void guest_main(void);
void guest_on_fatal(void);

/* The console: console_io in dom0, port 0xE9 elsewhere (a domU's console_io is refused). Any vCPU may print:
 * in dom0 a line goes out when it ends, elsewhere each call's text at once, and neither is torn by another
 * vCPU's. */
int printf(const char *fmt, ...) PRINTF(1, 2);
/* Writes bytes as they are, at once. If they leave a line open, the next printf() ends it first, and the next
 * console_raw() shows it again. */
void console_raw(const char *text, size_t len);
/* What console_raw() writes next is another writer's: a line that is open is not shown again. text: its visible text, OPEN_LINE_BYTES
 * at most (lib/open_line.h). Returns how many bytes. */
size_t console_raw_ends(char *text);

/* Ends the domain; reason is SHUTDOWN_*. */
NORETURN void guest_shutdown(unsigned int reason);

/* Prints @verdict: a domain 0's last line. With the reasons of the hypervisor's degraded=, if there are any. */
void guest_verdict(bool pass);

/* Calls fn(arg), on any vCPU, one at a time. -1, or the vector of an exception that ended it; guest_probe_rip and so on are its. */
int guest_probe(void (*fn)(void *arg), void *arg);
extern u64 guest_probe_rip, guest_probe_error, guest_probe_rcx;

/* Time since start-up, from the TSC. */
u64 guest_now_ms(void);
u64 rdtsc(void);

/* The value of `name=` among the blank-separated words of the command line, or "" for a bare `name`; NULL:
 * absent. Copies at most size - 1 bytes into buf. */
const char *guest_option(const char *name, char *buf, size_t size);
/* The same as a number. `otherwise` if it is absent, or is no number, which is printed. */
u64 guest_option_number(const char *name, u64 otherwise);

/* Finds `bytes` (2 MiB aligned) of guest-physical space below 4 GiB where nothing is mapped, for pages of the
 * hypervisor or of other domains. 0: there is none. */
u64 guest_find_hole(u64 bytes);

struct cpuid_regs {
    u32 eax, ebx, ecx, edx;
};
static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid_regs r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

/* xorshift64*: the next of a sequence that is the same for the same seed, which is not 0. */
static inline u64 random_next(u64 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1dull;
}

#endif

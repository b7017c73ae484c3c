/*
 * The data of each CPU. GS base points to the CPU's own struct cpu while Homestead runs.
 *
 * Homestead runs with interrupts disabled except in guests and while idle: a handler only sets a flag
 * below, and the run loop acts on it. So nothing here needs to be interrupt safe.
 */
#ifndef CPU_PERCPU_H
#define CPU_PERCPU_H

#include <homestead/types.h>

struct vcpu;
struct cpu_tables;
struct hvm_vcpu;
struct mem_account;

#define CPU_EXIT_KINDS 18u /* at least HVM_EXIT_NR */
#define CPU_IST_STACKS 3u  /* for NMI, #DF and #MC */

enum cpu_state {
    CPU_OFF,      /* left out */
    CPU_STARTING, /* its start IPIs are sent */
    CPU_ARRIVED,  /* runs, and waits for smp_release() */
    CPU_ONLINE,
    CPU_FAILED,
};

struct cpu {
    struct cpu *self;    /* at offset 0: gs:0 */
    u64 stack_top;       /* [I] of the run loop's stack */
    u32 id;              /* [I] 0 is the boot CPU */
    u32 apic_id;         /* [I] */
    nodeid_t nid;        /* [I] */
    u32 state;           /* [a] enum cpu_state */
    const char *failure; /* why it is CPU_FAILED */
    struct cpu_tables *tables;
    u64 ist_tops[CPU_IST_STACKS]; /* [I] 0: none yet */
    bool idle;                    /* [o] in HLT, or about to */
    bool in_guest;                /* [o] from before the entry to after the exit */
    bool in_nmi;                  /* [o] must not wait for a lock that this CPU may hold */
    const struct hvm_vcpu *guest; /* [o] that was entered last */
    u64 beats;                    /* [o] turns of the run loop that did not go through a guest */
    s64 tsc_offset;               /* [I] ticks by which this TSC is ahead of the boot CPU's */
    void (*job)(void);            /* [a] smp_give_job() */
    /* stored by stop_if_asked(), for stop_print() */
    bool stopped; /* [a] */
    u64 stop_rip, stop_rbp;
    bool timer_fired;       /* [o] set by the APIC timer's handler, cleared by the run loop */
    bool need_resched;      /* [o] the running vCPU's slice is over, or another one woke */
    struct vcpu *current;   /* [o] the vCPU whose exit is being handled or that runs now, else NULL */
    struct vcpu *fpu_owner; /* [o] whose FPU state is in the registers */
    const struct mem_account *clearing; /* [o] whose memory this CPU clears, else NULL: mm/alloc.c */
    /* hardware virtualization, owned by arch/x86/hvm */
    u64 hvm_page_maddr[2];       /* [I] pages for the vendor's use */
    const struct hvm_vcpu *vmcs; /* [o] VMX: whose VMCS is current */
    u64 asid_generation;         /* [o] */
    u32 asid_next, asid_max;
    u64 last_domain; /* [o] serial number of the domain that ran last, 0: none; spec_ctrl_enter.h */
    struct {
        u64 looked_ns, ns, life;
        u32 turns;
    } wait; /* [o] wait.c */
    /* lock level check in debug builds */
    u32 nr_locks;
    u32 lock_levels[MAX_NODES + 8]; /* all nodes at once, and what encloses that */
    u64 exits;                      /* [o] guest exits handled on this CPU */
    u64 pass_tsc;                   /* [o] TSC at the last guest exit or turn of the run loop */
    u64 exit_kinds[CPU_EXIT_KINDS]; /* [o] exits by enum hvm_exit_kind */
};

#ifdef HOMESTEAD
static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* The node of the CPU this runs on. */
static inline nodeid_t this_node(void)
{
    return this_cpu()->nid;
}

/* Takes pending interrupts; sleep: waits for one if none is pending. Returns with interrupts off again. */
static inline void cpu_idle(bool sleep)
{
    this_cpu()->beats++;
    if (sleep) {
        this_cpu()->idle = true;
        __asm__ volatile("sti; hlt; cli" : : : "memory");
        this_cpu()->idle = false;
    } else {
        __asm__ volatile("sti; nop; cli" : : : "memory");
    }
}

/* Only an NMI or a machine check wakes this CPU again. */
static inline NORETURN void cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}
#else
/* host tests supply these */
struct cpu *this_cpu(void);
nodeid_t this_node(void);
void cpu_idle(bool sleep);
#endif

/* All CPUs that are up, by id; NULL: that one is not. nr_cpus is the number of ids. [I] after SMP start */
extern struct cpu *cpus[MAX_CPUS];
extern u32 nr_cpus;

#endif

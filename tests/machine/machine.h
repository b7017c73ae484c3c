/*
 * The machine that host tests run on: what the product needs from below, and nothing else is faked. The parts can be used
 * alone (a test of mm/ needs memory and locks) or all together through TEST(name, .nodes = ...): test.h, docs/hypervisor-guide/testing.md.
 *
 * A test that wants one function of the product or of the machine otherwise defines it: its own definition wins.
 */
#ifndef TESTS_MACHINE_MACHINE_H
#define TESTS_MACHINE_MACHINE_H

#include <setjmp.h>
#include <stddef.h>

#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <homestead/topology.h>
#include <mm/claims.h>
#include <mm/mm.h>
#include <tests/machine/random.h>
#include <tests/machine/report.h>

/* --- memory.c: frames --- */
#define MACHINE_BASE \
    0x1000u /* the first frame of RAM: below it is nothing, as at the start of a real machine */

/* Frames [first, end) are real memory full of rubbish until memory_free(); others are only numbers. end = 0: all are. */
void memory_make(u64 first, u64 end);
void memory_free(void);
extern u64 frames_cleared;              /* so far; set it to 0 */
extern void (*on_clear)(u64 n, u64 nr); /* frames [n, n + nr) have been cleared, no lock held */

/* --- mm.c: mm/ afresh, and what it says of itself --- */
/* A fresh mm/ with the frame table of [0, nr_frames) and nodes in a line: the nearest first, the lower one of equals. */
void mm_make(u32 nr_nodes, u64 nr_frames);
/* The same with the order of nodes given, as for mm_set_nodes(). */
void mm_make_near(u32 nr_nodes, u64 nr_frames, const u8 near[MAX_NODES][MAX_NODES]);
void mm_unmake(void);
u64 node_free(nodeid_t nid);
u64 node_claimed(nodeid_t nid);
u64 node_dirty(nodeid_t nid);
struct mm_host_info host_info(void);
u64 free_pages(void); /* of the host */
int take_one(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, struct mm_taken *taken);
int release_range(struct mem_account *account, mfn_t m, u32 order); /* mm_release_many() of one */
void hog_all(void);   /* takes every free page of a machine of up to 128 MiB */
void unhog(u32 nr);   /* gives nr of them back, the lowest and thus neighbours; ~0u: all */
void clean_all(void); /* scrubs every node until nothing is dirty */

/* --- accounts.h, which one file of a program includes: accounts without domains, found by their domids --- */
#define ACCOUNTS 128u
extern struct mem_account accounts[ACCOUNTS];
struct mem_account *account_new(u16 domid, u64 max_pages); /* with nothing */
void accounts_forget(void);
/* Nodes in a line without RAM, no accounts; frames [0, nr_frames), of them [0, real_end) real memory. */
void accounts_make(u32 nr_nodes, u64 nr_frames, u64 real_end);
/* Checks that no lock is held, mm_check(), and that all comes back when the accounts are killed. */
void accounts_unmake(void);
extern u64 scrubbers_woken; /* a bit per node: mm_wake_scrubber() */

/* --- locks.c: levels rise, and locks are dropped in reverse order --- */
u32 locks_held(void);
void locks_reset(void);                  /* no hooks, and a test that failed holds none any more */
extern void (*on_first_lock)(u32 level); /* before a first lock is taken: another CPU may come in here */
extern void (*on_last_unlock)(void);     /* after the last one was dropped */
void locks_watch(void);                  /* by this thread, from now on: */
bool locks_were_only(const u32 *levels,
                     u32 nr); /* were these all that was taken, each of them at least once? */

/* --- cpus.c --- */
extern struct cpu cpu_on[MAX_CPUS];    /* cpus[], nr_cpus are the product's view of them */
extern _Thread_local struct cpu *here; /* this_cpu() */
extern struct topology topology;       /* *host_topology */
extern u32 nr_sleeps, nr_idles;        /* calls of cpu_idle() */
extern u32 nr_kicks, kicked_cpu;
/* CPUs 0 .. nr - 1 up, taking turns over the nodes; this one is CPU 0. Nodes of mib MiB each, MACHINE_BASE on. */
void cpus_make(u32 nr, u32 nr_nodes, u32 node_mib);
/* A machine with CPUs of these nodes, and these distances, as cpus_make() leaves node_mib. */
#define SHAPE_CPUS 16u
struct machine_shape {
    const char *name;
    u32 nr_cpus, nr_nodes;
    u8 node_of[SHAPE_CPUS];
    u32 missing; /* bitmap of CPUs that did not come up */
    u8 distance[4][4];
};
void cpus_make_shape(const struct machine_shape *shape, u32 node_mib);
void use_cpu(u32 id);
void note_kick(u32 cpu_id); /* for sched_set_kick() */

/* --- clock.c: stands still until told --- */
extern u64 now_ns;             /* atomic */
extern u64 armed_ns[MAX_CPUS]; /* each CPU's one-shot, 0: off */
extern u32 nr_arms;
extern u64 step_ns;                /* how long each stay in a guest takes */
extern u32 yield_every;            /* a long hypercall is told to yield at every Nth question, 0: never */
extern void (*on_yield_ask)(void); /* at every question */
void pass(u64 ns);                 /* time passes; this CPU's one-shot fires if it is due */
void clock_reset(void);

/* --- console.c --- */
extern char console[4096]; /* what was written by console_write(), as text */
extern size_t console_len;
extern u32 console_room;          /* bytes that console_try() still takes, for `console` and what is said */
void console_message(void);       /* what a message of the hypervisor's does to a line that is open */
extern const char *console_input; /* what is typed */
extern jmp_buf machine_ended;     /* machine_end() comes here */
extern int ended_how;
void console_reset(void);

/* --- hvm.c: a processor that does what the test's script says. A vCPU's state is in its control page --- */
/* Called for each entry of a vCPU, fills in the exit. NULL: an interrupt at once. */
extern void (*play)(struct vcpu *v, struct hvm_exit *exit);
extern u64 max_runs;                     /* more entries of one vCPU than that are a mistake of the test's */
extern u64 nr_runs[8][DOMAIN_MAX_VCPUS]; /* entries, by domain and vCPU */
extern u32 skipped, nr_injected, nr_windows, nr_nmis, nr_resets, nr_dumps, nr_guest_ibpb;
extern u8 injected_vector, injected_irq;
extern s64 injected_error;
extern bool can_inject, can_inject_nmi;
extern u32 guest_cr8, guest_cpl;
extern bool guest_64;                    /* callers are in 64-bit mode */
extern bool hvm_present;                 /* hvm_init() finds this processor */
extern struct spec_ctrl_cpu machine_cpu; /* what it enumerates; hvm_reset() leaves it */
extern const struct hvm_vcpu *fpu_loaded[MAX_CPUS];
extern struct hvm_paging guest_paging; /* all 0: guest virtual is guest physical */
void hvm_reset(void);
/* Lets the vCPU that runs here come back to the test, as if its CPU had been asked to choose again. */
void end_run(struct vcpu *v);

/* --- domains.c --- */
/* rc of domain_create(); *d on success, without a reference of the test's own. */
int try_create(u16 id, u32 vcpus, struct domain **d);
/* With its vCPUs, all still offline, unpaused and with room for memory. */
struct domain *new_domain(u16 id, u32 vcpus);
mfn_t populate(struct domain *d, u64 g, u32 order); /* one extent, at g */
int kill_all_steps(struct domain *d);               /* until it is done; -errno */
bool exists(u16 id);
u32 references_held(void); /* on all domains, beyond their list's own */
void domains_destroy(void);

/* --- guest.c: a calling vCPU of domain 0 in a MiB of real memory, paging off --- */
#define GUEST_BASE  0x200000ull /* guest-physical, and so what the guest's pointers are */
#define GUEST_BYTES (2u << 20)
extern struct domain *dom0;                     /* NULL: the machine was made without */
extern struct vcpu *caller;                     /* dom0's first, or whoever the test says */
extern u32 restarts;                            /* continuations in the last hypercall() */
extern void (*on_restart)(void);                /* at each of them: another CPU may come in here */
u64 at(u64 offset);                             /* in the caller's memory */
u64 put(u64 offset, const void *data, u64 len); /* returns at(offset) */
void get(u64 offset, void *data, u64 len);
/* Any domain's memory, byte by byte. -EFAULT: some of it is not there. */
int guest_memory_read(struct domain *of, u64 gaddr, void *to, u64 len);
#define PUT(offset, object) put(offset, &(object), sizeof(object))
#define GET(offset, object) get(offset, &(object), sizeof(object))
/* Executes the hypercall instruction until it is passed, as the run loop would. RAX. */
long hypercall(u64 nr, u64 arg1, u64 arg2, u64 arg3);
void guest_make(struct domain *d);

#endif

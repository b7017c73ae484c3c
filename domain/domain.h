/*
 * Domains and vCPUs: structures, lifecycle, and the calls for the layers above.
 *
 * Life of a domain: created (paused once, no vCPU runs) → running ⇄ paused → shut down (with a code; its
 * vCPUs stay stopped) → dying (domain_kill; memory is freed in steps) → gone, or a zombie while another
 * domain still maps one of its frames.
 *
 * [I] fixed after creation, [D] domain lock, [R] run queue lock, [E] event lock, [G] grant lock, [o] owner CPU, [a] atomic.
 */
#ifndef DOMAIN_DOMAIN_H
#define DOMAIN_DOMAIN_H

#include <arch/x86/hvm/hvm.h>
#include <domain/evtchn/evtchn.h>
#include <domain/grant/grant.h>
#include <domain/grant/maptrack.h>
#include <domain/physmap/physmap.h>
#include <domain/timer.h>
#include <lib/list.h>
#include <mm/account.h>
#include <xen/vcpu.h>
#include <xen/xen.h>

#define DOMAIN_MAX_VCPUS 128u
#define DOMAIN_MAX_E820  128u
#define DOMID_MAX        0x7fefu /* ids 1 .. DOMID_MAX, 0 is the first domain */
#define NR_HVM_PARAMS    42u

struct e820_entry {
    u64 addr;
    u64 size;
    u32 type;
} PACKED;

enum vcpu_state {
    VCPU_OFFLINE, /* no context yet */
    VCPU_RUNNABLE,
    VCPU_BLOCKED, /* HLT or SCHEDOP_block/poll, until an event */
};

/*
 * The result of the last walk of a guest's page tables for one virtual page: where the page is, and the words of the
 * tables that were read. A new walk would give the same result as long as physmap_view() and all these words are
 * unchanged and the physmap lock is held. guest_copy.c
 */
#define GUEST_PATH_LEVELS 4u /* walks with five are not remembered */
struct guest_path {
    u64 page;       /* virtual address >> PAGE_SHIFT, or GUEST_PATH_NONE */
    u64 write_page; /* the same if it is known that the page may be written to */
    u64 view;       /* physmap_view() at the walk */
    u64 to_virt;    /* plus an address in the page: where Homestead sees that */
    const u64 *at[GUEST_PATH_LEVELS];
    u64 word[GUEST_PATH_LEVELS];
    u64 spare[4]; /* a power of two of bytes: 3 instructions less to find a path */
};
#define GUEST_PATH_NONE ~0ull
#define GUEST_PATHS     4u

struct vcpu {
    struct domain *domain; /* [I] */
    u32 id;                /* [I] */
    mfn_t record;          /* [I] the page this structure and the FPU image are in */
    struct hvm_vcpu hvm;
    enum vcpu_state state; /* [R] */
    bool running;          /* [R] on a CPU now */
    bool in_guest; /* [a] between entry and exit; other CPUs wait for false before they free its memory */
    bool on_queue; /* [R] */
    bool wants;    /* [R] counts in its domain's nr_wanting: group_want() */
    struct list queue_link; /* [R] */
    bool initialised; /* [D] has register state to run with; otherwise it waits for a STARTUP interrupt */
    bool attention;   /* [a] vcpu_deliver_event() has something to look at: vcpu_notify() */
    bool irq_waits;   /* [o] an interrupt is pending that only IF or a shadow blocks: HLT does not sleep */
    bool nmi_pending; /* [a] */
    u32 init_sipi;    /* [D] INIT and STARTUP that have come: vlapic.c */
    u32 pause_count;  /* [R] reasons not to run: domain paused, shut down, dying */
    u32 cpu;          /* [R] whose run queue it belongs to: changes only while it does not run */
    bool leave;       /* [R] it runs where it must not run, or prefers not to: moves at its next exit */
    s64 vtime_ns;     /* [R] its virtual time among its domain's vCPUs; in a group less the group's base_ns */
    u64 run_since_ns; /* [o] start of this slice */
    u64 exits;        /* [o] exits so far; while it runs, minus cpu->exits of its CPU: run_vcpu() */
    u64 hard_affinity[MAX_CPUS / 64], soft_affinity[MAX_CPUS / 64]; /* [R] */
    bool soft_effective; /* [R] of the CPUs of hard_affinity that are up, soft has some and not all */
    /* runstate.c */
    struct vcpu_runstate_info runstate; /* [R] times up to its state_entry_time */
    u64 runstate_area;    /* [R] guest-virtual, 0: none; whether there is one is read without the lock */
    bool runstate_compat; /* [R] the area has the layout of 32-bit callers */
    /* what guest_copy.c remembers [o] */
    bool paging_known;                    /* path_paging is what its registers hold, until it runs again */
    struct hvm_paging path_paging;        /* under which the paths were walked */
    struct guest_path paths[GUEST_PATHS]; /* by the page's number */
    /* events */
    struct vcpu_info *info; /* [E] in shared_info, memory that the guest writes; NULL: none (id >= 32) */
    mfn_t info_frame; /* [E] the guest's page that holds it, pinned; INVALID_MFN: it is in shared_info */
    u8 upcall_vector; /* [E] 0: none set (HVMOP_set_evtchn_upcall_vector) */
    u32 virq_port[NR_VIRQS]; /* [E] port each VIRQ is bound to, 0: none */
    bool poll_any;           /* [E] in SCHEDOP_poll */
    u32 nr_poll;
    u32 poll_ports[128];
    struct timer poll_timer;
    struct timer singleshot;
    struct timer apic_timer;
};

/* A domain's vCPUs that wait or run on one CPU. [R] of that CPU. domain/sched/sched_group.c */
struct sched_group {
    struct list link;    /* of a list of its queue, while one waits */
    struct list members; /* that wait, by virtual time */
    s64 vtime_ns;        /* weighted, on the scale of its queue */
    s64 base_ns;         /* virtual time of a member is its vtime_ns plus this */
    u64 starts_ns;       /* of the piece of time that it reserved, 0: none */
    u32 share;           /* its part of the domain's weight, 0 while it is parked */
    u16 nr;              /* its vCPUs */
    u8 parked;           /* waits for starts_ns */
    u16 cap;             /* with which it reserved */
};

struct sched_domain { /* sched_set_params() */
    u32 weight;       /* [a] 1 .. 65535 */
    u32 cap;          /* [a] percent of one CPU, 0: none */
    u64 cap_free_ns;  /* [a] when the time that was granted will be paid for */
    u64 wanted_ns;    /* [a] with nr_wanting: how many wanted to run, summed over time */
    u32 nr_wanting;   /* [a] vCPUs that run or wait */
};

#define NOT_SHUT_DOWN 0xff
struct domain {
    struct list link;  /* domain list lock */
    u16 id;            /* [I] */
    u64 serial;        /* [I] from 1; ids are used again, this is not */
    bool is_control;   /* [I] domain 0: may use control operations */
    bool dying;        /* [D], read without it: domain_is_dying() */
    bool shut_down;    /* [D], read without the lock for console messages */
    u8 shutdown_code;  /* [D] SHUTDOWN_*, or NOT_SHUT_DOWN */
    bool freed;        /* [D][a] memory and tables are freed; only the record may be left */
    bool kill_running; /* [D] a CPU is inside domain_kill() */
    bool listed;       /* domain list lock: lookups find it */
    spinlock_t lock;   /* LOCK_DOMAIN */
    u64 home_nodes;    /* [a] nodes its vCPUs prefer, a bit per node, 0: any; sched_update_home() */
    u32 pause_count;   /* [D] every vCPU is off the CPUs while > 0 */
    mfn_t record;      /* [I] the pages this structure is in */
    u32 refs;          /* [a] references, new ones under the list lock; the last one frees record and vCPUs */
    u8 handle[16];     /* [D] uuid */
    u32 create_flags;  /* [I] XEN_DOMCTL_CDF_* */
    /* [I] XEN_X86_EMU_*, XEN_X86_MSR_*: as passed to createdomain, for getdomaininfo */
    u32 emulation_flags, misc_flags;
    u32 max_vcpus;       /* [I] as given at creation */
    u32 nr_vcpus;        /* [D], read without it: domain_nr_vcpus(); 0 or max_vcpus */
    s64 time_offset_s;   /* [D] settimeoffset's */
    u32 vm_assist;       /* [a] bit per VMASST_TYPE_* that is enabled */
    u32 tsc_mode;        /* [D] settscinfo's, to be told again */
    u32 tsc_incarnation; /* [D] */
    struct vcpu *vcpu[DOMAIN_MAX_VCPUS];
    /* [D] What CPUID shows to it: [I] once its vCPUs may have run, which the other says. */
    struct cpu_policy policy;
    bool started;
    struct mem_account mem;
    struct vnuma *vnuma;     /* [D] its virtual NUMA topology, NULL: none; domain/vnuma.h */
    u64 node_affinity;       /* mem.lock: as getnodeaffinity reports it, a bit per node */
    bool auto_node_affinity; /* mem.lock: it follows the affinity of the vCPUs */
    struct physmap physmap;
    struct evtchn_state events;
    u32 max_grant_frames;          /* [I] */
    u32 max_maptrack_frames;       /* [I] */
    spinlock_t grant_lock;         /* LOCK_GRANT */
    struct grant_table *grants;    /* [G] NULL: not used yet */
    struct maptrack maptrack;      /* [G] the grants that it has mapped */
    u32 nr_acquired;               /* [a] mappings of its grant frames by the control domain */
    mfn_t shared_info;             /* [I] MM_OVERHEAD page, shown by add_to_physmap */
    gfn_t shared_info_gfn;         /* [D] where, INVALID_GFN: nowhere */
    u64 hvm_params[NR_HVM_PARAMS]; /* [D] */
    u32 nr_e820;                   /* [D] */
    struct e820_entry e820[DOMAIN_MAX_E820];
    u64 hypercall_page_gfn; /* [D] last one written, for dumps */
    /* [D] port 0xE9 console line being collected */
    u32 line_len;
    char line[128];
    struct guest_console {
        struct list link; /* output lock, guest_console.c, as all that follows; in its list while used > 0 */
        char *ring;       /* [I] in the record's pages */
        u32 size, start, used; /* [I] size; bytes */
        bool closed;           /* its domain is about to go */
        u32 nr_dropped;        /* lines that were dropped since this was last reported */
        u32 credit;            /* bytes that may be written now */
        u64 credit_since_ns;
    } console;
    struct sched_domain sched;
    struct sched_group group[]; /* by CPU */
};

struct domain_config { /* decoded from XEN_DOMCTL_createdomain; limits have been checked */
    u16 domid;         /* or DOMID_ANY */
    u32 flags;
    u32 max_vcpus;
    u32 max_evtchn_port;
    u32 max_grant_frames;            /* up to GRANT_FRAMES_MAX */
    u32 max_maptrack_frames;         /* up to MAPTRACK_FRAMES_MAX */
    u32 emulation_flags, misc_flags; /* only to be told again */
    u8 handle[16];
    bool is_control;
    u64 affinity; /* bit per node: where Homestead's memory for it comes from, 0: any */
};
#define DOMID_ANY 0xffffu

/* Chooses the id of a domain to be created: the one asked for; DOMID_ANY: the next free one, which is used up
 * whether or not it is created. -EEXIST: in use; -ENOMEM: none is free; -EINVAL: above DOMID_MAX. */
int domain_choose_id(u16 wanted, u16 *domid);
/* Creates a paused domain without memory or vCPUs. Errors as above, the id may have been taken since; -ENOMEM.
 * One reference for the list and one for the caller (domain_put), whose domain another CPU may destroy at once.
 */
int domain_create(const struct domain_config *config, struct domain **out);
/* Allocates its vCPUs (all offline), once. n must be max_vcpus: -EINVAL; -ENOMEM. Again with the same n: 0.
 */
int domain_alloc_vcpus(struct domain *d, u32 n);

/* By id, with a reference (domain_put); NULL if there is none. */
struct domain *domain_get(u16 domid);
/* The first domain with id >= domid, with a reference. For getdomaininfo and lists. */
struct domain *domain_get_next(u16 domid);
void domain_put(struct domain *d);
/* Frees every dying domain whose last pinned frame has been unpinned. Call without locks. */
void domain_reap(void);

/* d's wall clock is the host's and so many seconds. */
void domain_set_time_offset(struct domain *d, s64 seconds);
/* The host's wall clock has been set: every domain's follows. Takes the list's lock for O(domains). */
void domain_update_wall_clocks(void);

/* Makes these changes of d's CPU policy, all or none. -EEXIST: d has started; -EINVAL: dying, or not within the host's
 * maximum (*leaf and *subleaf say what is not), or a vCPU's state is not possible with it (they stay). cpu_policy.c */
int domain_change_cpu_policy(struct domain *d, const struct cpu_policy_change *change, u32 *leaf,
                             u32 *subleaf);

/* Nested. pause waits until no vCPU of d runs; but d itself does not wait: it stops at its next exit. */
void domain_pause(struct domain *d);
void domain_unpause(struct domain *d); /* ignored at 0; -EINVAL semantics belong to the caller */
void domain_shutdown(
    struct domain *d,
    u8 code); /* stops all vCPUs and raises VIRQ_DOM_EXC in dom0; a shutdown of dom0 ends the machine */
/* Takes a shutdown back: the vCPUs run on where they were. Nothing for a domain that is not shut down, or is dying. */
void domain_resume(struct domain *d);
void domain_crash(struct domain *d, const char *why); /* dump, then shutdown code 3 */

/* One step, about 2 ms, of destroying d. 0: done (the record may live on while others map its frames);
 * -ERESTART: call again; -EINVAL: d is the caller's own domain or the control domain. */
int domain_kill(struct domain *d);
/* After an unpin that emptied a dying domain's account: frees the record. */
void domain_check_gone(struct domain *d);

/* Keeps d's vCPUs from running, independent of pauses and unpauses, and waits until they have stopped. Must
 * not be called by d's own vCPUs. Returns how many it holds, for domain_release(). */
u32 domain_hold(struct domain *d);
void domain_release(struct domain *d, u32 nr_held);

/* The number of vCPUs. It grows once; readers take no lock: vCPUs below the number are complete. */
static inline u32 domain_nr_vcpus(const struct domain *d)
{
    return __atomic_load_n(&d->nr_vcpus, __ATOMIC_ACQUIRE);
}
/* Set once, under the lock; without the lock the answer may be out of date. */
static inline bool domain_is_dying(const struct domain *d)
{
    return __atomic_load_n(&d->dying, __ATOMIC_ACQUIRE);
}

u32 domain_nr_online(struct domain *d);
/* Makes an offline vCPU runnable with the register state that was set. */
void vcpu_online(struct vcpu *v);
/* The same for a vCPU that may have no register state: without a STARTUP it goes offline again at once. */
void vcpu_start(struct vcpu *v);
void vcpu_block(struct vcpu *v); /* until vcpu_wake(); no-op when an event is pending */
void vcpu_wake(struct vcpu *v);
/* v has something new to look at before its next entry: wakes or kicks it. Any CPU; locks its run queue. */
void vcpu_notify(struct vcpu *v);
void vcpu_name(const struct vcpu *v, char buf[16]); /* "d1v0" */
/* Adds or removes a reason not to run. wait: until v has left its CPU (never for the vCPU that runs here). */
void vcpu_pause(struct vcpu *v, bool wait);
void vcpu_unpause(struct vcpu *v);
/* Pends until v takes it; a vCPU that is down takes it when it starts without INIT. */
void vcpu_send_nmi(struct vcpu *v);
/* Has v a register state? One that waits for its STARTUP has none. */
bool vcpu_is_initialised(struct vcpu *v);
/* v goes offline until it is brought online again; the domain's state does not change. v is paused. */
void vcpu_offline(struct vcpu *v);
/* The same for a running v. When the last online vCPU goes offline so, the domain powers off. */
void vcpu_down(struct vcpu *v);
/* HVMOP_set_evtchn_upcall_vector: the APIC delivers this vector, and a pending event with it. */
void vcpu_set_upcall_vector(struct vcpu *v, u8 vector);
/* Moves v's vcpu_info with its contents into a page of the guest, once. All events are marked pending there.
 * offset: bytes. -ENXIO: crosses the page's end; -EINVAL: not the domain's RAM, not aligned to 8, or done. */
int vcpu_register_info(struct vcpu *v, gfn_t g, u32 offset);
/* Time on a CPU so far, in ns, the running slice included. */
u64 vcpu_run_ns(struct vcpu *v);

/* The clock of every vCPU, always the same: system time is time_now_ns(), computed from the TSC as time.c does, so no
 * two vCPUs and no two moments differ by a rounding. The version is even and not 0. */
void vcpu_time_info(struct vcpu_time_info *time);
/* What v does, and how long it has done each thing, up to now. runstate.c */
void vcpu_runstate(struct vcpu *v, struct vcpu_runstate_info *info);
/* Writes it to gva in the address space of `by`, in the layout of its 32-bit (compat) or 64-bit callers. -EFAULT. */
int runstate_copy_to_guest(struct vcpu *by, u64 gva, bool compat, const struct vcpu_runstate_info *info);
/* From now on v's runstate is written to gva (0: nowhere) when v starts and stops to run, in v's own context, if it is
 * mapped there; now in the context of `by`, the vCPU that runs here. */
void vcpu_register_runstate(struct vcpu *v, u64 gva, bool compat, struct vcpu *by);

/* Before the first domain. */
void guest_console_init(void);
/* Output of d's own, at most 128 bytes, as it is. False: there is no room now, try again later. guest_console.c */
bool guest_console_put(struct domain *d, const char *text, u32 len);
/* There is late output in the console's ring (console_ring.h): the serial line gets it, as it gets domains' output. */
void guest_console_start(void);

/* domain 0 from its ELF image (machine memory) and at most one module. domain/dom0/dom0.c */
struct dom0_config {
    u64 image_maddr, image_size;
    const char *cmdline;
    u64 module_maddr, module_size; /* size 0: none */
    const char *module_cmdline;
    u64 mem_bytes; /* dom0_mem=, 0: choose */
    u32 max_vcpus;
    u64 nodes;                          /* dom0_nodes= as a mask, 0: any */
    const struct e820_entry *host_e820; /* the host's memory map */
    u32 nr_host_e820;
};
/* Builds and unpauses it, with vCPU 0 ready to run. -errno: the reason has been printed. Called once. */
int dom0_build(const struct dom0_config *config);

/* The run loop of a CPU; never returns. */
NORETURN void sched_run(void);
/* Should a long hypercall stop here and be continued? */
bool sched_should_yield(void);
/* The current vCPU gives up the rest of its slice. */
void sched_yield_current(void);
/* Once, before the first sched_cpu_init(). */
void sched_init(void);
/* Adds a CPU, on the boot CPU, before any is in sched_run(). -ENOMEM: it never runs a guest. */
struct cpu;
int sched_cpu_init(const struct cpu *cpu);
/* For how long no vCPU has run on a CPU that is up, since the clocks started. Its own work counts as idle. */
u64 sched_idle_ns(u32 cpu);
/* Weight 1 .. 65535, 0: leave it; cap in percent of one CPU, 0: none. At once, also for vCPUs that run. */
#define SCHED_WEIGHT_DEFAULT 256u
void sched_set_params(struct domain *d, u16 weight, u16 cap);
void sched_get_params(const struct domain *d, u16 *weight, u16 *cap);
/* The node affinity, a bit per node. Set: all ones make it automatic. domain/node_affinity.c */
u64 domain_node_affinity(struct domain *d);
/* For memory that a guest asks for itself, on no node: *given, its node affinity was given, and memory of other nodes is
 * not for it; else the node to try first, that on which it has most. NODE_NONE: the automatic affinity, or none. */
nodeid_t domain_main_node(struct domain *d, bool *given);
void domain_set_node_affinity(struct domain *d, u64 nodes);
/* After a change of the vCPUs' affinity, or of their number. */
void domain_update_node_affinity(struct domain *d);
/* Recomputes a domain's home nodes after a change of its node affinity, or of where its memory is. */
void sched_update_home(struct domain *d);
/* Bitmaps of MAX_CPUS bits. set takes effect at once for a waiting vCPU, and at the next exit, which is
 * forced, for a running one. hard must contain a CPU that is up. */
void sched_get_affinity(const struct vcpu *v, u64 *hard, u64 *soft);
void sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft);
/* False: v runs on a CPU its hard affinity forbids. */
bool sched_is_placed(struct vcpu *v);
/* Sets how another CPU is made to leave its guest (an IPI); not needed with one CPU. */
void sched_set_kick(void (*kick)(u32 cpu_id));
/*
 * Runs fn() on this CPU while every other CPU waits at the top of its run loop: nobody holds a lock, or is in
 * the middle of anything. False: another CPU is at it, or one has not come within a second; fn() was not
 * called. Where no lock is held and no transaction is under way: from a timer, or the run loop.
 */
bool sched_run_quiet(void (*fn)(void));
/* The same a little later, from the run loop. Callable everywhere. A new request replaces an older one. */
void sched_ask_quiet(void (*fn)(void));
/* Returns when no CPU can still use nested translations of d that have been removed. */
void sched_sync_domain(struct domain *d);

#endif

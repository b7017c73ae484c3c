/* Shared by the files of domain/; other folders do not include it. */
#ifndef DOMAIN_INTERNAL_H
#define DOMAIN_INTERNAL_H

#include <arch/x86/cpu/frames.h>
#include <domain/domain.h>
#include <mm/mm.h>
#include <xen/hvm/params.h>
#include <xen/xen.h>

static inline void *maddr_virt(u64 maddr)
{
    return (char *)mfn_to_virt(maddr_to_mfn(maddr)) + (maddr & ~PAGE_MASK);
}

static inline struct shared_info *domain_shared_info(struct domain *d)
{
    return mfn_to_virt(d->shared_info);
}

/* Is an event pending for v? evtchn_upcall_mask is for PV guests only, which have no interrupt flag. */
static inline bool vcpu_event_pending(const struct vcpu *v)
{
    return v->info && __atomic_load_n(&v->info->evtchn_upcall_pending, __ATOMIC_SEQ_CST);
}

/* The vector that HVM_PARAM_CALLBACK_IRQ gives for events; 0: none. */
static inline u8 vcpu_domain_vector(const struct vcpu *v)
{
    u64 callback = v->domain->hvm_params[HVM_PARAM_CALLBACK_IRQ];

    return callback >> 56 == HVM_PARAM_CALLBACK_TYPE_VECTOR ? (u8)callback : 0;
}

/* The vector of a pending event that bypasses the APIC; 0: none. Until the guest has taken it, each entry has to try: it
 * may clear the event itself. An event with a vector of the APIC's is among those that the APIC knows. */
static inline u8 vcpu_callback_vector(const struct vcpu *v)
{
    return likely(!vcpu_event_pending(v)) || v->upcall_vector ? 0 : vcpu_domain_vector(v);
}

/* The APIC delivers the vector that the guest has set for events. An APIC that is off forgets it: vlapic.c
 * requests it again when the guest switches the APIC on. Event lock held, or v runs here. */
static inline void vcpu_request_upcall(struct vcpu *v)
{
    if (v->upcall_vector && x2apic_enabled(&v->hvm.apic))
        x2apic_request(&v->hvm.apic, v->upcall_vector);
}

/* Tells v, if it has a vcpu_info, that an event is there. Event lock held. */
static inline void vcpu_raise_upcall(struct vcpu *v)
{
    if (!v->info)
        return;
    /* One interrupt each time the byte is set. */
    if (!__atomic_exchange_n(&v->info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_request_upcall(v);
    vcpu_notify(v);
}

/* --- vcpu.c --- */
/* Fills d->vcpu[id]. -ENOMEM. */
int vcpu_create(struct domain *d, u32 id);
void vcpu_free(struct vcpu *v);
/* The domain is dying: unpins the guest's page that vcpu_register_info() has pinned. */
void vcpu_drop_info(struct vcpu *v);

/* Called when all memory of a domain is back, its record too. NULL: nobody wants to know. */
extern void (*domain_ended)(void);

/* --- sched.c, sched_queue.c, sched_group.c --- */
/* The bytes of the groups that follow a domain's record, one for each CPU; and their first values. */
u64 sched_groups_bytes(void);
void sched_domain_init(struct domain *d);
/* Assigns v to a CPU's run queue. Once, before it is online. */
void sched_assign_cpu(struct vcpu *v);
void sched_forget(struct vcpu *v);
/* Call after a change that affects whether v can run: queues it, dequeues it, or makes its CPU stop it. */
void sched_update(struct vcpu *v);
/* Takes the lock of v's [R] fields and returns it. After the unlock v may move, and so have another lock. */
spinlock_t *sched_lock(const struct vcpu *v);
/* The same by CPU, for the debug console. */
spinlock_t *sched_cpu_lock(u32 cpu_id);
/* One turn of the run loop, on that CPU: runs a vCPU until it must yield, or idles. */
struct cpu;
void sched_step(struct cpu *cpu);
/* Forces an exit if v is in its guest on another CPU. */
void sched_kick_vcpu(const struct vcpu *v);
/* Waits until v is off its CPU; returns at once for the vCPU that runs here. */
void sched_wait_stopped(struct vcpu *v);

/* --- runstate.c --- */
/* v's state, pause count or running may have changed, at now_ns (0: now); its lock is held. */
void runstate_update(struct vcpu *v, u64 now_ns);
/* Writes v's area. v runs here, and does (not) go on to. */
void runstate_write_area(struct vcpu *v, bool leaves);

/* --- exit.c --- */
/* Handles the exit. May mark the vCPU as not runnable; the run loop sees that. */
void vcpu_handle_exit(struct vcpu *v, struct hvm_exit *exit);

/* --- vlapic.c --- */
/* Before v enters its guest, when attention is set or an event pends: INIT and STARTUP are acted upon, the
 * most important event is put into the guest, and for what cannot go in now an exit is asked for. */
void vcpu_deliver_event(struct vcpu *v);
/* IA32_APIC_BASE and MSRs 0x800-0x8ff of the vCPU that runs here. 0; -EFAULT: #GP is due. */
int vlapic_rdmsr(struct vcpu *v, u32 msr, u64 *value);
int vlapic_wrmsr(struct vcpu *v, u32 msr, u64 value);
/* Does v's APIC have its registers in the page of this guest-physical address now? */
bool vlapic_is_at(const struct vcpu *v, u64 gaddr);
/* 1 to 8 bytes of that page. */
u64 vlapic_read(struct vcpu *v, u64 gaddr, u32 bytes);
void vlapic_write(struct vcpu *v, u64 gaddr, u32 bytes, u64 value);

/* --- mmio.c --- */
/* A nested page fault: carries out an access to guest-physical memory that is not there, or to the APIC, and
 * sets exit->insn_len. */
struct exit_verdict mmio_access(struct vcpu *v, struct hvm_exit *exit);
/* Why it has ended the domain: .vector of the verdict. "": there is nothing to add. */
const char *mmio_refusal(u8 reason);

/* --- string_io.c --- */
#define PORT_CONSOLE 0xe9u
/* INS or OUTS, with or without REP: as much of it as one exit may do. */
struct exit_verdict string_io(struct vcpu *v, struct hvm_exit *exit);

/* --- domain.c --- */
/* A domain's memory has been freed except pinned frames. Call before domain_check_gone(). */
void domain_count_zombie(void);
/* The lock of the list and its domains, and a domain by id, for the debug console. */
spinlock_t *domain_list_lock(void);
struct domain *domain_list_next_locked(u32 domid);

/* --- stop.c --- */
/* hvm_read_code() under the physmap lock. */
u32 vcpu_read_code(struct vcpu *v, u8 code[HVM_CODE_BYTES]);
void domain_dump_vcpu(struct vcpu *v, const char *name);

/* --- guest_console.c --- */
#define GUEST_CONSOLE_MIN 4096u /* bytes of a ring */
/* A new domain's ring. */
void guest_console_new(struct domain *d, char *ring, u32 size);
/* A byte of a guest's, at port 0xE9. A line waits until the serial line takes it, or is dropped and counted. */
void guest_console_write(struct domain *d, u8 byte);
/* The guest writes nothing more: what it has of a line becomes one. */
void guest_console_end_line(struct domain *d);
/* The hypervisor's message about a domain, after what that has written. Domain 0's is printed at once. */
void guest_console_say(void *domain, const char *fmt, ...) PRINTF(2, 3);
/* True: all of its output is written, and no more is taken: the ring may go. False: the line has taken what it takes
 * now; call again. */
bool guest_console_close(struct domain *d);
/* Before the machine ends: waits for the serial line, at most 2 s, until everything is written. */
void guest_console_finish(void);
/* That of all rings, for the debug console. */
spinlock_t *guest_console_lock(void);

/* --- pod.c; the physmap lock is held unless it says otherwise --- */
/* Before the first frame is marked, and before the first page is there: makes the lists. -ENOMEM: the paging pool is empty. */
int pod_make_lists(struct domain *d);
/* d's map is gone. */
void pod_free_lists(struct domain *d);
/* 2^order pages of zeroes, order <= 9, are the cache's. */
void pod_push(struct pod *pod, mfn_t m, u32 order);
extern const char pod_no_memory[]; /* pod.short_of: of memory */
/* For np_table.populate, ctx is the domain: the entry of g after an access. */
struct np_entry pod_populate(void *ctx, gfn_t g);
/* RAM of d that has been unmapped, with no CPU using it any more: keeps it for marked frames. False: not wanted. */
bool pod_keep(struct domain *d, mfn_t m, u32 order);
static inline void pod_want_trim(struct pod *pod)
{
    __atomic_store_n(&pod->trim, true, __ATOMIC_RELAXED);
}
/* Not held: d has (no) topology from now on. */
void pod_set_vnuma(struct domain *d, const struct vnuma *vnuma);

/* --- physmap_pool.c; the physmap lock is held --- */
u64 physmap_pool_take(void *ctx);
void physmap_pool_return(void *ctx, u64 maddr);
int physmap_pool_grow(struct domain *d, u64 pages);
void physmap_pool_shrink(struct domain *d, u64 pages);

#endif

/*
 * One virtual CPU: its pages, its state, and its vcpu_info in the guest's memory. A vCPU takes two pages of
 * overhead: this record followed by the FPU image, and the hardware's control block.
 *
 * Locks: [R] fields belong to the run queue's lock (sched.c).
 */
#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/msr.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/time.h>
#include <arch/x86/cpu/tsc_sync.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sched.h>

#define FPU_IMAGE_SIZE 512u
#define FPU_OFFSET     ALIGN_UP(sizeof(struct vcpu), 64)
_Static_assert(FPU_OFFSET + FPU_IMAGE_SIZE <= PAGE_SIZE, "record and FPU image share a page");

static void timer_wakes(void *data)
{
    vcpu_wake(data);
}

static void singleshot_expired(void *data)
{
    struct vcpu *v = data;

    evtchn_raise_virq(v->domain, VIRQ_TIMER, v->id);
    vcpu_wake(v);
}

static void apic_timer_expired(void *data)
{
    vcpu_notify(data);
}

void vcpu_time_info(struct vcpu_time_info *time)
{
    *time = (struct vcpu_time_info){
        .version = 2, .tsc_timestamp = time_tsc_start(), .flags = XEN_PVCLOCK_TSC_STABLE_BIT};
    time_pvclock_scale(&time->tsc_to_system_mul, &time->tsc_shift);
}

/* Writes the clock into v's vcpu_info. Call again after moving it. */
static void update_time(struct vcpu *v)
{
    struct vcpu_time_info now;

    if (!v->info)
        return;
    struct vcpu_time_info *time = &v->info->time;
    u32 version = time->version | 1;
    vcpu_time_info(&now);
    now.version = version;
    __atomic_store_n(&time->version, version, __ATOMIC_SEQ_CST); /* odd: being written */
    *time = now;
    __atomic_store_n(&time->version, version + 1, __ATOMIC_SEQ_CST);
}

int vcpu_create(struct domain *d, u32 id)
{
    mfn_t record, control;

    int rc = mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, &record);
    if (rc)
        return -ENOMEM;
    rc = mm_alloc(&d->mem, NODE_NONE, ORDER_4K, MM_OVERHEAD, &control);
    if (rc) {
        mm_free_overhead(&d->mem, record, ORDER_4K);
        return -ENOMEM;
    }
    struct vcpu *v = mfn_to_virt(record); /* zeroed */
    v->domain = d;
    v->id = id;
    v->record = record;
    v->state = VCPU_OFFLINE;
    v->pause_count = (d->pause_count ? 1u : 0u) + (d->shut_down ? 1u : 0u);
    list_init(&v->queue_link);
    timer_init(&v->poll_timer, timer_wakes, v);
    timer_init(&v->singleshot, singleshot_expired, v);
    timer_init(&v->apic_timer, apic_timer_expired, v);
    memset(v->hard_affinity, 0xff, sizeof(v->hard_affinity));
    memset(v->soft_affinity, 0xff, sizeof(v->soft_affinity));
    v->hvm.vcpu_id = id;
    v->hvm.domid = d->id;
    v->hvm.domain_serial = d->serial;
    v->hvm.policy = &d->policy;
    v->hvm.control = mfn_to_virt(control);
    v->hvm.control_maddr = mfn_to_maddr(control);
    v->hvm.np = &d->physmap.np;
    v->hvm.fpu = (u8 *)v + FPU_OFFSET;
    hvm_fpu_reset(v->hvm.fpu);
    hvm_ops->vcpu_init(&v->hvm);
    x2apic_init(&v->hvm.apic, id == 0);
    v->info_frame = INVALID_MFN;
    if (id < XEN_LEGACY_MAX_VCPUS)
        v->info = (struct vcpu_info *)mfn_to_virt(d->shared_info) + id;
    d->vcpu[id] = v;
    v->runstate.state = RUNSTATE_offline;
    v->runstate.state_entry_time = time_now_ns();
    sched_assign_cpu(v);
    update_time(v);
    return 0;
}

void vcpu_free(struct vcpu *v)
{
    struct domain *d = v->domain;

    timer_cancel_sync(&v->poll_timer);
    timer_cancel_sync(&v->singleshot);
    timer_cancel_sync(&v->apic_timer);
    sched_forget(v);
    d->vcpu[v->id] = NULL;
    mm_free_overhead(&d->mem, maddr_to_mfn(v->hvm.control_maddr), ORDER_4K);
    mm_free_overhead(&d->mem, v->record, ORDER_4K);
}

void vcpu_name(const struct vcpu *v, char buf[16])
{
    snprintf(buf, 16, "d%uv%u", v->domain->id, v->id);
}

u32 domain_nr_online(struct domain *d)
{
    u32 online = 0;

    for (u32 id = 0; id < domain_nr_vcpus(d); id++)
        online += d->vcpu[id]->state != VCPU_OFFLINE;
    return online;
}

static void set_state(struct vcpu *v, enum vcpu_state from, enum vcpu_state to)
{
    spinlock_t *lock = sched_lock(v);

    bool changes = v->state == from;
    if (changes) {
        v->state = to;
        runstate_update(v, 0);
    }
    spin_unlock(lock);
    if (changes)
        sched_update(v);
}

void vcpu_online(struct vcpu *v)
{
    v->initialised = true;
    set_state(v, VCPU_OFFLINE, VCPU_RUNNABLE);
}

void vcpu_start(struct vcpu *v)
{
    set_state(v, VCPU_OFFLINE, VCPU_RUNNABLE);
}

void vcpu_offline(struct vcpu *v)
{
    set_state(v, VCPU_RUNNABLE, VCPU_OFFLINE);
    set_state(v, VCPU_BLOCKED, VCPU_OFFLINE);
}

void vcpu_down(struct vcpu *v)
{
    vcpu_offline(v);
    if (domain_nr_online(v->domain) == 0)
        domain_shutdown(v->domain, SHUTDOWN_poweroff);
}

/* The vector an event is signalled with, 0: none set by the guest. */
static u8 upcall_vector(const struct vcpu *v)
{
    return v->upcall_vector ? v->upcall_vector : vcpu_domain_vector(v);
}

void vcpu_block(struct vcpu *v)
{
    set_state(v, VCPU_RUNNABLE, VCPU_BLOCKED);
    /* Checked after the state has changed: an event that arrived before the change found no blocked vCPU to
     * wake. The pending byte of a guest that takes no upcall, but polls, does not count. */
    if (v->irq_waits || __atomic_load_n(&v->attention, __ATOMIC_SEQ_CST) ||
        (vcpu_event_pending(v) && upcall_vector(v)))
        vcpu_wake(v);
}

void vcpu_wake(struct vcpu *v)
{
    spinlock_t *lock = sched_lock(v);

    /* Only a blocked vCPU: one that is about to block in SCHEDOP_poll must still be found by its ports. */
    bool wakes = v->state == VCPU_BLOCKED;
    if (wakes) {
        v->poll_any = false;
        v->state = VCPU_RUNNABLE;
        runstate_update(v, 0);
    }
    spin_unlock(lock);
    if (wakes)
        sched_update(v);
}

void vcpu_notify(struct vcpu *v)
{
    __atomic_store_n(&v->attention, true, __ATOMIC_SEQ_CST);
    vcpu_wake(v);
    sched_kick_vcpu(v);
}

void vcpu_pause(struct vcpu *v, bool wait)
{
    spinlock_t *lock = sched_lock(v);

    v->pause_count++;
    runstate_update(v, 0);
    spin_unlock(lock);
    sched_update(v);
    if (wait)
        sched_wait_stopped(v);
}

void vcpu_unpause(struct vcpu *v)
{
    spinlock_t *lock = sched_lock(v);

    if (v->pause_count)
        v->pause_count--;
    runstate_update(v, 0);
    spin_unlock(lock);
    sched_update(v);
}

void vcpu_set_upcall_vector(struct vcpu *v, u8 vector)
{
    spin_lock(&v->domain->events.lock);
    v->upcall_vector = vector;
    bool pending = vcpu_event_pending(v);
    spin_unlock(&v->domain->events.lock);
    if (pending) {
        vcpu_request_upcall(v);
        vcpu_notify(v);
    }
}

int vcpu_register_info(struct vcpu *v, gfn_t g, u32 offset)
{
    struct domain *d = v->domain;

    if (offset > PAGE_SIZE - sizeof(struct vcpu_info))
        return -ENXIO;
    if (offset % 8)
        return -EINVAL;
    mfn_t frame;
    if (physmap_pin(d, g, &frame))
        return -EINVAL;
    struct vcpu_info *info = (struct vcpu_info *)((u8 *)mfn_to_virt(frame) + offset);
    spin_lock(&d->events.lock);
    bool first = v->info_frame.n == INVALID_MFN.n;
    if (first) {
        if (v->info)
            *info = *v->info;
        v->info_frame = frame;
        v->info = info;
        /* As Xen does: a spurious event is delivered, and no event that was sent to the old place is lost. */
        info->evtchn_pending_sel = ~0ull;
        info->evtchn_upcall_pending = 1;
        vcpu_request_upcall(v);
    }
    spin_unlock(&d->events.lock);
    if (!first) {
        physmap_unpin(d, frame);
        return -EINVAL;
    }
    update_time(v);
    vcpu_notify(v);
    return 0;
}

void vcpu_drop_info(struct vcpu *v)
{
    spin_lock(&v->domain->events.lock);
    mfn_t frame = v->info_frame;
    if (frame.n != INVALID_MFN.n) {
        v->info_frame = INVALID_MFN;
        v->info = NULL;
    }
    spin_unlock(&v->domain->events.lock);
    if (frame.n != INVALID_MFN.n)
        mm_unpin(frame);
}

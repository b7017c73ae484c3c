/*
 * What a vCPU does (running, runnable, blocked, offline) and for how long: the times add up to the host's time since the
 * vCPU was created. A paused vCPU is offline, but one that was blocked stays so until it is woken, as on Xen.
 *
 * The guest can have a copy in its memory, at a virtual address. That is written when the vCPU starts and stops to run,
 * by its CPU and through its own page tables; where the address is not mapped there, the write is left out. Stale
 * figures are the same as those of a vCPU that did not run: the guest learns the times before state_entry_time only.
 *
 * Lock: that of the vCPU's run queue for the figures; none while guest memory is written.
 */
#include <arch/x86/cpu/time.h>
#include <domain/guest_copy.h>
#include <domain/internal.h>
#include <domain/sched/sched_queue.h>

/* The layout of 32-bit callers (public/vcpu.h). */
struct compat_runstate_info {
    int state;
    u64 state_entry_time;
    u64 time[4];
} PACKED;
_Static_assert(sizeof(struct compat_runstate_info) == 44, "as a 32-bit compiler lays it out");

static int state_of(const struct vcpu *v, bool running)
{
    if (running)
        return RUNSTATE_running;
    if (v->state == VCPU_BLOCKED)
        return RUNSTATE_blocked;
    return vcpu_can_run(v) ? RUNSTATE_runnable : RUNSTATE_offline;
}

static void enter(struct vcpu_runstate_info *info, int state, u64 now_ns)
{
    /* The clocks of two CPUs may differ a little: then the new state began when the old one did. */
    if (now_ns > info->state_entry_time) {
        info->time[info->state] += now_ns - info->state_entry_time;
        info->state_entry_time = now_ns;
    }
    info->state = state;
}

void runstate_update(struct vcpu *v, u64 now_ns)
{
    int state = state_of(v, v->running);

    if (state != v->runstate.state)
        enter(&v->runstate, state, now_ns ? now_ns : time_now_ns());
}

void vcpu_runstate(struct vcpu *v, struct vcpu_runstate_info *info)
{
    spinlock_t *lock = sched_lock(v);

    *info = v->runstate;
    u64 now_ns = time_now_ns();
    spin_unlock(lock);
    if (now_ns > info->state_entry_time)
        info->time[info->state] += now_ns - info->state_entry_time;
}

u64 vcpu_run_ns(struct vcpu *v)
{
    spinlock_t *lock = sched_lock(v);
    u64 ns = v->runstate.time[RUNSTATE_running] + (v->running ? time_now_ns() - v->run_since_ns : 0);

    spin_unlock(lock);
    return ns;
}

int runstate_copy_to_guest(struct vcpu *by, u64 gva, bool compat, const struct vcpu_runstate_info *info)
{
    struct compat_runstate_info narrow = {.state = info->state, .state_entry_time = info->state_entry_time};

    if (!compat)
        return copy_to_guest(by, gva, info, sizeof(*info));
    memcpy(narrow.time, info->time, sizeof(narrow.time));
    return copy_to_guest(by, gva, &narrow, sizeof(narrow));
}

/*
 * Writes it in the context of `by`. With the flag, where the guest has asked for that: a reader that has seen it, or
 * another entry time after it than before, reads again.
 */
static void write_area(struct vcpu *by, u64 gva, bool compat, struct vcpu_runstate_info *info)
{
    u64 last_byte = gva + 7 +
                    (compat ? offsetof(struct compat_runstate_info, state_entry_time)
                            : offsetof(struct vcpu_runstate_info, state_entry_time));
    u8 high = (u8)(info->state_entry_time >> 56), flagged = high | (u8)(XEN_RUNSTATE_UPDATE >> 56);
    u32 assist = __atomic_load_n(&by->domain->vm_assist, __ATOMIC_RELAXED);

    if (!(assist & BIT(VMASST_TYPE_runstate_update_flag))) {
        runstate_copy_to_guest(by, gva, compat, info);
        return;
    }
    /* Each copy is a call, so the stores are made in this order, and are seen in it. */
    copy_to_guest(by, last_byte, &flagged, 1);
    info->state_entry_time |= XEN_RUNSTATE_UPDATE;
    runstate_copy_to_guest(by, gva, compat, info);
    copy_to_guest(by, last_byte, &high, 1);
}

void runstate_write_area(struct vcpu *v, bool leaves)
{
    if (!v->initialised) /* it has no address space yet */
        return;
    spinlock_t *lock = sched_lock(v);
    struct vcpu_runstate_info info = v->runstate;
    u64 gva = v->runstate_area;
    bool compat = v->runstate_compat;

    if (leaves) /* what it will be in a moment, when its page tables may no longer be used */
        enter(&info, state_of(v, false), time_now_ns());
    spin_unlock(lock);
    v->paging_known = false; /* it may have been given another state since its last exit */
    if (gva)
        write_area(v, gva, compat, &info);
}

void vcpu_register_runstate(struct vcpu *v, u64 gva, bool compat, struct vcpu *by)
{
    spinlock_t *lock = sched_lock(v);
    struct vcpu_runstate_info info = v->runstate;

    __atomic_store_n(&v->runstate_area, gva, __ATOMIC_RELAXED);
    v->runstate_compat = compat;
    spin_unlock(lock);
    if (gva)
        write_area(by, gva, compat, &info);
}

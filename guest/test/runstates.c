/*
 * What the hypervisor says of its own use of time: of each vCPU, running, runnable, blocked and offline add up to the time
 * that has passed, in figures that a hypercall returns and in the area that is written at each turn.
 */
#include <guest/lib/guest.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/lock.h>
#include <guest/lib/smp.h>
#include <guest/test/test.h>
#include <lib/string.h>
#include <xen/vcpu.h>

#define SPIN_MS 120u

struct reading {
    u64 before, after; /* TSC */
    struct vcpu_runstate_info info;
};

static bool read(struct reading *r, u32 id)
{
    r->before = rdtsc();
    long rc = hypercall(__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, id, (u64)(uintptr_t)&r->info, 0, 0);
    r->after = rdtsc();
    return rc == 0;
}

static u64 ns_of(u64 ticks)
{
    return ticks * 1000 / guest_env.tsc_khz * 1000 +
           ticks * 1000 % guest_env.tsc_khz * 1000 / guest_env.tsc_khz;
}

static u64 sum(const struct vcpu_runstate_info *r)
{
    return r->time[0] + r->time[1] + r->time[2] + r->time[3];
}

/* Within 0.1 %, and what the readings took. */
static bool adds_up(const struct reading *from, const struct reading *to)
{
    u64 passed = sum(&to->info) - sum(&from->info);
    u64 least = ns_of(to->before - from->after), most = ns_of(to->after - from->before);

    return passed >= least - least / 1000 && passed <= most + most / 1000;
}

/* What id did between: it slept, or it always wanted to run. */
static bool did(const struct reading *from, const struct reading *to, bool slept)
{
    const u64 *a = from->info.time, *b = to->info.time;
    u64 wanted = b[RUNSTATE_running] - a[RUNSTATE_running] + b[RUNSTATE_runnable] - a[RUNSTATE_runnable];
    u64 least = ns_of(to->before - from->after) / 10 * 9;

    if (slept)
        return to->info.state == RUNSTATE_blocked && b[RUNSTATE_blocked] - a[RUNSTATE_blocked] >= least;
    return (to->info.state == RUNSTATE_running || to->info.state == RUNSTATE_runnable) && wanted >= least &&
           b[RUNSTATE_running] > a[RUNSTATE_running];
}

/* The area says what the hypercall says, but up to its entry time. */
static bool area_is_right(volatile struct vcpu_runstate_info *area)
{
    struct vcpu_runstate_info copy;
    struct reading now;

    do /* another turn may have come between */
        memcpy(&copy, (void *)(uintptr_t)area, sizeof(copy));
    while (!read(&now, 0) || now.info.state_entry_time != copy.state_entry_time);
    u64 since = sum(&now.info) - sum(&copy);
    return copy.state == RUNSTATE_running && now.info.state == RUNSTATE_running &&
           now.info.time[RUNSTATE_running] - copy.time[RUNSTATE_running] == since &&
           now.info.time[RUNSTATE_runnable] == copy.time[RUNSTATE_runnable];
}

bool runstates_add_up(u32 nr, u32 spinner)
{
    static struct reading from[SMP_MAX], to[SMP_MAX];
    static struct vcpu_runstate_info area;
    struct vcpu_register_runstate_memory_area reg = {.addr.p = (u64)(uintptr_t)&area};
    bool ok = hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, (u64)(uintptr_t)&reg,
                        0, 0) == 0;

    for (u32 id = 0; id < nr; id++)
        ok = ok && read(&from[id], id);
    for (u64 end = guest_now_ms() + SPIN_MS; guest_now_ms() < end;)
        __asm__ volatile("pause");
    for (u32 id = 0; id < nr; id++)
        ok = ok && read(&to[id], id) && adds_up(&from[id], &to[id]) &&
             did(&from[id], &to[id], id != 0 && id != spinner);
    ok = ok && area_is_right(&area);
    vcpu_yield(); /* a turn ends and another begins */
    ok = ok && area_is_right(&area);
    reg.addr.p = 0;
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_register_runstate_memory_area, 0, (u64)(uintptr_t)&reg, 0, 0);
    return ok;
}

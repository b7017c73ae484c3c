/* A timer that fires once, 2 ms from now, and how long this vCPU has been blocked so far. */
#include <docs/samples/guest/samples.h>

#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#define TIMER_NS 2000000u

static long vcpu_op(u32 cmd, void *arg)
{
    return hypercall(__HYPERVISOR_vcpu_op, cmd, 0 /* vCPU */, XEN_HANDLE(arg), 0, 0);
}

/* System time: ns since the hypervisor started, from the TSC. */
static u64 time_ns(const struct vcpu_time_info *clock)
{
    u64 ticks = rdtsc() - clock->tsc_timestamp;

    ticks = clock->tsc_shift < 0 ? ticks >> -clock->tsc_shift : ticks << clock->tsc_shift;
    return clock->system_time + (u64)(((unsigned __int128)ticks * clock->tsc_to_system_mul) >> 32);
}

static long wait_for_timer(evtchn_port_t port, const struct vcpu_time_info *clock)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = time_ns(clock) + TIMER_NS};
    struct sched_poll poll = {.ports = XEN_HANDLE(&port), .nr_ports = 1};

    long rc = vcpu_op(VCPUOP_set_singleshot_timer, &timer);
    /* A poll may end early, by another event. */
    while (!rc && time_ns(clock) < timer.timeout_abs_ns)
        rc = hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
    return rc;
}

int vcpu_op_sample(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};
    struct vcpu_time_info clock;
    struct vcpu_register_time_memory_area area = {.addr.p = XEN_HANDLE(&clock)};
    struct vcpu_runstate_info times;

    long rc = hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &bind);
    if (rc)
        return (int)rc;
    rc = vcpu_op(VCPUOP_register_vcpu_time_memory_area, &area);
    if (!rc)
        rc = wait_for_timer(bind.port, &clock);
    if (!rc)
        rc = vcpu_op(VCPUOP_get_runstate_info, &times);
    if (!rc)
        printf("samples: blocked for %lu us, running for %lu us\n", times.time[RUNSTATE_blocked] / 1000,
               times.time[RUNSTATE_running] / 1000);
    if (!rc && (times.state != RUNSTATE_running || vcpu_op(VCPUOP_is_up, NULL) != 1))
        rc = SURPRISE;
    struct evtchn_close close = {.port = bind.port};
    long end = hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, &close);
    return (int)(rc ? rc : end);
}

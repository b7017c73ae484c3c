/*
 * How a domain stops: pause, shutdown, crash, and destruction in steps.
 *
 * A vCPU runs only while its pause_count is 0. A domain that is paused, shut down or dying holds one count on
 * each of its vCPUs for each of the three.
 *
 * Lock: d->lock (LOCK_DOMAIN) for the flags; never while waiting for a vCPU to stop.
 */
#include <arch/x86/cpu/console.h>
#include <arch/x86/cpu/panic.h>
#include <arch/x86/cpu/percpu.h>
#include <domain/internal.h>
#include <domain/vnuma.h>
#include <homestead/errno.h>
#include <xen/sched.h>

/* d->lock held. */
static void pause_vcpus(struct domain *d)
{
    for (u32 id = 0; id < d->nr_vcpus; id++)
        vcpu_pause(d->vcpu[id], false);
}

static void wait_vcpus(struct domain *d)
{
    u32 nr = domain_nr_vcpus(d);

    for (u32 id = 0; id < nr; id++)
        sched_wait_stopped(d->vcpu[id]);
}

void domain_pause(struct domain *d)
{
    spin_lock(&d->lock);
    if (d->pause_count++ == 0)
        pause_vcpus(d);
    spin_unlock(&d->lock);
    wait_vcpus(d);
}

void domain_unpause(struct domain *d)
{
    sched_update_home(d); /* its memory may have changed while it was paused */
    spin_lock(&d->lock);
    if (d->pause_count && --d->pause_count == 0) {
        d->started = true;
        for (u32 id = 0; id < d->nr_vcpus; id++)
            vcpu_unpause(d->vcpu[id]);
    }
    spin_unlock(&d->lock);
}

/* Each vCPU's own pause count is raised, so that an unpause of the domain by another CPU cannot undo this. */
u32 domain_hold(struct domain *d)
{
    spin_lock(&d->lock);
    u32 nr = d->nr_vcpus;
    pause_vcpus(d);
    spin_unlock(&d->lock);
    wait_vcpus(d);
    return nr;
}

void domain_release(struct domain *d, u32 nr_held)
{
    for (u32 id = 0; id < nr_held; id++)
        vcpu_unpause(d->vcpu[id]);
}

static const char *shutdown_name(u8 code)
{
    static const char *const names[] = {
        [SHUTDOWN_poweroff] = "power off", [SHUTDOWN_reboot] = "reboot",
        [SHUTDOWN_suspend] = "suspend",    [SHUTDOWN_crash] = "crash",
        [SHUTDOWN_watchdog] = "watchdog",  [SHUTDOWN_soft_reset] = "soft reset",
    };
    return code < ARRAY_SIZE(names) ? names[code] : "unknown";
}

/* The shutdown of domain 0 shuts the machine down. */
static NORETURN void end_machine(u8 code)
{
    machine_end(code == SHUTDOWN_poweroff ? MACHINE_POWEROFF
                : code == SHUTDOWN_reboot ? MACHINE_REBOOT
                                          : MACHINE_CRASHED);
}

static void tell_control_domain(void)
{
    struct domain *control = domain_get(0);

    if (!control)
        return;
    evtchn_raise_virq(control, VIRQ_DOM_EXC, 0);
    domain_put(control);
}

void domain_shutdown(struct domain *d, u8 code)
{
    spin_lock(&d->lock);
    bool first = !d->shut_down && !d->dying;
    if (first) {
        __atomic_store_n(&d->shut_down, true, __ATOMIC_RELAXED);
        d->shutdown_code = code;
        pause_vcpus(d);
    }
    spin_unlock(&d->lock);
    if (!first)
        return;
    guest_console_end_line(d);
    if (console_shows(LOG_INFO))
        guest_console_say(d, "d%u: shut down, code %u (%s)\n", d->id, code, shutdown_name(code));
    if (d->is_control) {
        guest_console_finish();
        end_machine(code);
    }
    tell_control_domain();
}

void domain_resume(struct domain *d)
{
    spin_lock(&d->lock);
    if (d->shut_down && !d->dying) {
        __atomic_store_n(&d->shut_down, false, __ATOMIC_RELAXED);
        d->shutdown_code = NOT_SHUT_DOWN;
        for (u32 id = 0; id < d->nr_vcpus; id++)
            vcpu_unpause(d->vcpu[id]);
    }
    spin_unlock(&d->lock);
}

u32 vcpu_read_code(struct vcpu *v, u8 code[HVM_CODE_BYTES])
{
    spin_lock(&v->domain->physmap.lock);
    u32 nr = hvm_read_code(&v->hvm, code);
    spin_unlock(&v->domain->physmap.lock);
    return nr;
}

void domain_dump_vcpu(struct vcpu *v, const char *name)
{
    u8 code[HVM_CODE_BYTES];

    u32 nr = vcpu_read_code(v, code);
    const struct hvm_say to = {.line = guest_console_say, .ctx = v->domain};
    hvm_dump(&v->hvm, name, code, nr, &to);
}

void domain_crash(struct domain *d, const char *why)
{
    struct vcpu *v = this_cpu()->current;

    /* Printed once: other vCPUs may hit the same error before they stop. */
    if (!__atomic_load_n(&d->shut_down, __ATOMIC_RELAXED)) {
        guest_console_end_line(d);
        guest_console_say(d, "d%u: crashed: %s\n", d->id, why);
        if (v && v->domain == d) {
            char name[16];

            vcpu_name(v, name);
            domain_dump_vcpu(v, name);
        }
    }
    domain_shutdown(d, SHUTDOWN_crash);
}

/* Frees memory, a few pieces at a time, until all is freed or the step's time is used up. */
static int kill_memory(struct domain *d)
{
    while (physmap_destroy_step(d, 64))
        if (sched_should_yield())
            return -ERESTART;
    while (grant_release_maps(d, 64))
        if (sched_should_yield())
            return -ERESTART;
    while (mm_release_some(&d->mem, 64))
        if (sched_should_yield())
            return -ERESTART;
    return 0;
}

int domain_kill(struct domain *d)
{
    const struct vcpu *v = this_cpu()->current;

    if (d->is_control || (v && v->domain == d))
        return -EINVAL;
    spin_lock(&d->lock);
    bool first = !d->dying;
    if (first) {
        __atomic_store_n(&d->dying, true, __ATOMIC_RELEASE);
        pause_vcpus(d);
    }
    bool busy = d->kill_running;
    bool freed = d->freed;
    if (!busy && !freed)
        d->kill_running = true;
    spin_unlock(&d->lock);
    if (busy)
        return -ERESTART; /* another CPU is destroying it */
    if (freed)
        return 0;

    int rc = 0;
    wait_vcpus(d);
    mm_account_kill(&d->mem);
    if (first)
        guest_console_end_line(d);
    if (evtchn_destroy(d))
        rc = -ERESTART;
    if (!rc) {
        for (u32 id = 0; id < d->nr_vcpus; id++)
            vcpu_drop_info(d->vcpu[id]);
        vnuma_drop(d);
        if (first && sched_should_yield())
            rc = -ERESTART;
    }
    if (!rc)
        rc = kill_memory(d);
    if (!rc)
        grant_destroy(d);
    if (!rc && !guest_console_close(d)) /* its ring goes with it */
        rc = -ERESTART;
    if (!rc)
        domain_count_zombie();
    spin_lock(&d->lock);
    d->kill_running = false;
    __atomic_store_n(&d->freed, rc == 0, __ATOMIC_RELEASE);
    spin_unlock(&d->lock);
    if (rc)
        return rc;
    domain_check_gone(d);
    tell_control_domain();
    return 0;
}

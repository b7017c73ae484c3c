/*
 * Waiting: for a guest's end and for a destroyed domain to go. The hypervisor raises VIRQ_DOM_EXC when a
 * domain changes state, and VIRQ_CONSOLE when something was typed; SCHEDOP_poll sleeps until that, an event of a
 * guest's console or a timeout, which is in system time and so needs the shared info's clock. Where any of it is
 * missing, SCHEDOP_yield keeps the CPU free for others.
 *
 * All vCPUs share the VIRQs' ports: an event wakes every vCPU that sleeps on it, and the first one clears the pending
 * bit. A vCPU that was not asleep yet can miss the event, and then sleeps until its timeout.
 */
#include <guest/dom0/dom0.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/smp.h>
#include <xen/sched.h>

static volatile struct shared_info *shared;
static evtchn_port_t exc_port, typed_port; /* 0: not bound */

static long bind_virq(u32 virq, evtchn_port_t *port)
{
    struct evtchn_bind_virq bind = {.virq = virq};
    long rc = hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, &bind);

    if (!rc)
        *port = bind.port;
    return rc;
}

void watch_init(u64 gaddr)
{
    struct xen_add_to_physmap map = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = gaddr >> PAGE_SHIFT};
    char word[16];

    const char *how = guest_option("wait", word, sizeof(word));
    if (how && how[0] == 'y')
        return;
    long rc = hypercall2(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, &map);
    if (!rc)
        rc = bind_virq(VIRQ_DOM_EXC, &exc_port);
    if (rc) {
        printf("dom0: no shared info or VIRQ_DOM_EXC (%ld): waiting by yielding\n", rc);
        return;
    }
    shared = (volatile struct shared_info *)gaddr;
    (void)bind_virq(VIRQ_CONSOLE, &typed_port); /* without it, input is looked for every 50 ms */
}

/* System time in ns, 0: the hypervisor offers none. */
static u64 system_time(volatile struct shared_info *page)
{
    u32 self = smp_id();
    volatile struct vcpu_time_info *t = &page->vcpu_info[self < ARRAY_SIZE(page->vcpu_info) ? self : 0].time;

    for (unsigned int tries = 0; tries < 1000; tries++) {
        u32 version = t->version;
        __asm__ volatile("" ::: "memory");
        u64 delta = rdtsc() - t->tsc_timestamp;
        u64 base = t->system_time;
        u32 mul = t->tsc_to_system_mul;
        s8 shift = t->tsc_shift;
        __asm__ volatile("" ::: "memory");
        if ((version & 1) || version != t->version)
            continue;
        if (!mul)
            return 0;
        delta = shift >= 0 ? delta << shift : delta >> -shift;
        return base + (u64)(((unsigned __int128)delta * mul) >> 32);
    }
    return 0;
}

/* Sleeps up to ms, or until a domain changes state, or one of the ports (0: none) has an event. */
static void sleep_on(u64 ms, evtchn_port_t port1, evtchn_port_t port2)
{
    volatile struct shared_info *page = shared;
    u64 now = page ? system_time(page) : 0;

    if (now) {
        evtchn_port_t ports[3] = {exc_port};
        struct sched_poll poll = {.ports = XEN_HANDLE(ports), .nr_ports = 1, .timeout = now + ms * 1000000};
        if (port1)
            ports[poll.nr_ports++] = port1;
        if (port2)
            ports[poll.nr_ports++] = port2;
        if (!hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll)) {
            for (u32 i = 0; i < poll.nr_ports; i++)
                __asm__ volatile("lock btrq %1, %0"
                                 : "+m"(page->evtchn_pending[ports[i] / 64])
                                 : "Ir"((u64)ports[i] % 64)
                                 : "memory");
            return;
        }
        shared = NULL; /* for every vCPU; those in a poll hold the address */
    }
    u64 end = guest_now_ms() + ms;
    do
        hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, NULL);
    while (guest_now_ms() < end);
}

void watch_sleep(u64 ms)
{
    sleep_on(ms, 0, 0);
}

int watch_wait(u32 domid, struct console *console, u64 timeout_ms)
{
    u64 deadline = guest_now_ms() + timeout_ms;
    xc_domaininfo_t info;
    bool listen;

    for (;;) {
        int rc = xc_domain_getinfo_single(xch, domid, &info);
        if (rc)
            return rc;
        console_input();
        if (info.flags & XEN_DOMINF_shutdown) {
            console_print_all(console);
            return (int)(info.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask);
        }
        if (console_says_end(console))
            return -EINTR;
        if (guest_now_ms() >= deadline)
            return -EAGAIN;
        u64 ms = console_serve(console, &listen);
        if (ms)
            sleep_on(ms, typed_port, listen ? console->port : 0);
    }
}

int watch_destroy(u32 domid)
{
    xc_domaininfo_t info;
    u64 deadline = guest_now_ms() + 10000;

    int rc = xc_domain_destroy(xch, domid);
    while (rc == -ERESTART || rc == -EAGAIN)
        rc = xc_domain_destroy(xch, domid);
    if (rc) {
        printf("dom0: destroying domain %u failed: %s\n", domid, explain_error(rc));
        return rc;
    }
    while (xc_domain_getinfo_single(xch, domid, &info) == 0) {
        if (guest_now_ms() >= deadline) {
            printf("dom0: domain %u does not go: flags %#x, %lu pages\n", domid, info.flags, info.tot_pages);
            return -EBUSY;
        }
        watch_sleep(10);
    }
    return 0;
}

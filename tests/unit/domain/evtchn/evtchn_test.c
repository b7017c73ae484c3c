/* Event channels: ports, links between domains, and what the guest finds in shared_info. */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <xen/event_channel.h>

static struct domain *b; /* domain 1; domain 0 is the other one */

/* All vCPUs sleep, so that it is seen who is woken. */
static void setup(void)
{
    b = domain_get(1);
    domain_put(b);
    for (u32 i = 0; i < 2; i++) {
        vcpu_online(b->vcpu[i]);
        vcpu_online(dom0->vcpu[i]);
        vcpu_block(b->vcpu[i]);
        vcpu_block(dom0->vcpu[i]);
    }
}

FIXTURE(setup, NULL)
#define PORT_TEST(name) TEST(name, .domains = 2, .vcpus = 2)

/* Since the last question? */
static bool woken(struct vcpu *v)
{
    bool yes = v->state == VCPU_RUNNABLE;

    v->attention = false;
    vcpu_block(v);
    return yes;
}

static void destroy(struct domain *d)
{
    while (evtchn_destroy(d))
        ;
}

static bool pending(struct domain *d, u32 port)
{
    return evtchn_port_pending(d, port);
}

static struct evtchn_status status(struct domain *d, u32 port)
{
    struct evtchn_status info;

    assert_int_equal(evtchn_status(d, port, &info), 0);
    return info;
}

PORT_TEST(linked_domains_signal_each_other)
{
    struct domain *a = dom0;
    struct shared_info *s = domain_shared_info(b);
    u32 pa = 0, pb = 0, port = 77;

    assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), 0);
    assert_int_equal(pb, 1);                 /* port 0 is never given out */
    assert_int_equal(evtchn_send(b, pb), 0); /* nobody there: swallowed */
    assert_int_equal(evtchn_bind_interdomain(a, 7, pb, 0, &port), -ESRCH);
    assert_int_equal(evtchn_bind_interdomain(b, 1, pb, 0, &port), -EINVAL); /* waits for domain 0, not 1 */
    assert_int_equal(evtchn_bind_interdomain(a, 1, 500, 0, &port), -EINVAL);
    assert_int_equal(port, 77);
    assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &pa), 0);
    assert_int_equal(pa, 1);     /* failed attempts have given their port back */
    assert_true(pending(a, pa)); /* a bind delivers once */
    assert_true(woken(a->vcpu[0]));
    assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &port), -EINVAL); /* taken */

    assert_false(pending(b, pb));
    assert_int_equal(evtchn_send(a, pa), 0);
    assert_true(pending(b, pb));
    assert_int_equal(s->evtchn_pending[0], BIT(pb));
    assert_int_equal(s->vcpu_info[0].evtchn_pending_sel, 1);
    assert_int_equal(s->vcpu_info[0].evtchn_upcall_pending, 1);
    assert_true(vcpu_event_pending(b->vcpu[0]));
    assert_false(vcpu_event_pending(b->vcpu[1]));
    assert_true(woken(b->vcpu[0]));
    assert_int_equal(evtchn_send(a, pa), 0);
    assert_false(woken(b->vcpu[0])); /* it is pending already */

    assert_int_equal(status(a, pa).status, EVTCHNSTAT_interdomain);
    assert_int_equal(status(a, pa).u.interdomain.dom, 1);
    assert_int_equal(status(a, pa).u.interdomain.port, pb);

    assert_int_equal(evtchn_close(a, pa), 0);
    assert_int_equal(evtchn_close(a, pa), -EINVAL);
    assert_false(pending(a, pa));
    assert_int_equal(status(b, pb).status, EVTCHNSTAT_unbound); /* waits for a again */
    assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &pa), 0);
    /* A domain that goes takes its ends along. */
    destroy(a);
    assert_int_equal(status(b, pb).status, EVTCHNSTAT_unbound);
    assert_int_equal(evtchn_send(a, pa), -EINVAL);
    destroy(a); /* again: nothing to do */
}

PORT_TEST(masked_events_wait_for_unmask)
{
    struct shared_info *s = domain_shared_info(b);
    struct vcpu *v = b->vcpu[1];
    u32 port;

    assert_int_equal(evtchn_bind_ipi(b, 1, &port), 0);
    s->evtchn_mask[0] = ~0ull;
    assert_int_equal(evtchn_send(b, port), 0);
    assert_true(pending(b, port));
    assert_int_equal(s->vcpu_info[1].evtchn_pending_sel, 0);
    assert_false(vcpu_event_pending(v));
    assert_false(woken(v));
    assert_int_equal(evtchn_unmask(b, port), 0);
    assert_false(s->evtchn_mask[0] & BIT(port));
    assert_true(vcpu_event_pending(v));
    assert_int_equal(s->vcpu_info[1].evtchn_pending_sel, 1);
    assert_true(woken(v));
    assert_int_equal(evtchn_unmask(b, port), 0);
    assert_false(woken(v));
    assert_int_equal(evtchn_unmask(b, 4095), -EINVAL);
}

PORT_TEST(virqs_are_bound_once)
{
    struct domain *d = dom0;
    u32 port = 0, timer = 0, other = 77;

    evtchn_raise_virq(d, VIRQ_DOM_EXC, 0); /* not bound: nothing happens */
    assert_int_equal(evtchn_bind_virq(d, NR_VIRQS, 0, &other), -EINVAL);
    assert_int_equal(evtchn_bind_virq(d, VIRQ_DOM_EXC, 1, &other), -EINVAL); /* global: vCPU 0 */
    assert_int_equal(evtchn_bind_virq(d, VIRQ_TIMER, 2, &other), -ENOENT);
    assert_int_equal(evtchn_bind_virq(d, VIRQ_DOM_EXC, 0, &port), 0);
    assert_int_equal(evtchn_bind_virq(d, VIRQ_DOM_EXC, 0, &other), -EEXIST);
    assert_int_equal(evtchn_bind_virq(d, VIRQ_TIMER, 1, &timer), 0);
    assert_int_equal(other, 77);
    evtchn_raise_virq(d, VIRQ_TIMER, 0);
    assert_false(pending(d, timer));
    evtchn_raise_virq(d, VIRQ_TIMER, 1);
    assert_true(pending(d, timer));
    assert_int_equal(evtchn_bind_vcpu(d, timer, 0), -EINVAL);
    assert_int_equal(evtchn_bind_vcpu(d, port, 1), 0);
    assert_int_equal(evtchn_bind_vcpu(d, port, 2), -ENOENT);
    evtchn_raise_virq(d, VIRQ_DOM_EXC, 0);
    assert_true(pending(d, port));
    assert_true(vcpu_event_pending(d->vcpu[1]));
    assert_int_equal(evtchn_send(d, port), -EINVAL);
    /* Closed although moved: it can be bound anew. */
    assert_int_equal(evtchn_close(d, port), 0);
    assert_int_equal(evtchn_bind_virq(d, VIRQ_DOM_EXC, 0, &port), 0);
    assert_false(pending(d, port));
}

PORT_TEST(ports_run_out_cleanly)
{
    static const u32 no_ports[] = {0, 1024, ~0u};
    u32 port = 0, used_ports = 0;

    while (evtchn_alloc_unbound(b, 0, &port) == 0)
        assert_int_equal(port, ++used_ports);
    assert_int_equal(used_ports, 1023);
    assert_int_equal(evtchn_alloc_unbound(b, 0, &port), -ENOSPC);
    assert_int_equal(evtchn_close(b, 700), 0);
    assert_int_equal(evtchn_bind_ipi(b, 0, &port), 0);
    assert_int_equal(port, 700);
    for (u32 i = 0; i < ARRAY_SIZE(no_ports); i++) {
        assert_int_equal(evtchn_close(b, no_ports[i]), -EINVAL);
        assert_int_equal(evtchn_send(b, no_ports[i]), -EINVAL);
    }
    /* No memory for a bucket. */
    hog_all();
    assert_int_equal(evtchn_alloc_unbound(dom0, 1, &port), -ENOMEM);
    assert_int_equal(port, 700);
    unhog(~0u);
}

PORT_TEST(pollers_wake_for_masked_ports)
{
    struct vcpu *v = b->vcpu[1];
    u32 port, other;

    assert_int_equal(evtchn_bind_ipi(b, 0, &port), 0);
    assert_int_equal(evtchn_bind_ipi(b, 0, &other), 0);
    domain_shared_info(b)->evtchn_mask[0] = ~0ull;
    v->poll_any = true;
    v->nr_poll = 2;
    v->poll_ports[0] = 9;
    v->poll_ports[1] = port;
    assert_int_equal(evtchn_send(b, other), 0);
    assert_false(woken(v));
    assert_int_equal(evtchn_send(b, port), 0);
    assert_true(woken(v));
    assert_false(woken(b->vcpu[0]));
}

/* Another CPU comes in before the lock_gap'th time from now that a first lock is taken. */
static void (*on_gap)(void);
static u32 lock_gap;

static void come_in(u32 level)
{
    (void)level;
    if (lock_gap-- == 0) {
        on_first_lock = NULL;
        on_gap();
    }
}

static void at_gap(u32 gap, void (*fn)(void))
{
    lock_gap = gap;
    on_gap = fn;
    on_first_lock = come_in;
}

static void other_cpu_destroys(void)
{
    destroy(b);
}
static void other_cpu_closes(void)
{
    evtchn_close(b, 1);
}

/* A port that is being closed, bound or reset by one CPU while another one takes its domain, or the far end, away: at
 * each point where no lock is held. */
PORT_TEST(ends_that_go_meanwhile)
{
    struct domain *a = dom0;
    u32 pa, pb;

    for (u32 gap = 0; gap < 10; gap++) {
        assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), 0);
        at_gap(gap, other_cpu_closes);
        int rc = evtchn_bind_interdomain(a, 1, pb, 0, &pa);
        on_first_lock = NULL;
        if (rc == 0) {
            assert_int_equal(status(a, pa).status == EVTCHNSTAT_interdomain,
                             status(b, pb).status == EVTCHNSTAT_interdomain);
            assert_int_equal(evtchn_close(a, pa), 0);
        }
        evtchn_close(b, pb);

        assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), 0);
        assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &pa), 0);
        at_gap(gap, other_cpu_destroys);
        evtchn_close(b, pb); /* as the control domain's reset does */
        on_first_lock = NULL;
        destroy(b);
        assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), -EINVAL); /* no more ports */
        assert_int_equal(status(a, pa).status, EVTCHNSTAT_unbound);
        assert_int_equal(evtchn_close(a, pa), 0);
        evtchn_init(b, 1023);
        b->events.closed = false;
    }
}

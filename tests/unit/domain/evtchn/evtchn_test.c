/* Event channels: ports, links between domains, and what the guest finds in shared_info. */
#include <tests/machine/test.h>

#include <arch/x86/cpu/frames.h>
#include <domain/internal.h>
#include <homestead/errno.h>
#include <xen/event_channel.h>

#define PAGES 64u

static u8 pages[PAGES][PAGE_SIZE];
static bool used[PAGES];
static u32 page_limit;
static struct domain *doms[3];
static u32 refs, depth;

void *mfn_to_virt(mfn_t m)
{
    assert_true(m.n < PAGES);
    return pages[m.n];
}
int mm_alloc(struct mem_account *account, nodeid_t nid, u32 order, u32 flags, mfn_t *out)
{
    (void)nid;
    assert_int_equal(order, 0);
    assert_true(flags & MM_OVERHEAD);
    for (u32 i = 0; i < page_limit; i++)
        if (!used[i]) {
            used[i] = true;
            memset(pages[i], 0, PAGE_SIZE);
            account->overhead_pages++;
            *out = mfn(i);
            return 0;
        }
    return -ENOMEM;
}
void mm_free_overhead(struct mem_account *account, mfn_t m, u32 order)
{
    assert_int_equal(order, 0);
    assert_true(used[m.n]);
    used[m.n] = false;
    account->overhead_pages--;
}
struct domain *domain_get(u16 domid)
{
    assert_int_equal(depth, 0);
    if (domid >= ARRAY_SIZE(doms) || !doms[domid])
        return NULL;
    refs++;
    return doms[domid];
}
void domain_put(struct domain *d)
{
    (void)d;
    assert_int_equal(depth, 0);
    refs--;
}
static u32 wakes[3][2];
void vcpu_wake(struct vcpu *v)
{
    wakes[v->domain->id][v->id]++;
    v->poll_any = false;
}
void vcpu_notify(struct vcpu *v)
{
    v->attention = true;
    vcpu_wake(v);
}
/* One event lock at a time. Before one is taken another CPU may come in: at the lock_gap'th from now. */
static void (*on_gap)(void);
static u32 lock_gap;
void lock_check_take(u32 level)
{
    void (*come_in)(void) = on_gap;

    (void)level;
    if (come_in && depth == 0 && lock_gap-- == 0) {
        on_gap = NULL;
        come_in();
    }
    assert_int_equal(depth++, 0);
}
void lock_check_drop(u32 level)
{
    (void)level;
    depth--;
}
void assert_failed(const char *what, const char *file, int line)
{
    fail_msg("%s:%d: %s", file, line, what);
    abort();
}

static struct domain *new_domain(u16 id, u32 max_port)
{
    struct domain *d = calloc(1, sizeof(*d));

    d->id = id;
    assert_int_equal(mm_alloc(&d->mem, NODE_NONE, 0, MM_OVERHEAD, &d->shared_info), 0);
    for (u32 i = 0; i < 2; i++) {
        d->vcpu[i] = calloc(1, sizeof(struct vcpu));
        d->vcpu[i]->domain = d;
        d->vcpu[i]->id = i;
        d->vcpu[i]->info = &domain_shared_info(d)->vcpu_info[i];
    }
    d->nr_vcpus = 2;
    evtchn_init(d, max_port);
    doms[id] = d;
    return d;
}

static void setup(void)
{
    memset(used, 0, sizeof(used));
    memset(wakes, 0, sizeof(wakes));
    page_limit = PAGES;
    refs = 0;
    new_domain(0, 4095);
    new_domain(1, 1023);
}

static void teardown(void)
{
    for (u32 id = 0; id < ARRAY_SIZE(doms); id++) {
        struct domain *d = doms[id];
        if (!d)
            continue;
        evtchn_destroy(d);
        evtchn_destroy(d); /* again: nothing to do */
        assert_int_equal(d->mem.overhead_pages, 1);
        assert_int_equal(refs, 0);
        assert_int_equal(depth, 0);
        free(d->vcpu[0]);
        free(d->vcpu[1]);
        free(d);
        doms[id] = NULL;
    }
}

static bool pending(struct domain *d, u32 port)
{
    return evtchn_port_pending(d, port);
}

TEST(linked_domains_signal_each_other)
{
    struct domain *a = doms[0], *b = doms[1];
    u32 pa = 0, pb = 0, other = 77;

    assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), 0);
    assert_int_equal(pb, 1);                 /* port 0 is never given out */
    assert_int_equal(evtchn_send(b, pb), 0); /* nobody there: swallowed */
    assert_int_equal(evtchn_bind_interdomain(a, 7, pb, 0, &other), -ESRCH);
    assert_int_equal(evtchn_bind_interdomain(b, 1, pb, 0, &other), -EINVAL); /* waits for domain 0, not 1 */
    assert_int_equal(evtchn_bind_interdomain(a, 1, 500, 0, &other), -EINVAL);
    assert_int_equal(other, 77);
    assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &pa), 0);
    assert_int_equal(pa, 1);     /* failed attempts have given their port back */
    assert_true(pending(a, pa)); /* a bind delivers once */
    assert_int_equal(wakes[0][0], 1);
    assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &other), -EINVAL); /* taken */

    assert_false(pending(b, pb));
    assert_int_equal(evtchn_send(a, pa), 0);
    assert_true(pending(b, pb));
    struct shared_info *s = domain_shared_info(b);
    assert_int_equal(s->evtchn_pending[0], BIT(pb));
    assert_int_equal(s->vcpu_info[0].evtchn_pending_sel, 1);
    assert_int_equal(s->vcpu_info[0].evtchn_upcall_pending, 1);
    assert_true(vcpu_event_pending(b->vcpu[0]));
    assert_false(vcpu_event_pending(b->vcpu[1]));
    assert_int_equal(wakes[1][0], 1);
    assert_int_equal(evtchn_send(a, pa), 0); /* already pending: no second wake */
    assert_int_equal(wakes[1][0], 1);

    struct evtchn_status info;
    assert_int_equal(evtchn_status(a, pa, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_interdomain);
    assert_int_equal(info.u.interdomain.dom, 1);
    assert_int_equal(info.u.interdomain.port, pb);

    assert_int_equal(evtchn_close(a, pa), 0);
    assert_int_equal(evtchn_close(a, pa), -EINVAL);
    assert_false(pending(a, pa));
    assert_int_equal(evtchn_status(b, pb, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_unbound); /* waits for a again */
    assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &pa), 0);
    /* A domain that goes takes its ends along. */
    evtchn_destroy(a);
    assert_int_equal(evtchn_status(b, pb, &info), 0);
    assert_int_equal(info.status, EVTCHNSTAT_unbound);
    assert_int_equal(evtchn_send(a, pa), -EINVAL);
}

TEST(masked_events_wait_for_unmask)
{
    struct domain *d = doms[0];
    struct shared_info *s = domain_shared_info(d);
    u32 port;

    assert_int_equal(evtchn_bind_ipi(d, 1, &port), 0);
    s->evtchn_mask[0] = ~0ull;
    assert_int_equal(evtchn_send(d, port), 0);
    assert_true(pending(d, port));
    assert_int_equal(s->vcpu_info[1].evtchn_pending_sel, 0);
    assert_false(vcpu_event_pending(d->vcpu[1]));
    assert_int_equal(wakes[0][1], 0);
    assert_int_equal(evtchn_unmask(d, port), 0);
    assert_false(s->evtchn_mask[0] & BIT(port));
    assert_true(vcpu_event_pending(d->vcpu[1]));
    assert_int_equal(s->vcpu_info[1].evtchn_pending_sel, 1);
    assert_int_equal(wakes[0][1], 1);
    assert_int_equal(evtchn_unmask(d, port), 0);
    assert_int_equal(wakes[0][1], 1);
    assert_int_equal(evtchn_unmask(d, 4095), -EINVAL);
}

TEST(virqs_are_bound_once)
{
    struct domain *d = doms[0];
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

TEST(ports_run_out_cleanly)
{
    struct domain *d = doms[1];
    u32 port = 0, used_ports = 0;

    while (evtchn_alloc_unbound(d, 0, &port) == 0)
        assert_int_equal(port, ++used_ports);
    assert_int_equal(used_ports, 1023);
    assert_int_equal(evtchn_alloc_unbound(d, 0, &port), -ENOSPC);
    assert_int_equal(evtchn_close(d, 700), 0);
    assert_int_equal(evtchn_bind_ipi(d, 0, &port), 0);
    assert_int_equal(port, 700);
    assert_int_equal(evtchn_close(d, 0), -EINVAL);
    assert_int_equal(evtchn_close(d, 1024), -EINVAL);
    assert_int_equal(evtchn_close(d, ~0u), -EINVAL);
    assert_int_equal(evtchn_send(d, ~0u), -EINVAL);
    /* No memory for another bucket. */
    page_limit = 0;
    assert_int_equal(evtchn_alloc_unbound(doms[0], 1, &port), -ENOMEM);
    assert_int_equal(port, 700);
}

TEST(pollers_wake_for_masked_ports)
{
    struct domain *d = doms[0];
    struct vcpu *v = d->vcpu[1];
    u32 port, other;

    assert_int_equal(evtchn_bind_ipi(d, 0, &port), 0);
    assert_int_equal(evtchn_bind_ipi(d, 0, &other), 0);
    domain_shared_info(d)->evtchn_mask[0] = ~0ull;
    v->poll_any = true;
    v->nr_poll = 2;
    v->poll_ports[0] = 9;
    v->poll_ports[1] = port;
    assert_int_equal(evtchn_send(d, other), 0);
    assert_int_equal(wakes[0][1], 0);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(wakes[0][1], 1);
    assert_int_equal(wakes[0][0], 0);
}

static void other_cpu_destroys(void)
{
    evtchn_destroy(doms[1]);
}
static void other_cpu_closes(void)
{
    evtchn_close(doms[1], 1);
}

/* A port that is being closed, bound or reset by one CPU while another one takes its domain, or the far end,
 * away: at each point where no lock is held. */
TEST(ends_that_go_meanwhile)
{
    struct evtchn_status near, far;
    u32 pa, pb;

    for (u32 gap = 0; gap < 6; gap++) {
        struct domain *a = doms[0], *b = doms[1];

        assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), 0);
        lock_gap = gap;
        on_gap = other_cpu_closes;
        int rc = evtchn_bind_interdomain(a, 1, pb, 0, &pa);
        on_gap = NULL;
        if (rc == 0) {
            assert_int_equal(evtchn_status(a, pa, &near), 0);
            assert_int_equal(evtchn_status(b, pb, &far), 0);
            assert_int_equal(near.status == EVTCHNSTAT_interdomain, far.status == EVTCHNSTAT_interdomain);
            assert_int_equal(evtchn_close(a, pa), 0);
        }
        evtchn_close(b, pb);

        assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), 0);
        assert_int_equal(evtchn_bind_interdomain(a, 1, pb, 0, &pa), 0);
        lock_gap = gap;
        on_gap = other_cpu_destroys;
        evtchn_close(b, pb); /* as the control domain's reset does */
        on_gap = NULL;
        evtchn_destroy(b);
        assert_int_equal(evtchn_alloc_unbound(b, 0, &pb), -EINVAL); /* no more ports */
        assert_int_equal(evtchn_status(a, pa, &near), 0);
        assert_int_equal(near.status, EVTCHNSTAT_unbound);
        assert_int_equal(evtchn_close(a, pa), 0);
        evtchn_init(b, 1023);
        b->events.closed = false;
    }
}

FIXTURE(setup, teardown)

/*
 * The FIFO event ABI: what a guest finds in its event array and control blocks, a model of an honest guest that takes
 * random events, and a guest that writes anything there.
 * lint: long: all of them need the same guest.
 */
#include <tests/machine/machine.h>
#include <tests/machine/test.h>

#include <domain/evtchn/fifo.h>

#define CONTROL_GFN 0x10u /* one page for all control blocks, */
#define ARRAY_GFN   0x20u /* and the pages of the array from there on */
#define VCPUS       3u

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED  (1u << EVTCHN_FIFO_MASKED)
#define LINKED  (1u << EVTCHN_FIFO_LINKED)
#define BUSY    (1u << EVTCHN_FIFO_BUSY)

static struct domain *d;

static void setup(void)
{
    d = domain_get(1);
    domain_put(d);
    for (u32 i = 0; i < VCPUS; i++) {
        vcpu_online(d->vcpu[i]);
        vcpu_block(d->vcpu[i]);
    }
    vcpu_block(caller);
    populate(d, CONTROL_GFN, 0);
    for (u32 i = 0; i < 4; i++)
        populate(d, ARRAY_GFN + i, 0);
}

FIXTURE(setup, NULL)
#define FIFO_TEST(name) TEST(name, .domains = 2, .vcpus = VCPUS)

static void *memory_of(u64 g)
{
    spin_lock(&d->physmap.lock);
    void *page = physmap_frame(d, g << PAGE_SHIFT, false);
    spin_unlock(&d->physmap.lock);
    return page;
}

static struct evtchn_fifo_control_block *block(u32 vcpu)
{
    return (void *)((u8 *)memory_of(CONTROL_GFN) + vcpu * 128);
}

static u32 *word(u32 port)
{
    return (u32 *)memory_of(ARRAY_GFN + port / 1024) + port % 1024;
}

static void init(u32 vcpus, u32 pages)
{
    memset(memory_of(CONTROL_GFN), 0, PAGE_SIZE);
    for (u32 i = 0; i < 4; i++)
        memset(memory_of(ARRAY_GFN + i), 0, PAGE_SIZE);
    for (u32 i = 0; i < vcpus; i++)
        assert_int_equal(evtchn_init_control(d, i, gfn(CONTROL_GFN), i * 128), 0);
    for (u32 i = 0; i < pages; i++)
        assert_int_equal(evtchn_expand_array(d, gfn(ARRAY_GFN + i)), 0);
}

static u32 ipi(u32 vcpu)
{
    u32 port = 0;

    assert_int_equal(evtchn_bind_ipi(d, vcpu, &port), 0);
    return port;
}

/* Since the last question: has an upcall of the vCPU become due? */
static bool upcalled(u32 vcpu)
{
    return __atomic_exchange_n(&d->vcpu[vcpu]->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
}

FIFO_TEST(the_first_control_block_changes_the_abi)
{
    u32 port = ipi(1), quiet = ipi(1), more;

    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(evtchn_expand_array(d, gfn(ARRAY_GFN)), -EOPNOTSUPP);
    assert_int_equal(evtchn_set_priority(d, port, 3), -ENOSYS);
    assert_int_equal(evtchn_init_control(d, VCPUS, gfn(CONTROL_GFN), 0), -ENOENT);
    assert_int_equal(evtchn_init_control(d, 0, gfn(CONTROL_GFN), 4), -EINVAL);
    assert_int_equal(evtchn_init_control(d, 0, gfn(CONTROL_GFN), PAGE_SIZE - 64), -EINVAL);
    assert_int_equal(evtchn_init_control(d, 0, gfn(0x999), 0), -EINVAL);
    assert_int_equal(evtchn_init_control(d, 0, gfn(~0ull), 0), -EINVAL);
    assert_null(d->events.fifo);
    assert_true(evtchn_port_pending(d, port));
    upcalled(1);

    init(2, 0);
    assert_int_equal(evtchn_init_control(d, 1, gfn(CONTROL_GFN), 0), -EINVAL); /* it has one */
    assert_int_equal(domain_shared_info(d)->evtchn_pending[0], 0);             /* moved */
    assert_true(evtchn_port_pending(d, port));
    assert_false(evtchn_port_pending(d, quiet));
    assert_int_equal(evtchn_send(d, quiet), 0); /* there is no word for it yet */
    assert_true(evtchn_port_pending(d, quiet));
    assert_false(upcalled(1));
    assert_int_equal(evtchn_expand_array(d, gfn(ARRAY_GFN)), 0);
    assert_true(upcalled(1));
    assert_int_equal(*word(port), PENDING | LINKED | quiet);
    assert_int_equal(*word(quiet), PENDING | LINKED);
    assert_int_equal(block(1)->head[EVTCHN_FIFO_PRIORITY_DEFAULT], port);
    assert_int_equal(block(1)->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT);
    assert_int_equal(evtchn_expand_array(d, gfn(0x999)), -EINVAL);

    /* Back again: a reset needs all ports closed, and then two levels are as they were. */
    assert_int_equal(evtchn_alloc_unbound(d, 0, &more), 0);
    while (evtchn_reset(d) == -ERESTART)
        ;
    assert_null(d->events.fifo);
    assert_int_equal(evtchn_send(d, port), -EINVAL);
    port = ipi(0);
    assert_int_equal(port, 1);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(domain_shared_info(d)->evtchn_pending[0], BIT(port));
}

FIFO_TEST(events_are_linked_in_order)
{
    u32 port[4], other;

    init(VCPUS, 1);
    for (u32 i = 0; i < 4; i++)
        port[i] = ipi(0);
    other = ipi(2);
    *word(port[1]) = MASKED;
    for (u32 i = 0; i < 4; i++)
        assert_int_equal(evtchn_send(d, port[i]), 0);
    assert_int_equal(*word(port[0]), PENDING | LINKED | port[2]);
    assert_int_equal(*word(port[1]), PENDING | MASKED);
    assert_int_equal(*word(port[2]), PENDING | LINKED | port[3]);
    assert_int_equal(*word(port[3]), PENDING | LINKED);
    assert_true(upcalled(0));
    assert_false(upcalled(2));
    assert_int_equal(evtchn_unmask(d, port[1]), 0);
    assert_int_equal(*word(port[3]), PENDING | LINKED | port[1]);
    assert_int_equal(*word(port[1]), PENDING | LINKED);
    assert_false(upcalled(0)); /* its queue is ready already */
    assert_int_equal(evtchn_send(d, port[1]), 0);
    assert_int_equal(*word(port[1]), PENDING | LINKED);

    /* The guest has taken all: what comes next is a new head. */
    block(0)->ready = 0;
    for (u32 i = 0; i < 4; i++)
        *word(port[i]) = 0;
    assert_int_equal(evtchn_send(d, port[1]), 0); /* the tail itself */
    assert_int_equal(block(0)->head[7], port[1]);
    assert_int_equal(*word(port[1]), PENDING | LINKED);
    assert_true(upcalled(0));

    /* Priority and vCPU count from the next event on. */
    assert_int_equal(evtchn_set_priority(d, port[1], 16), -EINVAL);
    assert_int_equal(evtchn_set_priority(d, 4000, 1), -EINVAL);
    assert_int_equal(evtchn_set_priority(d, port[1], 15), 0);
    assert_int_equal(evtchn_set_priority(d, other, 0), 0);
    *word(port[1]) = 0;
    assert_int_equal(evtchn_send(d, port[1]), 0);
    assert_int_equal(evtchn_send(d, other), 0);
    assert_int_equal(block(0)->head[15], port[1]);
    assert_int_equal(block(2)->head[0], other);
    assert_int_equal(block(2)->ready, 1);
    assert_int_equal(evtchn_send(d, port[0]), 0); /* its queue's tail has left */
    assert_int_equal(block(0)->head[7], port[0]);
    assert_int_equal(*word(port[1]), PENDING | LINKED);
}

FIFO_TEST(a_closed_port_is_not_pending)
{
    u32 port;

    init(1, 1);
    port = ipi(0);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(evtchn_close(d, port), 0);
    assert_int_equal(*word(port), LINKED); /* the guest drops it when it comes to it, */
    assert_int_equal(ipi(0), port + 1);    /* and until then the port is not used again */
    *word(port) = 0;
    d->events.max_port = port + 1;
    assert_int_equal(ipi(0), port);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(*word(port), PENDING | LINKED);
    assert_int_equal(evtchn_close(d, port), 0);
    assert_int_equal(evtchn_bind_ipi(d, 0, &port), -ENOSPC);
}

FIFO_TEST(without_a_control_block_nothing_is_linked)
{
    u32 port;

    init(1, 1);
    port = ipi(1);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(*word(port), PENDING);
    assert_int_equal(evtchn_init_control(d, 1, gfn(CONTROL_GFN), 128), 0);
    assert_int_equal(evtchn_unmask(d, port), 0);
    assert_int_equal(*word(port), PENDING | LINKED);
    assert_int_equal(block(1)->head[7], port);
}

FIFO_TEST(more_ports_than_two_levels_have)
{
    const u32 nr = 6000;
    u32 port = 0;

    d->events.max_port = EVTCHN_FIFO_MAX_PORTS - 1;
    for (u32 i = 1; i < EVTCHN_MAX_PORTS; i++)
        assert_int_equal(ipi(0), i);
    assert_int_equal(evtchn_bind_ipi(d, 0, &port), -ENOSPC);
    init(1, 4);
    for (u32 i = EVTCHN_MAX_PORTS; i < nr; i++)
        assert_int_equal(ipi(0), i);
    assert_int_equal(evtchn_send(d, nr - 1), 0);
    assert_int_equal(d->events.bucket[20][5].kind, EVTCHN_IPI);
    assert_true(evtchn_port_pending(d, nr - 1)); /* beyond the array */
    assert_int_equal(evtchn_close(d, 77), 0);
    assert_int_equal(ipi(0), 77); /* the lowest */
    assert_int_equal(ipi(0), nr);
    d->events.max_port = nr;
    assert_int_equal(evtchn_bind_ipi(d, 0, &port), -ENOSPC);
    while (evtchn_reset(d) == -ERESTART)
        ;
    assert_int_equal(evtchn_nr_ports(&d->events), EVTCHN_MAX_PORTS);
    assert_int_equal(evtchn_unmask(d, EVTCHN_MAX_PORTS), -EINVAL); /* two levels have no bit for it */
    assert_int_equal(ipi(0), 1);
}

/* The array has 128 pages, and each may be given only as RAM; pins keep what the guest gives up. */
FIFO_TEST(pages_are_pinned)
{
    u64 before = d->mem.tot_pages;
    u32 port, done;
    gfn_t g = gfn(ARRAY_GFN);

    init(1, 1);
    for (u32 i = 1; i < 128; i++)
        assert_int_equal(evtchn_expand_array(d, gfn(ARRAY_GFN + i % 4)), 0);
    assert_int_equal(evtchn_expand_array(d, gfn(ARRAY_GFN)), -ENOSPC);
    port = ipi(0);
    u32 *old = word(port);
    assert_int_equal(physmap_give_up(d, &g, 1, 1, &done), 0);
    populate(d, ARRAY_GFN, 0);
    assert_int_equal(evtchn_send(d, port), 0);
    assert_int_equal(*old, PENDING | LINKED);
    assert_int_equal(d->mem.tot_pages, before + 1);
    while (evtchn_reset(d) == -ERESTART)
        ;
    assert_int_equal(d->mem.tot_pages, before);
}

/* --- an honest guest at random ------------------------------------------------------------------------------ */

static struct rng rng;

/* As the ABI has it: takes events from the head of the most important queue until none is ready. */
static u32 take(u32 vcpu, u32 *ports, u32 max)
{
    static u32 head[VCPUS][16];
    u32 nr = 0, ready = __atomic_exchange_n(&block(vcpu)->ready, 0, __ATOMIC_SEQ_CST);

    while (ready) {
        u32 q = (u32)__builtin_ctz(ready);

        if (!head[vcpu][q])
            head[vcpu][q] = block(vcpu)->head[q];
        u32 port = head[vcpu][q], *w = word(port);
        assert_true(*w & LINKED);
        head[vcpu][q] = *w & EVTCHN_FIFO_LINK_MASK;
        *w &= ~(LINKED | (u32)EVTCHN_FIFO_LINK_MASK);
        if (!head[vcpu][q])
            ready &= ~(1u << q);
        if ((*w & PENDING) && !(*w & MASKED)) {
            *w &= ~PENDING;
            assert_true(nr < max);
            ports[nr++] = port;
        }
        ready |= __atomic_exchange_n(&block(vcpu)->ready, 0, __ATOMIC_SEQ_CST);
    }
    return nr;
}

FIFO_TEST(every_event_comes_once)
{
    enum { PORTS = 40 };
    static bool due[PORTS], masked[PORTS];
    u32 port[PORTS], got[PORTS], seen = 0;

    rng_seed(&rng, 7);
    init(VCPUS, 1);
    for (u32 i = 0; i < PORTS; i++) {
        assert_int_equal(evtchn_alloc_unbound(d, 0, &port[i]), 0);
        assert_int_equal(evtchn_bind_interdomain(dom0, 1, port[i], 0, &got[i]), 0);
    }
    for (test_row = 0; test_row < 200000; test_row++) {
        u32 i = rng_draw(&rng, PORTS), remote = got[i], taken[PORTS];

        switch (rng_draw(&rng, 8)) {
        default:
            assert_int_equal(evtchn_send(dom0, remote), 0);
            due[i] = true;
            break;
        case 4:
            assert_int_equal(evtchn_set_priority(d, port[i], rng_draw(&rng, 16)), 0);
            break;
        case 5:
            assert_int_equal(evtchn_bind_vcpu(d, port[i], rng_draw(&rng, VCPUS)), 0);
            break;
        case 6:
            masked[i] = !masked[i];
            if (masked[i])
                *word(port[i]) |= MASKED;
            else
                assert_int_equal(evtchn_unmask(d, port[i]), 0);
            break;
        case 7:
            for (u32 vcpu = 0; vcpu < VCPUS; vcpu++) {
                u32 nr = take(vcpu, taken, PORTS);

                for (u32 k = 0; k < nr; k++) {
                    u32 j = 0;

                    while (port[j] != taken[k])
                        j++;
                    assert_true(due[j] && !masked[j]);
                    due[j] = false;
                    seen++;
                }
            }
            for (u32 j = 0; j < PORTS; j++)
                assert_true(!due[j] || masked[j]);
        }
    }
    test_row = -1;
    assert_in_range(seen, 10000, 200000);
}

/* --- and one that writes anything there --------------------------------------------------------------------- */

FIFO_TEST(rubbish_harms_nobody)
{
    u32 port[64];

    rng_seed(&rng, 9);
    init(VCPUS, 2);
    for (u32 i = 0; i < 64; i++)
        port[i] = ipi(i % VCPUS);
    for (u32 i = 0; i < 100000; i++) {
        u32 *words = rng_draw(&rng, 2) ? word(0) : memory_of(CONTROL_GFN);

        words[rng_draw(&rng, 100)] = rng_draw(&rng, 4) ? rng_draw(&rng, ~0u) << rng_draw(&rng, 2) : ~0u;
        u32 p = port[rng_draw(&rng, 64)];
        evtchn_send(d, p);
        if (!rng_draw(&rng, 4))
            evtchn_unmask(d, p);
        if (!rng_draw(&rng, 4))
            evtchn_set_priority(d, p, rng_draw(&rng, 16));
        evtchn_port_pending(d, p);
    }
    while (evtchn_reset(d) == -ERESTART)
        ;
    assert_null(d->events.fifo);
}

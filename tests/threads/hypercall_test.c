// sources: domain/sched/*.c domain/vcpu.c domain/stop.c domain/domain.c domain/timer*.c
// sources: domain/guest_console.c domain/evtchn/evtchn.c domain/physmap/*.c
// sources: arch/x86/hvm/nested_paging.c arch/x86/hvm/guest_walk.c mm/all
// sources: hypercall/*.c lib/parse.c
/*
 * Several vCPUs of domain 0 in hypercalls at once, as host threads under ThreadSanitizer: they create, build,
 * map, connect, question and destroy the same few domains, each call drawn from a seed. The real hypercall/,
 * domain/ and mm/; below them a processor that runs no guest. Whatever the calls answer, at the end every
 * page and every claim is back, and no two threads touched the same thing without a lock or an atomic access.
 *
 * Usage: hypercall_test [SEED [CALLS]]; the number of calls each thread makes decides the time, not a clock.
 */
#include "harness.h"
#include <tests/guest_memory.h>

#define GUESTS      3u /* ids 1..GUESTS, which all threads are after */
#define CONTEXT_MAX 0x8000u
#define CALLS       4000u
static u32 done_by_call[32], ok_by_call[32];
static u32 calls_each = CALLS;

static long max_vcpus(u16 domid);
static long max_mem(u16 domid);

static long create(u16 domid)
{
    struct xen_domctl op = {.u.createdomain = {.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
                                               .max_vcpus = 4,
                                               .max_evtchn_port = 600,
                                               .max_grant_frames = -1,
                                               .max_maptrack_frames = -1,
                                               .grant_opts = 1,
                                               .arch.emulation_flags = XEN_X86_EMU_LAPIC}};
    long rc = domctl(XEN_DOMCTL_createdomain, domid, &op);

    CHECK(rc != -EEXIST || domid);     /* who names no id gets one */
    if (rc == 0 && domid && draw(4)) { /* most are worth living in */
        max_vcpus(domid);
        max_mem(domid);
    }
    return rc;
}

/* Here every guest would be a new one: only when there are few, so that they end. */
static long create_any(u16 domid)
{
    struct domain *d = domain_get_next(GUESTS + 1);

    (void)domid;
    if (d) {
        struct xen_domctl op = {0};
        u16 id = d->id;

        domain_put(d);
        return domctl(XEN_DOMCTL_destroydomain, id, &op);
    }
    return create(0);
}

static long destroy(u16 domid)
{
    struct xen_domctl op = {0};

    if (here->current && draw(3)) /* not at the end; they should get somewhere */
        return -EINVAL;
    return domctl(XEN_DOMCTL_destroydomain, domid, &op);
}

static long max_vcpus(u16 domid)
{
    struct xen_domctl op = {.u.max_vcpus.max = 4};

    return domctl(XEN_DOMCTL_max_vcpus, domid, &op);
}

static long max_mem(u16 domid)
{
    struct xen_domctl op = {.u.max_mem.max_memkb = 4 * (u64)(draw(4) ? FRAMES : draw(FRAMES))};

    return domctl(XEN_DOMCTL_max_mem, domid, &op);
}

static long info(u16 domid)
{
    struct xen_domctl op = {0};

    return domctl(XEN_DOMCTL_getdomaininfo, domid, &op);
}

static long vcpu_info(u16 domid)
{
    struct xen_domctl op = {.u.getvcpuinfo.vcpu = draw(4)};

    return domctl(XEN_DOMCTL_getvcpuinfo, domid, &op);
}

static long pause_or_not(u16 domid)
{
    struct xen_domctl op = {0};

    return domctl(draw(2) ? XEN_DOMCTL_pausedomain : XEN_DOMCTL_unpausedomain, domid, &op);
}

/* Read, and put back as it was. */
static long context(u16 domid)
{
    struct xen_domctl op = {.u.hvmcontext = {.size = CONTEXT_MAX, .buffer = array_at()}};

    long rc = domctl(XEN_DOMCTL_gethvmcontext, domid, &op);
    if (rc)
        return rc;
    CHECK(guest_memory_read(dom0, area(), &op, sizeof(op)) == 0);
    return domctl(XEN_DOMCTL_sethvmcontext, domid, &op);
}

static long pool(u16 domid)
{
    struct xen_domctl op = {.u.paging_mempool.size = (200 + draw(100)) * PAGE_SIZE};

    return domctl(XEN_DOMCTL_set_paging_mempool_size, domid, &op);
}

static long affinity(u16 domid)
{
    u64 nodes = 1 + draw(3);
    struct xen_domctl op = {.u.nodeaffinity.nodemap = {.bitmap = array_at(), .nr_bits = 64}};

    put(array_at(), &nodes, sizeof(nodes));
    return domctl(XEN_DOMCTL_setnodeaffinity, domid, &op);
}

static long claim(u16 domid)
{
    const struct xen_memory_claim set[2] = {{.pages = draw(400), .node = draw(2)},
                                            {.pages = draw(400), .node = XEN_DOMCTL_CLAIM_MEMORY_NO_NODE}};
    struct xen_domctl op = {.u.claim_memory = {.claims = array_at(), .nr_claims = 2, .pad = draw(2)}};

    put(array_at(), set, sizeof(set));
    return domctl(XEN_DOMCTL_claim_memory, domid, &op);
}

static long get_claims(u16 domid)
{
    struct xen_domctl op = {.u.get_memory_claims = {.claims = array_at(), .nr_claims = 8}};

    return domctl(XEN_DOMCTL_get_memory_claims, domid, &op);
}

static long reservation(u32 cmd, u16 domid)
{
    u32 order = draw(4) ? draw(3) : ORDER_2M;
    u64 nr = order == ORDER_2M ? 1 : 1 + draw(12);
    u64 gfns[12] = {0};
    const struct xen_memory_reservation op = {.extent_start = array_at(),
                                              .nr_extents = nr,
                                              .extent_order = order,
                                              .mem_flags = draw(2) ? XENMEMF_node(draw(2)) : 0,
                                              .domid = domid};

    for (u32 i = 0; i < nr; i++)
        gfns[i] = (u64)draw(order ? 256 : 64) << order & 0x7ff; /* dense: they meet each other */
    put(array_at(), gfns, sizeof(gfns));
    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, cmd, area()) > 0 ? 0 : -ENOMEM;
}

static long populate(u16 domid)
{
    return reservation(XENMEM_populate_physmap, domid);
}
static long decrease(u16 domid)
{
    return reservation(XENMEM_decrease_reservation, domid);
}
static long increase(u16 domid)
{
    return reservation(XENMEM_increase_reservation, domid);
}

static long map_foreign(u16 domid)
{
    u64 indices[8], gfns[8];
    const struct xen_add_to_physmap_batch op = {.domid = DOMID_SELF,
                                                .space = XENMAPSPACE_gmfn_foreign,
                                                .size = 8,
                                                .u.foreign_domid = domid,
                                                .idxs = array_at(),
                                                .gpfns = array_at() + 0x100,
                                                .errs = array_at() + 0x200};

    for (u32 i = 0; i < 8; i++) {
        indices[i] = draw(2) ? draw(64) : draw(0x800);
        gfns[i] = WINDOW_GFN + draw(64);
    }
    put(op.idxs, indices, sizeof(indices));
    put(op.gpfns, gfns, sizeof(gfns));
    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, area());
}

/* Out of domain 0's window, or out of a guest. */
static long unmap(u16 domid)
{
    const struct xen_remove_from_physmap guest = {.domid = domid, .gpfn = draw(0x800)};
    long rc = -ENOENT;

    for (u32 i = 0; i < 32; i++) { /* a foreign frame keeps its dead domain: most of them must go */
        const struct xen_remove_from_physmap window = {.domid = DOMID_SELF, .gpfn = WINDOW_GFN + draw(64)};

        put(area(), i ? &window : &guest, sizeof(guest));
        rc &= call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, area());
    }
    return rc;
}

static long shared_info(u16 domid)
{
    const struct xen_add_to_physmap op = {
        .domid = domid, .space = XENMAPSPACE_shared_info, .gpfn = draw(0x800)};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, area());
}

/* Reads and writes through whatever is in the window: a copy for a hypercall, or none. */
static long touch_window(u16 domid)
{
    u64 value, at = (WINDOW_GFN + draw(64)) << PAGE_SHIFT;

    (void)domid;
    if (draw(2))
        return guest_memory_read(dom0, at, &value, sizeof(value));
    value = 0;
    return physmap_write(dom0, at, &value, sizeof(value));
}

static long alloc_port(u16 domid)
{
    const struct evtchn_alloc_unbound op = {.dom = domid, .remote_dom = DOMID_SELF};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, area());
}

static long bind_port(u16 domid)
{
    const struct evtchn_bind_interdomain op = {.remote_dom = domid, .remote_port = 1 + draw(8)};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, area());
}

static long use_port(u16 domid)
{
    static const u32 ops[] = {EVTCHNOP_send, EVTCHNOP_close, EVTCHNOP_unmask, EVTCHNOP_send};
    const u32 port = 1 + draw(16);

    (void)domid;
    put(area(), &port, sizeof(port));
    return call(__HYPERVISOR_event_channel_op, ops[draw(4)], area());
}

static long reset_ports(u16 domid)
{
    const struct evtchn_reset op = {.dom = draw(4) ? domid : DOMID_SELF};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, area());
}

static long port_status(u16 domid)
{
    const struct evtchn_status op = {.dom = domid, .port = 1 + draw(8)};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_status, area());
}

/* What the guest's own vCPUs and the idle CPUs would do. */
static long from_inside(u16 domid)
{
    struct domain *d = domain_get(domid);

    if (!d)
        return -ESRCH;
    for (u32 i = 0; i < 40; i++)
        guest_console_write(d, (u8)(draw(8) ? 'a' + draw(26) : '\n'));
    if (domain_nr_vcpus(d))
        evtchn_raise_virq(d, VIRQ_TIMER, 0);
    if (draw(4) == 0)
        domain_shutdown(d, SHUTDOWN_crash);
    domain_put(d);
    mm_scrub_step(draw(2));
    return 0;
}

static long (*const calls[])(u16 domid) = {
    create,       max_vcpus,   max_mem,      populate,   populate,   decrease,    increase,
    map_foreign,  unmap,       claim,        info,       get_claims, context,     vcpu_info,
    pause_or_not, pool,        affinity,     alloc_port, bind_port,  use_port,    reset_ports,
    port_status,  shared_info, touch_window, destroy,    create_any, from_inside, alloc_port,
};
_Static_assert(ARRAY_SIZE(calls) <= ARRAY_SIZE(ok_by_call), "counted");

static void *dom0_vcpu(void *arg)
{
    here = arg;
    here->current = dom0->vcpu[here->id];
    random_state += here->id * 7919 + 1;
    for (u32 i = 0; i < calls_each; i++) {
        u32 which = draw(ARRAY_SIZE(calls));
        long rc = calls[which]((u16)(1 + draw(GUESTS)));

        __atomic_add_fetch(&done_by_call[which], 1, __ATOMIC_RELAXED);
        if (rc >= 0)
            __atomic_add_fetch(&ok_by_call[which], 1, __ATOMIC_RELAXED);
    }
    here->current = NULL;
    return NULL;
}

static u32 seed = 1;
static void *seeded(void *arg)
{
    random_state = seed;
    return dom0_vcpu(arg);
}

/* All guests and all of domain 0's mappings of them go; what is free then must be what was free before. */
static void clear_away(void)
{
    struct domain *d;

    for (u32 id = 1; (d = domain_get_next((u16)id)) != NULL;) {
        id = d->id + 1u;
        domain_put(d);
        CHECK(destroy((u16)(id - 1)) == 0);
    }
    for (u64 g = WINDOW_GFN; g < WINDOW_GFN + 64; g++)
        CHECK(physmap_remove(dom0, gfn(g), 0, false) == 0);
    CHECK(domain_get_next(1) == NULL);
    for (u32 port = 1; port < 600; port++)
        evtchn_close(dom0, port);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc > 1)
        seed = (u32)strtoul(argv[1], NULL, 0);
    if (argc > 2)
        calls_each = (u32)strtoul(argv[2], NULL, 0);
    set_up();
    u64 free_before = free_pages(), overhead_before = dom0->mem.overhead_pages;
    for (u32 i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, seeded, &cpu_on[i]) == 0);
    for (u32 i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    clear_away();
    CHECK(mm_check() == 0);
    /* A bucket of ports stays domain 0's. */
    CHECK(free_pages() + dom0->mem.overhead_pages - overhead_before == free_before);
    u32 nr_done = 0, nr_ok = 0;
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        if (argc > 1)
            printf("call %2u: %6u, %6u did something\n", i, done_by_call[i], ok_by_call[i]);
        nr_done += done_by_call[i];
        nr_ok += ok_by_call[i];
    }
    CHECK(nr_ok > nr_done / 5); /* they did something */
    printf("hypercall_test: seed %u, %u calls by each of %u vCPUs\n", seed, calls_each, THREADS);
    return 0;
}

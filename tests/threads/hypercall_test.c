/*
 * Several vCPUs of domain 0 in hypercalls at once, as host threads under ThreadSanitizer: they create, build,
 * map, connect, question and destroy the same few domains, each call drawn from a seed. The real hypercall/,
 * domain/ and mm/; below them a processor that runs no guest. Whatever the calls answer, at the end every
 * page and every claim is back, and no two threads touched the same thing without a lock or an atomic access.
 *
 * Usage: hypercall_test [SEED [CALLS]]; the number of calls each thread makes decides the time, not a clock.
 *
 * lint: long: the calls that are drawn, a few lines each
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hypercall/hypercall.h>
#include <tests/machine/machine.h>
#include <tests/machine/test.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define THREADS    3u
#define FRAMES     0x2000u /* 32 MiB on two nodes */
#define AREA_BYTES (16u * PAGE_SIZE)
#define WINDOW_GFN 0x1000u /* where domain 0 maps foreign frames: all threads in the same few */

#define GUESTS      3u /* ids 1..GUESTS, which all threads are after */
#define CONTEXT_MAX 0x8000u
#define CALLS       4000u
static u32 done_by_call[48], ok_by_call[48];
static u32 calls_each = CALLS;
static _Thread_local struct rng rng;

#define must(holds) BUG_ON(!(holds))

static u32 draw(u32 below)
{
    return rng_draw(&rng, below);
}

/* Between two locks others come in, now and then for long. */
static void gap(void)
{
    static _Thread_local struct rng gaps = {1};

    if (rng_draw(&gaps, 8) == 0)
        sched_yield();
    if (rng_draw(&gaps, 256) == 0)
        usleep(100);
}

static void slow_clear(u64 n, u64 nr)
{
    (void)n;
    if (nr > 1)
        usleep(200);
}

/* A thread's own pages of domain 0's memory: the argument first, arrays from the second page on. */
static u64 area(void)
{
    return (u64)here->id * AREA_BYTES;
}
static u64 array(void)
{
    return area() + PAGE_SIZE;
}

/* The call until it is through, as the run loop would. */
static long call(u64 nr, u64 arg0, u64 arg1)
{
    struct hypercall c = {.v = dom0->vcpu[here->id], .arg = {arg0, arg1}};
    long rc;

    do {
        rc = hypercall_call(&c, nr);
    } while (rc == -ERESTART);
    BUG_ON(locks_held());
    return rc;
}

static long hypercall3(u64 nr, u64 arg0, u64 arg1, u64 arg2)
{
    struct hypercall c = {.v = dom0->vcpu[here->id], .arg = {arg0, arg1, arg2}};
    long rc;

    do {
        rc = hypercall_call(&c, nr);
    } while (rc == -ERESTART);
    BUG_ON(locks_held());
    return rc;
}

static long domctl(u32 cmd, u16 domid, struct xen_domctl *op)
{
    op->cmd = cmd;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op->domain = domid;
    return call(__HYPERVISOR_domctl, put(area(), op, sizeof(*op)), 0);
}

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

    must(rc != -EEXIST || domid);      /* who names no id gets one */
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
    struct xen_domctl op = {.u.hvmcontext = {.size = CONTEXT_MAX, .buffer = at(array())}};

    long rc = domctl(XEN_DOMCTL_gethvmcontext, domid, &op);
    if (rc)
        return rc;
    get(area(), &op, sizeof(op));
    return domctl(XEN_DOMCTL_sethvmcontext, domid, &op);
}

static long pool(u16 domid)
{
    struct xen_domctl op = {.u.paging_mempool.size = (200 + draw(100)) * PAGE_SIZE};

    return domctl(XEN_DOMCTL_set_paging_mempool_size, domid, &op);
}

static long affinity(u16 domid)
{
    u64 nodes = draw(4) ? ~0ull : 1 + draw(3);
    struct xen_domctl op = {.u.nodeaffinity.nodemap = {.bitmap = at(array()), .nr_bits = 64}};

    put(array(), &nodes, sizeof(nodes));
    return domctl(XEN_DOMCTL_setnodeaffinity, domid, &op);
}

static long pin(u16 domid)
{
    u64 map = 1 + draw(3);
    struct xen_domctl op = {.u.vcpuaffinity = {.vcpu = draw(4),
                                               .flags = XEN_VCPUAFFINITY_HARD,
                                               .cpumap_hard = {.bitmap = at(array()), .nr_bits = 64}}};

    put(array(), &map, sizeof(map));
    return domctl(XEN_DOMCTL_setvcpuaffinity, domid, &op);
}

static long claim(u16 domid)
{
    const struct xen_memory_claim set[2] = {{.pages = draw(400), .node = draw(2)},
                                            {.pages = draw(400), .node = XEN_DOMCTL_CLAIM_MEMORY_NO_NODE}};
    struct xen_domctl op = {.u.claim_memory = {.claims = at(array()), .nr_claims = 2, .pad = draw(2)}};

    put(array(), set, sizeof(set));
    return domctl(XEN_DOMCTL_claim_memory, domid, &op);
}

static long get_claims(u16 domid)
{
    struct xen_domctl op = {.u.get_memory_claims = {.claims = at(array()), .nr_claims = 8}};

    return domctl(XEN_DOMCTL_get_memory_claims, domid, &op);
}

static long reservation_with(u32 cmd, u16 domid, u32 flags)
{
    u32 order = draw(4) ? draw(3) : ORDER_2M;
    u64 nr = order == ORDER_2M ? 1 : 1 + draw(12);
    u64 gfns[12] = {0};
    const struct xen_memory_reservation op = {.extent_start = at(array()),
                                              .nr_extents = nr,
                                              .extent_order = order,
                                              .mem_flags = flags | (draw(2) ? XENMEMF_node(draw(2)) : 0),
                                              .domid = domid};

    for (u32 i = 0; i < nr; i++)
        gfns[i] = (u64)draw(order ? 256 : 64) << order & 0x7ff; /* dense: they meet each other */
    put(array(), gfns, sizeof(gfns));
    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, cmd, at(area())) > 0 ? 0 : -ENOMEM;
}

static long reservation(u32 cmd, u16 domid)
{
    return reservation_with(cmd, domid, 0);
}

static long mark(u16 domid)
{
    return reservation_with(XENMEM_populate_physmap, domid, XENMEMF_populate_on_demand);
}

/* Small: then what is mapped of marked frames is often more than there is, and pages of zeroes are searched for. */
static long pod_target(u16 domid)
{
    const struct xen_pod_target op = {.target_pages = draw(4) ? draw(600) : draw(FRAMES), .domid = domid};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, draw(8) ? XENMEM_set_pod_target : XENMEM_get_pod_target, at(area()));
}

static long grow(u16 domid)
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
                                                .idxs = at(array()),
                                                .gpfns = at(array()) + 0x100,
                                                .errs = at(array()) + 0x200};

    for (u32 i = 0; i < 8; i++) {
        indices[i] = draw(2) ? draw(64) : draw(0x800);
        gfns[i] = WINDOW_GFN + draw(64);
    }
    put(array(), indices, sizeof(indices));
    put(array() + 0x100, gfns, sizeof(gfns));
    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, at(area()));
}

/* Out of domain 0's window, or out of a guest. */
static long unmap(u16 domid)
{
    const struct xen_remove_from_physmap guest = {.domid = domid, .gpfn = draw(0x800)};
    long rc = -ENOENT;

    for (u32 i = 0; i < 32; i++) { /* a foreign frame keeps its dead domain: most of them must go */
        const struct xen_remove_from_physmap window = {.domid = DOMID_SELF, .gpfn = WINDOW_GFN + draw(64)};

        put(area(), i ? &window : &guest, sizeof(guest));
        rc &= call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, at(area()));
    }
    return rc;
}

static long shared_info(u16 domid)
{
    const struct xen_add_to_physmap op = {
        .domid = domid, .space = XENMAPSPACE_shared_info, .gpfn = draw(0x800)};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, at(area()));
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
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, at(area()));
}

static long bind_port(u16 domid)
{
    const struct evtchn_bind_interdomain op = {.remote_dom = domid, .remote_port = 1 + draw(8)};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, at(area()));
}

static long use_port(u16 domid)
{
    static const u32 ops[] = {EVTCHNOP_send, EVTCHNOP_close, EVTCHNOP_unmask, EVTCHNOP_send};
    const u32 port = 1 + draw(16);

    (void)domid;
    put(area(), &port, sizeof(port));
    return call(__HYPERVISOR_event_channel_op, ops[draw(4)], at(area()));
}

/* Pages that nothing else of this test uses. */
static long fifo(u16 domid)
{
    const u64 g = at(0x100000 + draw(4) * PAGE_SIZE) >> PAGE_SHIFT;
    const struct evtchn_init_control control = {
        .control_gfn = g, .offset = draw(8) * 128, .vcpu = draw(THREADS)};
    const struct evtchn_set_priority priority = {.port = 1 + draw(16), .priority = draw(16)};

    (void)domid;
    switch (draw(3)) {
    case 0:
        put(area(), &control, sizeof(control));
        return call(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control, at(area()));
    case 1:
        put(area(), &g, sizeof(g));
        return call(__HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, at(area()));
    default:
        put(area(), &priority, sizeof(priority));
        return call(__HYPERVISOR_event_channel_op, EVTCHNOP_set_priority, at(area()));
    }
}

static long place_grant(u16 domid)
{
    const struct xen_add_to_physmap op = {
        .domid = domid, .space = XENMAPSPACE_grant_table, .idx = draw(6), .gpfn = 0x300 + draw(8)};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, at(area()));
}

/* --- grants. Their pages and frames are touched by these calls only --- */

#define ENTRIES        8u
#define TABLE_GFN(i)   (0x1100u + (i)) /* of domain 0: the guests' tables */
#define GRANTED_GFN(i) (0x1200u + (i)) /* where grants are mapped, in domain 0 and in guests */

/* What guests' memory is read and written by at the same time is the guests' affair. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:grant_copy\n"
           "race:sched_kick_to_choose\n"; /* a flag of another CPU, set because guest_maps() makes its vCPU run */
}

static long acquire(u16 domid)
{
    const u64 g = TABLE_GFN(domid);
    const struct xen_mem_acquire_resource op = {.domid = domid,
                                                .type = XENMEM_resource_grant_table,
                                                .nr_frames = 1,
                                                .frame = draw(2),
                                                .frame_list = at(array())};
    const struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = g};

    put(array(), &g, sizeof(g));
    if (draw(3)) {
        put(area(), &op, sizeof(op));
        return call(__HYPERVISOR_memory_op, XENMEM_acquire_resource, at(area()));
    }
    put(area(), &remove, sizeof(remove));
    return call(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, at(area()));
}

/* As the guest does, while Homestead looks at them: entries to domain 0 and to each other. */
static long write_entries(u16 domid)
{
    long rc = -ENOENT;

    for (u32 i = 0; i < ENTRIES; i++) {
        const u64 to = draw(2) ? 0 : draw(1 + GUESTS), frame = draw(16) ? draw(64) : draw(0x800);
        const u64 entry = (draw(16) ? GTF_permit_access : draw(64)) | to << 16 | frame << 32;

        spin_lock(&dom0->physmap.lock);
        u64 *table = physmap_frame(dom0, (u64)TABLE_GFN(domid) << PAGE_SHIFT, true);
        if (table) {
            __atomic_store_n(&table[i], entry, __ATOMIC_SEQ_CST);
            rc = 0;
        }
        spin_unlock(&dom0->physmap.lock);
    }
    return rc;
}

static long map_grant(u16 domid)
{
    struct gnttab_map_grant_ref op = {.host_addr = (u64)GRANTED_GFN(draw(32)) << PAGE_SHIFT,
                                      .flags = GNTMAP_host_map | (draw(2) ? GNTMAP_readonly : 0),
                                      .ref = draw(ENTRIES),
                                      .dom = domid};

    for (u32 i = 0; i < 4; i++, op.ref = draw(ENTRIES)) {
        put(area(), &op, sizeof(op));
        hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, at(area()), 1);
        get(area(), &op, sizeof(op));
        if (op.status == GNTST_okay)
            break;
    }
    return op.status;
}

/* All that there may be, one of several times in one batch. */
static long unmap_grants(u16 domid)
{
    static _Thread_local struct gnttab_unmap_grant_ref ops[20];
    u32 good = 0;

    (void)domid;
    for (u32 round = 0; round < 8; round++) {
        for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
            ops[i] = (struct gnttab_unmap_grant_ref){.host_addr = (u64)GRANTED_GFN(draw(32)) << PAGE_SHIFT,
                                                     .handle = draw(32)};
        put(array(), ops, sizeof(ops));
        hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, at(array()), ARRAY_SIZE(ops));
        get(array(), ops, sizeof(ops));
        for (u32 i = 0; i < ARRAY_SIZE(ops); i++)
            good += ops[i].status == GNTST_okay;
    }
    return good ? 0 : -ENOENT;
}

static long copy_grant(u16 domid)
{
    const u64 own = (area() + 8 * PAGE_SIZE + GUEST_BASE) >> PAGE_SHIFT;
    struct gnttab_copy op = {.source = {.u.gmfn = own, .domid = DOMID_SELF},
                             .dest = {.u.ref = draw(ENTRIES), .domid = domid},
                             .len = 8,
                             .flags = GNTCOPY_dest_gref};

    put(area(), &op, sizeof(op));
    hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_copy, at(area()), 1);
    get(area(), &op, sizeof(op));
    return op.status;
}

/* A guest's vCPU in a hypercall: its domain's end waits for that. */
static bool enter(struct vcpu *v, bool in)
{
    spinlock_t *lock = sched_lock(v);
    bool may = !in || (!v->running && !domain_is_dying(v->domain));

    if (may)
        __atomic_store_n(&v->running, in, __ATOMIC_RELAXED);
    spin_unlock(lock);
    return may;
}

/* Guests map and unmap each other's grants, and domain 0's end of a guest ends its mappings. */
static long guest_maps(u16 domid)
{
    struct domain *d = domain_get(domid);
    long rc = -ESRCH;

    if (!d)
        return rc;
    u32 id = here->id; /* each thread has its own vCPU of every guest */
    if (domain_nr_vcpus(d) > id && enter(d->vcpu[id], true)) {
        struct gnttab_unmap_grant_ref unmap = {.host_addr = (u64)GRANTED_GFN(draw(32)) << PAGE_SHIFT,
                                               .handle = draw(16)};
        struct gnttab_map_grant_ref op = {.host_addr = (u64)GRANTED_GFN(draw(32)) << PAGE_SHIFT,
                                          .flags = GNTMAP_host_map,
                                          .ref = draw(ENTRIES),
                                          .dom = (domid_t)(1 + draw(GUESTS))};

        for (u32 i = 0; i < 4; i++, op.ref = draw(ENTRIES)) {
            grant_map(d, &op);
            if (op.status == GNTST_okay)
                break;
        }
        grant_unmap(d, &unmap, draw(2));
        rc = op.status;
        BUG_ON(!enter(d->vcpu[id], false));
    }
    domain_put(d);
    return rc;
}

static long reset_ports(u16 domid)
{
    const struct evtchn_reset op = {.dom = draw(4) ? domid : DOMID_SELF};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, at(area()));
}

static long port_status(u16 domid)
{
    const struct evtchn_status op = {.dom = domid, .port = 1 + draw(8)};

    put(area(), &op, sizeof(op));
    return call(__HYPERVISOR_event_channel_op, EVTCHNOP_status, at(area()));
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
    create,       max_vcpus,   max_mem,       grow,       grow,          decrease,    increase,
    map_foreign,  unmap,       claim,         info,       get_claims,    context,     vcpu_info,
    pause_or_not, pool,        affinity,      alloc_port, bind_port,     use_port,    reset_ports,
    port_status,  shared_info, touch_window,  destroy,    create_any,    from_inside, alloc_port,
    pin,          fifo,        place_grant,   acquire,    write_entries, map_grant,   unmap_grants,
    copy_grant,   guest_maps,  write_entries, map_grant,  mark,          mark,        pod_target,
};
_Static_assert(ARRAY_SIZE(calls) <= ARRAY_SIZE(ok_by_call), "counted");

static u32 seed = 1;

static void *dom0_vcpu(void *arg)
{
    here = arg;
    here->current = dom0->vcpu[here->id];
    rng_seed(&rng, seed + here->id * 7919);
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

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc > 1)
        seed = (u32)strtoul(argv[1], NULL, 0);
    if (argc > 2)
        calls_each = (u32)strtoul(argv[2], NULL, 0);
    machine_make(&(struct test_config){.nodes = 2, .cpus = THREADS, .domains = 1, .vcpus = THREADS});
    report_errors = true;
    yield_every = 5;
    on_last_unlock = gap;
    on_clear = slow_clear;
    for (u32 i = 0; i < THREADS; i++)
        must(pthread_create(&threads[i], NULL, dom0_vcpu, &cpu_on[i]) == 0);
    for (u32 i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    machine_unmake();
    u32 nr_done = 0, nr_ok = 0;
    for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
        if (argc > 1)
            printf("call %2u: %6u, %6u did something\n", i, done_by_call[i], ok_by_call[i]);
        nr_done += done_by_call[i];
        nr_ok += ok_by_call[i];
    }
    must(nr_ok > nr_done / 5); /* they did something */
    printf("hypercall_test: seed %u, %u calls by each of %u vCPUs\n", seed, calls_each, THREADS);
    return 0;
}

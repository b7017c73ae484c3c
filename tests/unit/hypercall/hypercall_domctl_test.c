/* domctl: the first checks, createdomain's refusals, life, pools, and what getdomaininfo says. */
#include "calls.h"

#include <xen/sched.h>

#define DOMCTL __HYPERVISOR_domctl

CALL_TEST(domctl_first_checks)
{
    const struct xen_domctl old = {.cmd = XEN_DOMCTL_getdomaininfo, .interface_version = 0x14, .domain = 1};
    struct xen_domctl back;

    assert_int_equal(hypercall(DOMCTL, PUT(ARG, old), 0, 0), -EACCES);
    GET(ARG, back);
    assert_memory_equal(&back, &old, sizeof(old));
    assert_int_equal(hypercall(DOMCTL, GUEST_BASE - 8, 0, 0), -EFAULT);
    assert_int_equal(hypercall(DOMCTL, at(GUEST_BYTES - 100), 0, 0), -EFAULT);
    assert_int_equal(domctl(9999, 1), -ENOSYS);
    assert_int_equal(domctl(9999, 77), -ESRCH);
    assert_int_equal(domctl(XEN_DOMCTL_max_mem, DOMID_SELF), -ESRCH);
    call_from(1);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), -EPERM);
    assert_int_equal(hypercall(DOMCTL, 0, 0, 0), -EPERM);
}

CALL_TEST(getdomaininfo_finds_the_next)
{
    new_domain(40, 1);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 2), 0);
    assert_int_equal(op.domain, 2);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 3), 0);
    assert_int_equal(op.domain, 40);
    assert_int_equal(op.u.getdomaininfo.domain, 40);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 41), -ESRCH);
    assert_int_equal(op.domain, 41);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, DOMID_SELF), -EINVAL);
}

static u32 flags_of(u16 domid)
{
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, domid), 0);
    return op.u.getdomaininfo.flags;
}

CALL_TEST(getdomaininfo_flags)
{
    struct domain *d;

    assert_int_equal(try_create(3, 2, &d), 0);
    caller->running = true;
    assert_int_equal(flags_of(0), 0xFFFF0122);
    caller->running = false;
    assert_int_equal(flags_of(3), 0xFFFF010A);
    assert_int_equal(op.u.getdomaininfo.max_vcpu_id, XEN_INVALID_MAX_VCPU_ID);
    assert_int_equal(flags_of(1), 0xFFFF0102);
    assert_int_equal(op.u.getdomaininfo.max_vcpu_id, 1);
    vcpu_online(dom(1)->vcpu[1]);
    vcpu_block(dom(1)->vcpu[1]);
    assert_int_equal(flags_of(1), 0xFFFF0112);
    domain_shutdown(dom(1), 0);
    assert_int_equal(flags_of(1), 0x00000116);
    domain_shutdown(dom(2), 255); /* a code like others */
    assert_int_equal(flags_of(2), 0x00FF0106);
    domain_shutdown(d, 3);
    yield_every = 1;
    assert_int_equal(domain_kill(d), -ERESTART);
    assert_int_equal(flags_of(3), 0x0003010F);
}

/* --- createdomain --- */

static void good_config(void)
{
    memset(&op, 0, sizeof(op));
    op.u.createdomain = (struct xen_domctl_createdomain){.flags = 3,
                                                         .max_vcpus = 1,
                                                         .max_evtchn_port = 1023,
                                                         .max_grant_frames = 64,
                                                         .max_maptrack_frames = 1024,
                                                         .grant_opts = 1,
                                                         .arch = {.emulation_flags = 1}};
}

#define create(domid) domctl(XEN_DOMCTL_createdomain, domid)

/* The good configuration with one field changed. */
#define CREATE(field, value, error) \
    do { \
        good_config(); \
        op.u.createdomain.field = (value); \
        assert_int_equal(create(0), (error)); \
        if (error) \
            assert_int_equal(op.domain, 0); \
        else \
            assert_int_equal(domctl(XEN_DOMCTL_destroydomain, op.domain), 0); \
    } while (0)

CALL_TEST(create_gives_ids)
{
    good_config();
    op.u.createdomain.handle[3] = 0x5a;
    assert_int_equal(create(0xffff), 0);
    u16 first = op.domain;
    assert_true(first > 2 && first < DOMID_FIRST_RESERVED);
    assert_int_equal(dom(first)->events.max_port, 1023);
    assert_false(dom(first)->is_control);
    assert_int_equal(flags_of(first) & XEN_DOMINF_paused, XEN_DOMINF_paused);
    assert_int_equal(op.u.getdomaininfo.arch_config.emulation_flags, 1);
    assert_int_equal(op.u.getdomaininfo.handle[3], 0x5a);
    op.u.setdomainhandle.handle[3] = 0x77;
    assert_int_equal(domctl(XEN_DOMCTL_setdomainhandle, first), 0);
    assert_int_equal(dom(first)->handle[3], 0x77);
    /* A failed attempt uses up an id. */
    CREATE(flags, 0x103, -EINVAL);
    good_config();
    assert_int_equal(create(0), 0);
    assert_int_equal(op.domain, first + 2);
    good_config();
    assert_int_equal(create(500), 0);
    assert_int_equal(op.domain, 500);
    good_config();
    op.u.createdomain.max_vcpus = 0; /* the id is looked at first */
    assert_int_equal(create(500), -EEXIST);
    assert_int_equal(create(501), -EINVAL);
}

CALL_TEST(create_refusals)
{
    CREATE(arch.emulation_flags, 0, -EOPNOTSUPP);
    CREATE(arch.emulation_flags, 0x401, -EOPNOTSUPP);
    CREATE(arch.emulation_flags, 0x801, -EINVAL);
    CREATE(flags, 1, -EOPNOTSUPP); /* no nested paging */
    CREATE(flags, 0, -EOPNOTSUPP); /* PV */
    CREATE(flags, 2, -EINVAL);
    CREATE(flags, 0x103, -EINVAL);
    CREATE(flags, 3 | XEN_DOMCTL_CDF_nested_virt, -EINVAL);
    CREATE(flags, 3 | XEN_DOMCTL_CDF_vpmu, -EINVAL);
    CREATE(max_vcpus, 0, -EINVAL);
    CREATE(max_vcpus, 129, -EINVAL);
    CREATE(grant_opts, 0, -EINVAL);
    CREATE(grant_opts, 3, -EINVAL);
    CREATE(grant_opts, 0x11, -EINVAL);
    CREATE(max_grant_frames, 0, -EINVAL);
    CREATE(max_grant_frames, 65, -EINVAL);
    CREATE(max_maptrack_frames, 1025, -EINVAL);
    CREATE(iommu_opts, 1, -EINVAL);
    CREATE(vmtrace_size, 4096, -EINVAL);
    CREATE(arch.misc_flags, 2, -EINVAL);
    CREATE(cpupool_id, 7, -ESRCH);
    CREATE(cpupool_id, ~0u, -ESRCH);
    CREATE(arch.emulation_flags, 0x1ff, -EOPNOTSUPP);
    CREATE(max_vcpus, 128, 0);
    CREATE(max_evtchn_port, 0, 0);
    CREATE(flags, 3 | XEN_DOMCTL_CDF_iommu, 0);
    CREATE(arch.emulation_flags, 0x3ff, 0);
    CREATE(max_grant_frames, -1, 0);
    assert_int_equal(claim_install_legacy(&dom(1)->mem, free_pages()), 0);
    CREATE(max_vcpus, 1, -ENOMEM);
}

CALL_TEST(create_that_cannot_be_told_is_undone)
{
    good_config();
    op.cmd = XEN_DOMCTL_createdomain;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = 7;
    PUT(ARG, op);
    write_protect(ARG);
    yield_every = 1; /* however many steps that takes */
    assert_int_equal(hypercall(DOMCTL, at(ARG), 0, 0), -EFAULT);
    assert_false(exists(7));
}

/* --- life --- */

CALL_TEST(pause_counts)
{
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 0), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, 1), -EINVAL);
    for (u32 i = 0; i < 255; i++)
        assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 1), 0);
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 1), -EOVERFLOW);
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, 1), 0);
    assert_int_equal(dom(1)->pause_count, 254);
}

CALL_TEST(destroy_is_continued)
{
    populate(dom(1), 0, ORDER_2M);
    yield_every = 1;
    assert_int_equal(domctl(XEN_DOMCTL_destroydomain, 1), 0);
    assert_true(restarts > 1);
    assert_false(exists(1));
    assert_int_equal(domctl(XEN_DOMCTL_destroydomain, 1), -ESRCH);
    assert_int_equal(domctl(XEN_DOMCTL_destroydomain, 0), -EINVAL);
}

CALL_TEST(vcpus_and_memory)
{
    struct domain *d;
    struct {
        u32 cmd, vcpu;
        u16 domid;
        long rc;
    } calls[] = {
        {XEN_DOMCTL_getvcpuinfo, 1, 3, -ESRCH},
        {XEN_DOMCTL_getvcpuinfo, 2, 3, -EINVAL},
        {XEN_DOMCTL_setvcpucontext, 0, 0, -EINVAL},
        {XEN_DOMCTL_setvcpucontext, 0, 3, -EINVAL},
        {XEN_DOMCTL_max_vcpus, 3, 3, -EINVAL},
        {XEN_DOMCTL_max_vcpus, 2, 0, -EINVAL},
        {XEN_DOMCTL_max_vcpus, 2, 3, 0},
        {XEN_DOMCTL_getvcpuinfo, 2, 3, -EINVAL},
        {XEN_DOMCTL_setvcpucontext, 2, 3, -EINVAL},
        {XEN_DOMCTL_setvcpucontext, 1, 3, -EOPNOTSUPP},
        {XEN_DOMCTL_settimeoffset, 0, 3, 0},
        {XEN_DOMCTL_getvcpuinfo, 1, 3, 0},
    };

    assert_int_equal(try_create(3, 2, &d), 0);
    for_each_row (i, calls) {
        op.u.getvcpuinfo.vcpu = calls[i].vcpu; /* comes first in the arguments of all */
        assert_int_equal(domctl(calls[i].cmd, calls[i].domid), calls[i].rc);
    }
    assert_int_equal(op.u.getvcpuinfo.online, 0);
    vcpu_online(d->vcpu[1]);
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 3), 0);
    assert_int_equal(op.u.getvcpuinfo.online, 1);
    op.u.max_mem.max_memkb = 4099;
    assert_int_equal(domctl(XEN_DOMCTL_max_mem, 3), 0);
    assert_int_equal(d->mem.max_pages, 1024);
}

static long set_pool(u64 bytes)
{
    op.u.paging_mempool.size = bytes;
    return domctl(XEN_DOMCTL_set_paging_mempool_size, 1);
}

static void claim_the_rest(void)
{
    on_yield_ask = NULL;
    assert_int_equal(claim_install_legacy(&dom(2)->mem, free_pages()), 0);
}

CALL_TEST(paging_pool)
{
    struct physmap *p = &dom(1)->physmap;

    assert_int_equal(domctl(XEN_DOMCTL_get_paging_mempool_size, 1), 0);
    assert_int_equal(op.u.paging_mempool.size, 0x100000);
    yield_every = 1;
    assert_int_equal(set_pool(32 << 20), 0);
    assert_int_equal(restarts, 7);
    assert_int_equal(p->pool_pages, 8192);
    assert_int_equal(set_pool(4 << 20), 0);
    assert_int_equal(p->pool_pages, 1024);
    assert_int_equal(set_pool(4097), -EINVAL);
    assert_int_equal(set_pool(1ull << 45), -EINVAL);
    assert_int_equal(set_pool(1ull << 42), -ENOMEM); /* the host has less: none of it is taken */
    assert_int_equal(restarts, 0);
    assert_int_equal(p->pool_pages, 1024);
    yield_every = 0;
    assert_int_equal(set_pool((free_pages() + 1024) << PAGE_SHIFT), 0);
    assert_int_equal(free_pages(), 0);
    assert_int_equal(set_pool(4 << 20), 0);
    on_yield_ask = claim_the_rest; /* in the middle there is no more: back to where it was */
    assert_int_equal(set_pool(32 << 20), -ENOMEM);
    assert_null(on_yield_ask);
    assert_int_equal(p->pool_pages, 1024);
    populate(dom(2), 0, 0);
    assert_int_equal(claim_install_legacy(&dom(2)->mem, 0), 0);
    populate(dom(1), 0, 0);
    assert_int_equal(set_pool((p->pool_used - 1) << PAGE_SHIFT), -ENOMEM);
}

/* The older form, in MiB. */
CALL_TEST(shadow_allocation)
{
    struct xen_domctl_shadow_op *shadow = &op.u.shadow_op;
    struct domain *d;

    assert_int_equal(try_create(3, 2, &d), 0);
    *shadow = (struct xen_domctl_shadow_op){.op = XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION};
    assert_int_equal(domctl(XEN_DOMCTL_shadow_op, 3), -EINVAL); /* no vCPUs */
    assert_int_equal(physmap_set_pool(dom(1), 257), 0);
    assert_int_equal(domctl(XEN_DOMCTL_shadow_op, 1), 0);
    assert_int_equal(shadow->mb, 2);
    *shadow = (struct xen_domctl_shadow_op){.op = XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, .mb = 3};
    assert_int_equal(domctl(XEN_DOMCTL_shadow_op, 1), 0);
    assert_int_equal(dom(1)->physmap.pool_pages, 768);
    shadow->op = XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION + 1000;
    assert_int_equal(domctl(XEN_DOMCTL_shadow_op, 1), -EINVAL);
}

CALL_TEST(tsc_is_told_again)
{
    const struct {
        u32 mode, khz, incarnation;
        long rc;
        u32 got_mode, got_incarnation;
        u64 got_khz;
    } calls
        [] =
            {
                {0, 0, 6, 0, 0, 7, tsc_khz},
                {2, 1000, 0, 0, 2, 1, 0}, /* never emulated: whatever frequency is said */
                {1, 0, 5, -EOPNOTSUPP, 2, 1, 0},
                {0, 1000, 5, -EOPNOTSUPP, 2, 1, 0},
                {3, 0, 5, -EINVAL, 2, 1, 0},
            };
    const struct xen_domctl_tsc_info *info = &op.u.tsc_info;

    for_each_row (i, calls) {
        op.u.tsc_info = (struct xen_domctl_tsc_info){
            .tsc_mode = calls[i].mode, .gtsc_khz = calls[i].khz, .incarnation = calls[i].incarnation};
        assert_int_equal(domctl(XEN_DOMCTL_settscinfo, 1), calls[i].rc);
        assert_int_equal(domctl(XEN_DOMCTL_gettscinfo, 1), 0);
        assert_int_equal(info->tsc_mode, calls[i].got_mode);
        assert_int_equal(info->gtsc_khz, calls[i].got_khz);
        assert_int_equal(info->elapsed_nsec, calls[i].got_khz ? now_ns : 0);
        assert_int_equal(info->incarnation, calls[i].got_incarnation);
    }
    assert_int_equal(domctl(XEN_DOMCTL_gettscinfo, 0), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_settscinfo, 0), -EINVAL);
}

static long scheduler(u32 id, u32 cmd, u16 weight, u16 cap)
{
    op.u.scheduler_op = (struct xen_domctl_scheduler_op){
        .sched_id = id, .cmd = cmd, .u.credit2 = {.weight = weight, .cap = cap}};
    return domctl(XEN_DOMCTL_scheduler_op, 1);
}

static void params_are(u16 weight, u16 cap)
{
    assert_int_equal(scheduler(XEN_SCHEDULER_CREDIT2, XEN_DOMCTL_SCHEDOP_getinfo, 1, 1), 0);
    assert_int_equal(op.u.scheduler_op.u.credit2.weight, weight);
    assert_int_equal(op.u.scheduler_op.u.credit2.cap, cap);
}

CALL_TEST(weights_and_caps)
{
    enum { ID = XEN_SCHEDULER_CREDIT2, PUT_INFO = XEN_DOMCTL_SCHEDOP_putinfo };

    params_are(256, 0);
    assert_int_equal(scheduler(ID, PUT_INFO, 65535, 200), 0); /* of two vCPUs */
    params_are(65535, 200);
    assert_int_equal(scheduler(ID, PUT_INFO, 1, 201), -EINVAL);
    params_are(65535, 200);
    assert_int_equal(scheduler(ID, PUT_INFO, 0, 50), 0);
    params_are(65535, 50);
    assert_int_equal(scheduler(ID, PUT_INFO, 256, 0), 0);
    params_are(256, 0);
    assert_int_equal(scheduler(5, PUT_INFO, 512, 0), -EINVAL);
    assert_int_equal(scheduler(5, XEN_DOMCTL_SCHEDOP_getinfo, 0, 0), -EINVAL);
    for (u32 cmd = XEN_DOMCTL_SCHEDOP_putvcpuinfo; cmd < 6; cmd++)
        assert_int_equal(scheduler(ID, cmd, 512, 0), -EINVAL);
    params_are(256, 0);
}

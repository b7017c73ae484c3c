/* domctl: versions, createdomain's refusals, life, affinities, pools, and what getdomaininfo says. */
#include "hypercall_harness.h"

#define DOMCTL __HYPERVISOR_domctl

static struct xen_domctl op;

static long domctl(u32 cmd, u16 domid)
{
    op.cmd = cmd;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    op.domain = domid;
    long rc = hypercall(DOMCTL, PUT(0x100, op), 0, 0);
    GET(0x100, op);
    return rc;
}

TEST(first_checks)
{
    op = (struct xen_domctl){.cmd = XEN_DOMCTL_getdomaininfo, .interface_version = 0x14, .domain = 1};
    assert_int_equal(hypercall(DOMCTL, PUT(0, op), 0, 0), -EACCES);
    assert_memory_equal(guest, &op, sizeof(op));
    assert_int_equal(hypercall(DOMCTL, GUEST_BASE - 8, 0, 0), -EFAULT);
    assert_int_equal(hypercall(DOMCTL, at(GUEST_BYTES - 100), 0, 0), -EFAULT);
    assert_int_equal(domctl(9999, 1), -ENOSYS);
    assert_int_equal(domctl(9999, 77), -ESRCH);
    assert_int_equal(domctl(XEN_DOMCTL_max_mem, DOMID_SELF), -ESRCH);
    caller.domain = domains[1];
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), -EPERM);
    assert_int_equal(hypercall(DOMCTL, 0, 0, 0), -EPERM);
}

TEST(getdomaininfo_finds_the_next)
{
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 2), 0);
    assert_int_equal(op.domain, 2);
    domains[1]->id = 40;
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 3), 0);
    assert_int_equal(op.domain, 40);
    assert_int_equal(op.u.getdomaininfo.domain, 40);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 41), -ESRCH);
    assert_int_equal(op.domain, 41);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, DOMID_SELF), -EINVAL);
}

TEST(getdomaininfo_flags)
{
    caller.running = true;
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 0), 0);
    assert_int_equal(op.u.getdomaininfo.flags, 0xFFFF0122);
    domains[1]->pause_count = 1;
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.u.getdomaininfo.flags, 0xFFFF010A);
    assert_int_equal(op.u.getdomaininfo.max_vcpu_id, XEN_INVALID_MAX_VCPU_ID);
    domains[1]->pause_count = 0;
    domains[1]->shut_down = true;
    domains[1]->shutdown_code = 0;
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.u.getdomaininfo.flags, 0x00000106);
    domains[1]->shutdown_code = 255; /* a code like others */
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.u.getdomaininfo.flags, 0x00FF0106);
    domains[1]->dying = true;
    domains[1]->shutdown_code = 3;
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, 1), 0);
    assert_int_equal(op.u.getdomaininfo.flags, 0x00030107);
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

static long create(u16 domid)
{
    return domctl(XEN_DOMCTL_createdomain, domid);
}

#define REFUSED(field, value, error) \
    do { \
        good_config(); \
        op.u.createdomain.field = (value); \
        assert_int_equal(create(0), (error)); \
        assert_int_equal(op.domain, 0); \
    } while (0)
#define ACCEPTED(field, value) \
    do { \
        good_config(); \
        op.u.createdomain.field = (value); \
        assert_int_equal(create(0), 0); \
        free(domains[3]); \
        domains[3] = NULL; \
    } while (0)

TEST(create_gives_ids)
{
    good_config();
    op.u.createdomain.handle[3] = 0x5a;
    assert_int_equal(create(0xffff), 0);
    u16 first = op.domain;
    assert_true(first > 2 && first < DOMID_FIRST_RESERVED);
    assert_int_equal(created.max_evtchn_port, 1023);
    assert_int_equal(created.handle[3], 0x5a);
    assert_false(created.is_control);
    assert_int_equal(domctl(XEN_DOMCTL_getdomaininfo, first), 0);
    assert_int_equal(op.u.getdomaininfo.arch_config.emulation_flags, 1);
    /* A failed attempt uses up an id. */
    REFUSED(flags, 0x103, -EINVAL);
    good_config();
    assert_int_equal(create(0), 0);
    assert_int_equal(op.domain, first + 2);
    good_config();
    assert_int_equal(create(500), 0);
    assert_int_equal(op.domain, 500);
    good_config();
    op.u.createdomain.max_vcpus = 0; /* the id is looked at first */
    assert_int_equal(create(500), -EEXIST);
    good_config();
    op.u.createdomain.max_grant_frames = 0;
    assert_int_equal(create(501), -EINVAL);
}

TEST(create_refusals)
{
    REFUSED(arch.emulation_flags, 0, -EOPNOTSUPP);
    REFUSED(arch.emulation_flags, 0x401, -EOPNOTSUPP);
    REFUSED(arch.emulation_flags, 0x801, -EINVAL);
    REFUSED(flags, 1, -EOPNOTSUPP); /* no nested paging */
    REFUSED(flags, 0, -EOPNOTSUPP); /* PV */
    REFUSED(flags, 2, -EINVAL);
    REFUSED(flags, 0x103, -EINVAL);
    REFUSED(flags, 3 | XEN_DOMCTL_CDF_nested_virt, -EINVAL);
    REFUSED(flags, 3 | XEN_DOMCTL_CDF_vpmu, -EINVAL);
    REFUSED(max_vcpus, 0, -EINVAL);
    REFUSED(max_vcpus, 129, -EINVAL);
    REFUSED(grant_opts, 0, -EINVAL);
    REFUSED(grant_opts, 3, -EINVAL);
    REFUSED(grant_opts, 0x11, -EINVAL);
    REFUSED(max_grant_frames, 0, -EINVAL);
    REFUSED(max_grant_frames, 65, -EINVAL);
    REFUSED(max_maptrack_frames, 1025, -EINVAL);
    REFUSED(iommu_opts, 1, -EINVAL);
    REFUSED(vmtrace_size, 4096, -EINVAL);
    REFUSED(arch.misc_flags, 2, -EINVAL);
    REFUSED(cpupool_id, 7, -ESRCH);
    REFUSED(cpupool_id, ~0u, -ESRCH);
    REFUSED(arch.emulation_flags, 0x1ff, -EOPNOTSUPP);
    ACCEPTED(max_vcpus, 128);
    ACCEPTED(max_evtchn_port, 0);
    ACCEPTED(flags, 3 | XEN_DOMCTL_CDF_iommu);
    ACCEPTED(arch.emulation_flags, 0x3ff);
    ACCEPTED(max_grant_frames, -1);
    create_result = -ENOMEM;
    REFUSED(max_vcpus, 1, -ENOMEM);
}

TEST(create_that_cannot_be_told_is_undone)
{
    good_config();
    op.cmd = XEN_DOMCTL_createdomain;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    readonly_page = 0;
    forget_walks();
    kills_needed = 3;
    assert_int_equal(hypercall(DOMCTL, PUT(0x100, op), 0, 0), -EFAULT);
    assert_true(domains[3]->dying);
}

/* --- life --- */

TEST(pause_counts)
{
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 0), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, 1), -EINVAL);
    for (u32 i = 0; i < 255; i++)
        assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 1), 0);
    assert_int_equal(domctl(XEN_DOMCTL_pausedomain, 1), -EOVERFLOW);
    assert_int_equal(domctl(XEN_DOMCTL_unpausedomain, 1), 0);
    assert_int_equal(domains[1]->pause_count, 254);
}

TEST(destroy_is_continued)
{
    kills_needed = 5;
    assert_int_equal(domctl(XEN_DOMCTL_destroydomain, 1), 0);
    assert_int_equal(restarts, 5);
    assert_int_equal(domctl(XEN_DOMCTL_destroydomain, 0), -EINVAL);
}

TEST(vcpus_and_memory)
{
    op.u.max_vcpus.max = 3;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, 1), -EINVAL);
    op.u.getvcpuinfo.vcpu = 1;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 1), -ESRCH);
    op.u.max_vcpus.max = 2;
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, 1), 0);
    assert_int_equal(domctl(XEN_DOMCTL_max_vcpus, 0), -EINVAL);
    op.u.getvcpuinfo.vcpu = 2;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 1), -EINVAL);
    op.u.getvcpuinfo.vcpu = 1;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuinfo, 1), 0);
    assert_int_equal(op.u.getvcpuinfo.online, 0);
    op.u.max_mem.max_memkb = 4099;
    assert_int_equal(domctl(XEN_DOMCTL_max_mem, 1), 0);
    assert_int_equal(domains[1]->mem.max_pages, 1024);
}

TEST(paging_pool)
{
    struct domain *d = domains[1];

    assert_int_equal(domctl(XEN_DOMCTL_get_paging_mempool_size, 1), 0);
    assert_int_equal(op.u.paging_mempool.size, 0x100000);
    yield_every = 1;
    op.u.paging_mempool.size = 32 << 20;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), 0);
    assert_int_equal(restarts, 7);
    assert_int_equal(d->physmap.pool_pages, 8192);
    op.u.paging_mempool.size = 4 << 20;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), 0);
    assert_int_equal(d->physmap.pool_pages, 1024);
    yield_every = 0;
    op.u.paging_mempool.size = 4097;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), -EINVAL);
    op.u.paging_mempool.size = 1ull << 45;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), -EINVAL);
    pool_limit = 5000;
    op.u.paging_mempool.size = 32 << 20;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), -ENOMEM);
    assert_int_equal(d->physmap.pool_pages, 1024);
    /* More than the host has: refused before any of it is taken. */
    pool_limit = ~0ull;
    yield_every = 1;
    op.u.paging_mempool.size = 1ull << 42;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), -ENOMEM);
    assert_int_equal(d->physmap.pool_pages, 1024);
    yield_every = 0;
    op.u.paging_mempool.size = (host_info().free_pages + 1024) << 12;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), 0);
    d->physmap.pool_pages = 1024;
    d->physmap.pool_used = 9;
    op.u.paging_mempool.size = 8 << 12;
    assert_int_equal(domctl(XEN_DOMCTL_set_paging_mempool_size, 1), -ENOMEM);
    op.u.shadow_op = (struct xen_domctl_shadow_op){.op = XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION};
    assert_int_equal(domctl(XEN_DOMCTL_shadow_op, 1), -EINVAL);
}

static long set_tsc(u32 mode, u32 khz, u32 incarnation)
{
    op.u.tsc_info =
        (struct xen_domctl_tsc_info){.tsc_mode = mode, .gtsc_khz = khz, .incarnation = incarnation};
    return domctl(XEN_DOMCTL_settscinfo, 1);
}

TEST(tsc_is_told_again)
{
    assert_int_equal(set_tsc(0, 0, 6), 0);
    assert_int_equal(domctl(XEN_DOMCTL_gettscinfo, 1), 0);
    assert_int_equal(op.u.tsc_info.tsc_mode, 0);
    assert_int_equal(op.u.tsc_info.gtsc_khz, tsc_khz);
    assert_int_equal(op.u.tsc_info.incarnation, 7);
    assert_int_equal(set_tsc(2, 1000, 0), 0); /* never emulated: whatever frequency is said */
    assert_int_equal(set_tsc(1, 0, 5), -EOPNOTSUPP);
    assert_int_equal(set_tsc(0, 1000, 5), -EOPNOTSUPP);
    assert_int_equal(set_tsc(3, 0, 5), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_gettscinfo, 1), 0);
    assert_int_equal(op.u.tsc_info.tsc_mode, 2);
    assert_int_equal(op.u.tsc_info.gtsc_khz, 0);
    assert_int_equal(op.u.tsc_info.elapsed_nsec, 0);
    assert_int_equal(op.u.tsc_info.incarnation, 1);
    assert_int_equal(domctl(XEN_DOMCTL_gettscinfo, 0), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_settscinfo, 0), -EINVAL);
}

TEST(vcpu_contexts)
{
    op.u.vcpucontext = (struct xen_domctl_vcpucontext){.vcpu = 0};
    assert_int_equal(domctl(XEN_DOMCTL_setvcpucontext, 0), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_setvcpucontext, 1), -EINVAL); /* no vCPUs yet */
    domain_alloc_vcpus(domains[1], 2);
    op.u.vcpucontext.vcpu = 2;
    assert_int_equal(domctl(XEN_DOMCTL_setvcpucontext, 1), -EINVAL);
    op.u.vcpucontext.vcpu = 1;
    assert_int_equal(domctl(XEN_DOMCTL_setvcpucontext, 1), -EOPNOTSUPP);
}

TEST(node_affinity)
{
    u8 map[8] = {2};

    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){PUT(0x800, map), 64};
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 1), 0);
    assert_int_equal(domains[1]->mem.affinity, 2);
    memset(guest + 0x800, 0xee, 32);
    op.u.nodeaffinity.nodemap.nr_bits = 128;
    assert_int_equal(domctl(XEN_DOMCTL_getnodeaffinity, 1), 0);
    assert_int_equal(guest[0x800], 2);
    for (u32 i = 1; i < 16; i++)
        assert_int_equal(guest[0x800 + i], 0);
    assert_int_equal(guest[0x810], 0xee);
    map[0] = 8; /* no such node */
    PUT(0x800, map);
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 1), -EINVAL);
    assert_int_equal(domains[1]->mem.affinity, 2);
    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){at(0x800), 2}; /* bit 3 is beyond what is given */
    map[0] = 9;
    PUT(0x800, map);
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 1), 0);
    assert_int_equal(domains[1]->mem.affinity, 1);
    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){GUEST_BASE - 1, 64};
    assert_int_equal(domctl(XEN_DOMCTL_setnodeaffinity, 1), -EFAULT);
    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){at(0x800), ~0u}; /* would be 512 MiB of zeroes */
    assert_int_equal(domctl(XEN_DOMCTL_getnodeaffinity, 1), -EINVAL);
    assert_int_equal(domctl(XEN_DOMCTL_getnodeaffinity, 2), -EINVAL);
    op.u.nodeaffinity.nodemap.nr_bits = 8;
    assert_int_equal(domctl(XEN_DOMCTL_getnodeaffinity, 2), 0);
    assert_int_equal(guest[0x800], 7);
}

TEST(vcpu_affinity)
{
    u8 map[2] = {1, 0};
    struct xen_domctl_vcpuaffinity *aff = &op.u.vcpuaffinity;

    domain_alloc_vcpus(domains[1], 2);
    *aff = (struct xen_domctl_vcpuaffinity){.vcpu = 2, .flags = 1};
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL);
    aff->vcpu = 1;
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL); /* no map */
    aff->cpumap_hard = (struct xenctl_bitmap){PUT(0x800, map), 8};
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), 0);
    assert_int_equal(other_vcpus[1].hard_affinity[0], 1);
    map[0] = 2; /* no such CPU */
    PUT(0x800, map);
    assert_int_equal(domctl(XEN_DOMCTL_setvcpuaffinity, 1), -EINVAL);
    assert_int_equal(other_vcpus[1].hard_affinity[0], 1);
    aff->flags = 0;
    assert_int_equal(domctl(XEN_DOMCTL_getvcpuaffinity, 1), -EINVAL);
}

FIXTURE(machine_setup, machine_teardown)

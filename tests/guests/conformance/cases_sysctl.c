/*
 * sysctl: facts about the host. The figures depend on the machine, so only relations between them are
 * printed, and how much of an array was written.
 */
#include <tests/guests/conformance/conformance.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define ROOM 64u
#define MARK 0x5a

static u8 array[ROOM * sizeof(xc_domaininfo_t)];
static u32 nodes, cpus; /* of this machine */

static struct xen_sysctl op_of(u32 cmd)
{
    struct xen_sysctl op;

    memset(&op, MARK, sizeof(op));
    op.cmd = cmd;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return op;
}

static void clear(void)
{
    memset(array, MARK, sizeof(array));
}

/* Bytes of the array up to the last one that a call has changed. */
static u32 written(void)
{
    for (u32 i = sizeof(array); i; i--) {
        if (array[i - 1] != MARK)
            return i;
    }
    return 0;
}

/* --- the call itself --- */

static void commands(void)
{
    static const u32 unknown[] = {0, 7777, 0x7fffffff, 0xffffffff, 15, 31, 32};
    struct xen_sysctl op;
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(unknown); i++) {
        op = op_of(unknown[i]);
        snprintf(name, sizeof(name), "unknown_%x", unknown[i]);
        CASE_SHOW("sysctl", name, sysctl(&op), " same=%u", op.cmd == unknown[i]);
    }
    for (u32 version = XEN_SYSCTL_INTERFACE_VERSION - 1; version < XEN_SYSCTL_INTERFACE_VERSION + 3;
         version += 2) {
        op = op_of(XEN_SYSCTL_physinfo);
        op.interface_version = version;
        snprintf(name, sizeof(name), "version_%x", version);
        CASE_SHOW("sysctl", name, sysctl(&op), " version=%x", op.interface_version);
        op = op_of(7777);
        op.interface_version = version;
        snprintf(name, sizeof(name), "unknown_and_version_%x", version);
        CASE("sysctl", name, sysctl(&op));
    }
    CASE("sysctl", "not_mapped", hypercall1(__HYPERVISOR_sysctl, (u64)(uintptr_t)bad_ptr()));
    CASE("sysctl", "no_memory", hypercall1(__HYPERVISOR_sysctl, (u64)(uintptr_t)hole_ptr()));
    struct xen_sysctl *at = edge_ptr(sizeof(op));
    *at = op_of(XEN_SYSCTL_sched_id);
    CASE("sysctl", "to_the_edge", sysctl(at));
    at = edge_ptr(sizeof(op) - 1);
    at->cmd = XEN_SYSCTL_sched_id;
    at->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    CASE("sysctl", "one_byte_over", hypercall1(__HYPERVISOR_sysctl, (u64)(uintptr_t)at));
    op = op_of(XEN_SYSCTL_sched_id);
    CASE_SHOW("sysctl.sched_id", "known", sysctl(&op), " below_16=%u", op.u.sched_id.sched_id < 16);
}

static void physinfo(void)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_physinfo);
    const struct xen_sysctl_physinfo *p = &op.u.physinfo;

    long rc = sysctl(&op);
    nodes = p->nr_nodes;
    cpus = p->nr_cpus;
    CASE_SHOW("sysctl.physinfo", "cpus", rc, " threads=%u some=%u last=%u khz=%u", p->threads_per_core,
              p->nr_cpus != 0 && p->cores_per_socket != 0, p->nr_cpus <= p->max_cpu_id + 1, p->cpu_khz != 0);
    CASE_SHOW("sysctl.physinfo", "nodes", rc, " some=%u last=%u", p->nr_nodes != 0,
              p->nr_nodes <= p->max_node_id + 1);
    CASE_SHOW("sysctl.physinfo", "memory", rc, " free_in_total=%u claims_in_free=%u scrub=%llu max_mfn=%u",
              p->free_pages <= p->total_pages, p->outstanding_pages <= p->free_pages,
              (unsigned long long)p->scrub_pages, p->max_mfn + 1 >= p->total_pages);
    for (u32 bit = 0; bit < 10; bit++) {
        char name[32];

        snprintf(name, sizeof(name), "capability_%u", bit);
        CASE_SHOW("sysctl.physinfo", name, rc, " set=%u", p->capabilities >> bit & 1);
    }
    CASE_SHOW("sysctl.physinfo", "no_unknown_capabilities", rc, " unknown=%x", p->capabilities & ~0x3ffu);
    CASE_SHOW("sysctl.physinfo", "hw_cap", rc, " fpu=%u long_mode=%u svm_or_vmx=%u", p->hw_cap[0] & 1,
              p->hw_cap[2] >> 29 & 1, (p->hw_cap[3] >> 2 & 1) | (p->hw_cap[1] >> 5 & 1));
}

static void check_topology(void)
{
    const xen_sysctl_cputopo_t *topo = (const void *)array;
    bool in_nodes = true, in_cores = true;
    struct xen_sysctl op = op_of(XEN_SYSCTL_cputopoinfo);

    clear();
    op.u.cputopoinfo.num_cpus = cpus;
    op.u.cputopoinfo.cputopo = XEN_HANDLE(array);
    long rc = sysctl(&op);
    for (u32 i = 0; i < cpus; i++) {
        in_nodes = in_nodes && topo[i].node < nodes;
        in_cores = in_cores && topo[i].core < cpus && topo[i].socket <= cpus;
    }
    CASE_SHOW("sysctl.cputopoinfo", "values", rc, " nodes=%u cores=%u", in_nodes, in_cores);
}

/* Room for `given` elements; prints the returned number relative to the machine's. */
static void cputopo(const char *name, u32 given, void *at)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_cputopoinfo);

    clear();
    op.u.cputopoinfo.num_cpus = given;
    op.u.cputopoinfo.cputopo = XEN_HANDLE(at);
    CASE_SHOW("sysctl.cputopoinfo", name, sysctl(&op), " all=%u as_given=%u complete=%u nothing=%u",
              op.u.cputopoinfo.num_cpus == cpus, op.u.cputopoinfo.num_cpus == given,
              written() == cpus * sizeof(xen_sysctl_cputopo_t), written() == 0);
}

static void cputopoinfo(void)
{
    cputopo("null_none", 0, NULL);
    cputopo("null_too_many", 999, NULL);
    cputopo("none", 0, array);
    cputopo("one", 1, array);
    cputopo("one_too_few", cpus - 1, array);
    cputopo("exact", cpus, array);
    cputopo("one_too_many", cpus + 1, array);
    cputopo("huge", 0xffffffff, array);
    cputopo("not_mapped", cpus, bad_ptr());
    cputopo("no_memory", cpus, hole_ptr());
    cputopo("to_the_edge", cpus, edge_ptr(cpus * sizeof(xen_sysctl_cputopo_t)));
    cputopo("one_byte_over", cpus, edge_ptr(cpus * sizeof(xen_sysctl_cputopo_t) - 1));
    cputopo("none_not_mapped", 0, bad_ptr());
    check_topology();
}

/* Distances come behind the memory in the array. */
static void numa(const char *name, u32 given, void *mem, void *dist)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_numainfo);

    clear();
    op.u.numainfo.num_nodes = given;
    op.u.numainfo.meminfo = XEN_HANDLE(mem);
    op.u.numainfo.distance = XEN_HANDLE(dist);
    CASE_SHOW("sysctl.numainfo", name, sysctl(&op), " all=%u as_given=%u mem=%u dist=%u",
              op.u.numainfo.num_nodes == nodes, op.u.numainfo.num_nodes == given,
              written() == nodes * sizeof(xen_sysctl_meminfo_t), written() == nodes * nodes * sizeof(u32));
}

static void numa_values(void)
{
    static xen_sysctl_meminfo_t mem[ROOM];
    static u32 dist[ROOM * ROOM];
    struct xen_sysctl op = op_of(XEN_SYSCTL_numainfo), phys = op_of(XEN_SYSCTL_physinfo);
    u64 size = 0, free = 0;
    bool fits = true, local = true, remote = true;

    op.u.numainfo.num_nodes = ROOM;
    op.u.numainfo.meminfo = XEN_HANDLE(mem);
    op.u.numainfo.distance = XEN_HANDLE(dist);
    long rc = sysctl(&op);
    sysctl(&phys);
    for (u32 from = 0; from < nodes; from++) {
        size += mem[from].memsize;
        free += mem[from].memfree;
        fits = fits && mem[from].memfree <= mem[from].memsize;
        for (u32 to = 0; to < nodes; to++) {
            u32 distance = dist[from * nodes + to];

            local = local && (from != to || distance == 10);
            remote = remote && (from == to || distance > 10);
        }
    }
    CASE_SHOW("sysctl.numainfo", "values", rc,
              " free_in_size=%u sum_of_free=%u sum_of_sizes=%u local=%u remote=%u", fits,
              free >> PAGE_SHIFT == phys.u.physinfo.free_pages,
              size >> PAGE_SHIFT >= phys.u.physinfo.total_pages, local, remote);
}

static void numainfo(void)
{
    numa("null_none", 0, NULL, NULL);
    numa("null_too_many", 999, NULL, NULL);
    numa("no_room", 0, array, NULL);
    numa("memory_exact", nodes, array, NULL);
    numa("memory_too_many", nodes + 1, array, NULL);
    numa("memory_huge", 0xffffffff, array, NULL);
    numa("distances_exact", nodes, NULL, array);
    numa("distances_too_many", nodes + 1, NULL, array);
    numa("memory_not_mapped", nodes, bad_ptr(), NULL);
    numa("distances_not_mapped", nodes, NULL, bad_ptr());
    numa("memory_no_memory", nodes, hole_ptr(), NULL);
    numa("memory_to_the_edge", nodes, edge_ptr(nodes * sizeof(xen_sysctl_meminfo_t)), NULL);
    numa("memory_one_byte_over", nodes, edge_ptr(nodes * sizeof(xen_sysctl_meminfo_t) - 1), NULL);
    numa("distances_one_byte_over", nodes, NULL, edge_ptr(nodes * nodes * sizeof(u32) - 1));
    numa("no_room_not_mapped", 0, bad_ptr(), bad_ptr());
    numa_values();
}

static long heap(u32 min, u32 max, s32 node, u64 *bytes)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_availheap);

    op.u.availheap.min_bitwidth = min;
    op.u.availheap.max_bitwidth = max;
    op.u.availheap.node = node;
    long rc = sysctl(&op);
    *bytes = op.u.availheap.avail_bytes;
    return rc;
}

static void availheap(void)
{
    static const struct {
        const char *name;
        u32 min, max;
        s32 node;
    } cases[] = {
        {"any", 0, 0, -1},        {"all_bits", 0, 64, -1},    {"more_bits", 0, 65, -1},
        {"from_page", 12, 0, -1}, {"52_bits", 0, 52, -1},     {"node_0", 0, 0, 0},
        {"node_999", 0, 0, 999},  {"node_minus_2", 0, 0, -2}, {"node_2_to_31", 0, 0, -0x7fffffff - 1},
    };
    struct xen_sysctl phys = op_of(XEN_SYSCTL_physinfo);
    u64 sum = 0, bytes;

    sysctl(&phys);
    for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
        CASE_SHOW("sysctl.availheap", cases[i].name, heap(cases[i].min, cases[i].max, cases[i].node, &bytes),
                  " none=%u all=%u", bytes == 0, bytes == phys.u.physinfo.free_pages << PAGE_SHIFT);
    for (u32 node = 0; node < nodes; node++) {
        heap(0, 0, (s32)node, &bytes);
        sum += bytes;
    }
    CASE_SHOW("sysctl.availheap", "sum_of_nodes", heap(0, 0, -1, &bytes), " same=%u", sum == bytes);
    CASE_SHOW("sysctl.availheap", "one_node_too_far", heap(0, 0, (s32)nodes, &bytes), " bytes=%llu",
              (unsigned long long)bytes);
}

static void domains(const char *name, u32 first, u32 max, void *at)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_getdomaininfolist);
    const xc_domaininfo_t *info = (const void *)array;

    clear();
    op.u.getdomaininfolist.first_domain = (domid_t)first;
    op.u.getdomaininfolist.max_domains = max;
    op.u.getdomaininfolist.buffer = XEN_HANDLE(at);
    long rc = sysctl(&op);
    bool ours = op.u.getdomaininfolist.num_domains == 0x5a5a5a5a;
    CASE_SHOW("sysctl.getdomaininfolist", name, rc, " nr=%d elements=%u self_first=%u",
              ours ? -1 : (int)op.u.getdomaininfolist.num_domains,
              (u32)((written() + sizeof(*info) - 1) / sizeof(*info)), written() && info->domain == 0);
}

static void getdomaininfolist(void)
{
    u32 a = domain_new(16), b = domain_new(16);

    domains("all", 0, ROOM, array);
    domains("window_of_0", 0, 0, array);
    domains("window_of_1", 0, 1, array);
    domains("window_of_2", 0, 2, array);
    domains("exact", 0, 3, array);
    domains("from_1", 1, ROOM, array);
    domains("from_the_second", b, ROOM, array);
    domains("from_the_first_1", a, 1, array);
    domains("behind_the_last", b + 1, ROOM, array);
    domains("from_7fef", 0x7fef, ROOM, array);
    domains("from_self", DOMID_SELF, ROOM, array);
    domains("from_ffff", 0xffff, ROOM, array);
    domains("huge_window", 0, 0xffffffff, array);
    domains("not_mapped", 0, ROOM, bad_ptr());
    domains("no_memory", 0, ROOM, hole_ptr());
    domains("null_window_of_0", 0, 0, NULL);
    domains("not_mapped_behind_the_last", b + 1, ROOM, bad_ptr());
    domains("second_does_not_fit", 0, ROOM, edge_ptr(sizeof(xc_domaininfo_t)));
    domains("one_fits", 0, 1, edge_ptr(sizeof(xc_domaininfo_t)));
    domain_end(a);
    domains("one_ended", 0, ROOM, array);
    domain_end(b);
    domains("both_ended", 0, ROOM, array);
}

/* --- CPU pools: one, with everything in it --- */

static long pool_op(struct xen_sysctl *op, u32 sub, u32 pool, u32 arg)
{
    *op = op_of(XEN_SYSCTL_cpupool_op);
    clear();
    op->u.cpupool_op = (struct xen_sysctl_cpupool_op){.op = sub,
                                                      .cpupool_id = pool,
                                                      .sched_id = XEN_SCHEDULER_CREDIT2,
                                                      .domid = arg,
                                                      .cpu = arg,
                                                      .n_dom = 77};
    op->u.cpupool_op.cpumap = (struct xenctl_bitmap){.bitmap = XEN_HANDLE(array), .nr_bits = 20};
    return sysctl(op);
}

static void pool_info(const char *name, u32 sub, u32 pool, u8 *map, u32 bits)
{
    struct xen_sysctl op = op_of(XEN_SYSCTL_cpupool_op);
    const struct xen_sysctl_cpupool_op *p = &op.u.cpupool_op;

    clear();
    op.u.cpupool_op = (struct xen_sysctl_cpupool_op){
        .op = sub, .cpupool_id = pool, .sched_id = 77, .domid = 77, .n_dom = 77};
    op.u.cpupool_op.cpumap = (struct xenctl_bitmap){.bitmap = XEN_HANDLE(map), .nr_bits = bits};
    long rc = sysctl(&op);
    CASE_SHOW("sysctl.cpupool_op", name, rc, " pool=%d sched_known=%u n_dom=%u map=%x written=%u",
              (int)p->cpupool_id, p->sched_id < 16, p->n_dom, array[0], written());
}

static void cpupools(void)
{
    static const struct {
        const char *name;
        u32 sub, pool, arg; /* a CPU or a domain */
    } refused[] = {
        {"create_pool_0", XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 0},
        {"destroy_pool_0", XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0, 0},
        {"destroy_pool_1", XEN_SYSCTL_CPUPOOL_OP_DESTROY, 1, 0},
        {"add_cpu_0_to_0", XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 0},
        {"add_cpu_1_to_9", XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 9, 1},
        {"add_cpu_4095", XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 4095},
        {"add_any_cpu", XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, XEN_SYSCTL_CPUPOOL_PAR_ANY},
        {"remove_cpu_0", XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 0},
        {"remove_cpu_4095", XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 4095},
        {"remove_from_9", XEN_SYSCTL_CPUPOOL_OP_RMCPU, 9, 1},
        {"move_domain_0", XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0},
        {"move_no_domain", XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0x7fef},
        {"move_domain_65536", XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 0x10000},
        {"op_0", 0, 0, 0},
        {"op_8", 8, 0, 0},
        {"op_all_ones", 0xffffffff, 0, 0},
    };
    struct xen_sysctl op;

    for (u32 i = 0; i < ARRAY_SIZE(refused); i++)
        CASE("sysctl.cpupool_op", refused[i].name,
             pool_op(&op, refused[i].sub, refused[i].pool, refused[i].arg));
    u32 domid = domain_new(16);
    CASE("sysctl.cpupool_op", "move_to_its_own", pool_op(&op, XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, domid));
    CASE("sysctl.cpupool_op", "move_to_9", pool_op(&op, XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 9, domid));
    pool_info("info_2_domains", XEN_SYSCTL_CPUPOOL_OP_INFO, 0, array, 20);
    domain_end(domid);
    pool_info("info", XEN_SYSCTL_CPUPOOL_OP_INFO, 0, array, 20);
    pool_info("info_1_bit", XEN_SYSCTL_CPUPOOL_OP_INFO, 0, array, 1);
    pool_info("info_0_bits", XEN_SYSCTL_CPUPOOL_OP_INFO, 0, array, 0);
    pool_info("info_null", XEN_SYSCTL_CPUPOOL_OP_INFO, 0, NULL, 0);
    pool_info("info_bad_map", XEN_SYSCTL_CPUPOOL_OP_INFO, 0, bad_ptr(), 20);
    pool_info("info_above_0", XEN_SYSCTL_CPUPOOL_OP_INFO, 1, array, 20);
    pool_info("info_any", XEN_SYSCTL_CPUPOOL_OP_INFO, XEN_SYSCTL_CPUPOOL_PAR_ANY, array, 20);
    pool_info("free", XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 5, array, 20);
    pool_info("free_bad_map", XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0, bad_ptr(), 20);
    /* Xen does what follows; it is taken back. */
    long rc = pool_op(&op, XEN_SYSCTL_CPUPOOL_OP_CREATE, XEN_SYSCTL_CPUPOOL_PAR_ANY, 0);
    CASE("sysctl.cpupool_op", "create_any", rc);
    if (!rc)
        pool_op(&op, XEN_SYSCTL_CPUPOOL_OP_DESTROY, op.u.cpupool_op.cpupool_id, 0);
    if (cpus > 1) {
        rc = pool_op(&op, XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 1);
        CASE("sysctl.cpupool_op", "remove_cpu_1", rc);
        if (!rc)
            pool_op(&op, XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 1);
    }
}

void cases_sysctl(void)
{
    commands();
    physinfo();
    cputopoinfo();
    numainfo();
    availheap();
    getdomaininfolist();
    cpupools();
}

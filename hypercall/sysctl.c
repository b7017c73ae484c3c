/*
 * __HYPERVISOR_sysctl: facts about the host, for the control domain (dispatch table). First checks as in
 * domctl.c. page_offline_op, and Homestead's own three (include/xen/sysctl.h), which show what docs/hypervisor-guide/mm/claims.md
 * section 7 promises, are about memory.
 *
 * Nodes and CPUs are numbered without gaps. Where Homestead does not know more, a node is shown as one socket
 * and its CPUs as the cores of it.
 *
 * lint: long: one short function for each of eleven commands.
 */
#include <arch/x86/cpu/msr.h>
#include <homestead/init.h>
#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/smp.h>
#include <arch/x86/cpu/time.h>
#include <homestead/topology.h>
#include <hypercall/bitmap.h>
#include <hypercall/cpu_policy.h>
#include <hypercall/domctl.h>
#include <hypercall/memory_op.h>
#include <hypercall/sysctl.h>
#include <lib/string.h>
#include <mm/node.h>
#include <mm/mm.h>

#define ALL_NODES      (-1)
#define SLIT_NO_PATH   255u
#define CPUID_EXTENDED 0x80000000u

/* Xen's feature array: CPUID 1 EDX ECX, 0x80000001 EDX ECX, 0xd.1 EAX, 7 EBX ECX, 0x80000007 EDX. */
static INIT void fill_hw_cap(u32 cap[8])
{
    u32 max = cpuid(0, 0).eax, max_extended = cpuid(CPUID_EXTENDED, 0).eax;

    cap[0] = cpuid(1, 0).edx;
    cap[1] = cpuid(1, 0).ecx;
    if (max_extended >= CPUID_EXTENDED + 1) {
        cap[2] = cpuid(CPUID_EXTENDED + 1, 0).edx;
        cap[3] = cpuid(CPUID_EXTENDED + 1, 0).ecx;
    }
    if (max >= 0xd)
        cap[4] = cpuid(0xd, 1).eax;
    if (max >= 7) {
        cap[5] = cpuid(7, 0).ebx;
        cap[6] = cpuid(7, 0).ecx;
    }
    if (max_extended >= CPUID_EXTENDED + 7)
        cap[7] = cpuid(CPUID_EXTENDED + 7, 0).edx;
}

/* Position of a CPU among those of its node that run. */
static u32 core_of(u32 cpu)
{
    u32 core = 0;

    for (u32 i = 0; i < cpu; i++)
        core += cpus[i] && host_topology->cpus[i].nid == host_topology->cpus[cpu].nid;
    return core;
}

static struct xen_sysctl_physinfo machine; /* [I] what does not change while domains run */

INIT void sysctl_init(void)
{
    machine = (struct xen_sysctl_physinfo){
        .threads_per_core = 1,
        .max_cpu_id = host_topology->nr_cpus - 1,
        .nr_nodes = mm_nr_nodes(),
        .max_node_id = MAX_NODES - 1,
        .cpu_khz = (u32)tsc_khz,
        .capabilities = XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_hap | XEN_SYSCTL_PHYSCAP_gnttab_v1,
        .max_mfn = memop_max_page() - 1,
    };
    for_each_cpu (cpu) {
        machine.cores_per_socket = MAX(machine.cores_per_socket, core_of(cpu) + 1);
        machine.nr_cpus++;
    }
    fill_hw_cap(machine.hw_cap);
}

/* claims.md CL-7.2. */
static long physinfo(struct sysctl *ctl)
{
    struct xen_sysctl_physinfo *info = &ctl->op.u.physinfo;
    struct mm_host_info mem;

    mm_host_get_info(&mem);
    *info = machine;
    info->total_pages = mem.total_pages;
    /* Memory that waits for scrubbing is in free_pages: it can be had at any time. As in Xen 4.17 scrub_pages
     * is 0, so that tools that add the two get the right sum. */
    info->free_pages = mem.free_pages;
    info->outstanding_pages = mem.outstanding_pages;
    return 0;
}

static long getdomaininfolist(struct sysctl *ctl)
{
    struct xen_sysctl_getdomaininfolist *op = &ctl->op.u.getdomaininfolist;
    struct xen_domctl_getdomaininfo info;
    u32 next = op->first_domain, nr = 0;

    /* At most as many rounds as there are domains, each short. */
    while (nr < op->max_domains && next <= DOMID_MAX) {
        struct domain *d = domain_get_next((u16)next);

        if (!d)
            break;
        domctl_fill_info(d, &info);
        next = d->id + 1u;
        domain_put(d);
        int rc = copy_to_guest_element(ctl->c->v, op->buffer, nr, &info, sizeof(info));
        if (rc)
            return rc;
        nr++;
    }
    op->num_domains = nr;
    return 0;
}

/* Free memory of one node or all. Address limits: only those that all of the host's memory meets. */
static long availheap(struct sysctl *ctl)
{
    struct xen_sysctl_availheap *op = &ctl->op.u.availheap;
    u32 bits = op->max_bitwidth;
    u64 pages = 0;

    if (op->min_bitwidth > PAGE_SHIFT ||
        (bits && bits < 64 && (bits <= PAGE_SHIFT || memop_max_page() > BIT(bits - PAGE_SHIFT))))
        return -EOPNOTSUPP;
    if (op->node == ALL_NODES) {
        struct mm_host_info host;

        mm_host_get_info(&host);
        pages = host.free_pages;
    } else if (op->node >= 0 && (u32)op->node < mm_nr_nodes()) {
        struct mm_node_info node;

        mm_node_get_info((nodeid_t)op->node, &node);
        pages = node.free_pages;
    }
    op->avail_bytes = pages << PAGE_SHIFT;
    return 0;
}

/* With an array: as many entries as fit; without: the number of CPUs. */
static long cputopoinfo(struct sysctl *ctl)
{
    struct xen_sysctl_cputopoinfo *op = &ctl->op.u.cputopoinfo;
    /* The machine's, in use or not: nr_cpus of physinfo counts those that are up. */
    u32 nr = host_topology->nr_cpus;

    if (op->cputopo)
        nr = MIN(nr, op->num_cpus);
    for (u32 cpu = 0; op->cputopo && cpu < nr; cpu++) {
        nodeid_t nid = host_topology->cpus[cpu].nid;
        const struct xen_sysctl_cputopo up = {.core = core_of(cpu), .socket = nid, .node = nid};
        const struct xen_sysctl_cputopo down = {
            .core = XEN_INVALID_CORE_ID, .socket = XEN_INVALID_SOCKET_ID, .node = XEN_INVALID_NODE_ID};
        const struct xen_sysctl_cputopo topo = cpus[cpu] ? up : down;

        int rc = copy_to_guest_element(ctl->c->v, op->cputopo, cpu, &topo, sizeof(topo));
        if (rc)
            return rc;
    }
    op->num_cpus = nr;
    return 0;
}

static int copy_distances(struct sysctl *ctl, u32 from, u32 nr)
{
    u32 row[MAX_NODES];

    for (u32 to = 0; to < nr; to++) {
        u8 distance = host_topology->distance[from][to];

        row[to] = distance == SLIT_NO_PATH ? XEN_INVALID_NODE_DIST : distance;
    }
    u64 offset = (u64)from * nr * sizeof(row[0]);
    return copy_to_guest(ctl->c->v, ctl->op.u.numainfo.distance + offset, row, nr * sizeof(row[0]));
}

static long numainfo(struct sysctl *ctl)
{
    struct xen_sysctl_numainfo *op = &ctl->op.u.numainfo;
    u32 nr = mm_nr_nodes();
    int rc = 0;

    if (op->meminfo || op->distance)
        nr = MIN(nr, op->num_nodes);
    for (u32 nid = 0; nid < nr && !rc; nid++) {
        if (op->meminfo) {
            struct mm_node_info node;

            mm_node_get_info(nid, &node);
            const struct xen_sysctl_meminfo info = {.memsize = node.size_pages << PAGE_SHIFT,
                                                    .memfree = node.free_pages << PAGE_SHIFT};
            rc = copy_to_guest_element(ctl->c->v, op->meminfo, nid, &info, sizeof(info));
        }
        if (op->distance && !rc)
            rc = copy_distances(ctl, nid, nr);
    }
    op->num_nodes = nr;
    return rc;
}

static u32 nr_domains(void)
{
    u32 nr = 0;
    struct domain *d;

    for (u32 next = 0; next <= DOMID_MAX && (d = domain_get_next((u16)next)); nr++) {
        next = d->id + 1u;
        domain_put(d);
    }
    return nr;
}

static long cpupool_info(struct sysctl *ctl)
{
    struct xen_sysctl_cpupool_op *op = &ctl->op.u.cpupool_op;
    u64 words[MAX_CPUS / 64] = {0};

    for_each_cpu (cpu)
        words[cpu / 64] |= BIT(cpu % 64);
    op->sched_id = XEN_SCHEDULER_CREDIT2;
    op->n_dom = nr_domains();
    return bitmap_to_guest(ctl->c->v, &op->cpumap, words, host_topology->nr_cpus);
}

static long cpupool_move(u16 domid, u32 pool)
{
    struct domain *d = domid == 0 ? NULL : domain_get(domid);

    if (!d)
        return domid == 0 ? -EPERM : -ESRCH; /* the caller itself is not moved */
    domain_put(d);
    return pool == 0 ? 0 : -ENOENT; /* where it is already */
}

/* There is one pool, number 0, with all CPUs and all domains. What would change that gets Xen's error for
 * such a host, or -EOPNOTSUPP where Xen would do it. */
static long cpupool_op(struct sysctl *ctl)
{
    const struct xen_sysctl_cpupool_op *op = &ctl->op.u.cpupool_op;
    static const u64 none[MAX_CPUS / 64];

    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return op->cpupool_id == 0 ? -EEXIST : -EOPNOTSUPP;
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
        return op->cpupool_id == 0 ? -EBUSY : -ENOENT;
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return op->cpupool_id == 0 ? cpupool_info(ctl) : -ENOENT;
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
        if (op->cpu >= host_topology->nr_cpus && op->cpu != XEN_SYSCTL_CPUPOOL_PAR_ANY)
            return -EINVAL;
        return op->cpupool_id == 0 ? -ENODEV : -ENOENT; /* none is free */
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        if (op->cpupool_id != 0)
            return -ENOENT;
        return op->cpu == 0 || op->cpu >= host_topology->nr_cpus ? -EINVAL : -EOPNOTSUPP;
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return cpupool_move((u16)op->domid, op->cpupool_id);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return bitmap_to_guest(ctl->c->v, &op->cpumap, none, host_topology->nr_cpus);
    default:
        return -ENOSYS;
    }
}

/* One call's work: each frame may cost a look at every domain with claims. */
#define OFFLINE_MAX 512u

static int offline_one(u32 cmd, u64 frame, u32 *status)
{
    if (frame >= memop_max_page())
        return -EINVAL;
    int rc = cmd == sysctl_page_offline  ? mm_offline_page(mfn(frame), status)
             : cmd == sysctl_page_online ? mm_online_page(mfn(frame), status)
                                         : mm_query_page(mfn(frame), status);
    /* A hole below the end of memory is a status, not an error, as on Xen. */
    return rc == -EINVAL && *status & PG_OFFLINE_NOT_CONV_RAM ? 0 : rc;
}

/*
 * -EINVAL: the range or the command, or a frame beyond the end of memory; -E2BIG: more than 512 frames;
 * -EFAULT: nothing was done, unless the array of results went away meanwhile.
 * claims.md CL-6.1.
 */
static long page_offline_op(struct sysctl *ctl)
{
    const struct xen_sysctl_page_offline_op *op = &ctl->op.u.page_offline;
    u32 status[OFFLINE_MAX];
    int rc = 0;

    if (op->end < op->start || op->cmd < sysctl_page_offline || op->cmd > sysctl_query_page_offline)
        return -EINVAL;
    u64 nr = (u64)op->end - op->start + 1;
    if (nr > OFFLINE_MAX)
        return -E2BIG;
    for (u32 i = 0; i < OFFLINE_MAX; i++)
        status[i] = PG_OFFLINE_INVALID;
    /* Written once before the work, which cannot be undone if the status cannot be returned. */
    if (copy_to_guest(ctl->c->v, op->status, status, nr * sizeof(status[0])))
        return -EFAULT;
    for (u32 i = 0; i < nr && !rc; i++)
        rc = offline_one(op->cmd, (u64)op->start + i, &status[i]);
    mm_report_recalls();
    return copy_to_guest(ctl->c->v, op->status, status, nr * sizeof(status[0])) ? -EFAULT : rc;
}

/* claims.md CL-7.4, CL-7.5, CL-7.10. */
static void fill_node(nodeid_t nid, struct xen_homestead_node_memory *out)
{
    struct mm_node_info info;
    struct node_counts counts;

    mm_node_get_info(nid, &info);
    node_get_counts(nid, &counts);
    *out = (struct xen_homestead_node_memory){
        .size_pages = info.size_pages,
        .free_pages = info.free_pages,
        .claimed_pages = info.claimed_pages,
        .dirty_pages = info.dirty_pages,
        .offline_pages = counts.offline_pages,
        .free_2m = counts.free_2m,
        .free_1g = counts.free_1g,
        .reserved_2m = counts.kept_2m,
        .reserved_1g = counts.kept_1g,
    };
}

/* claims.md CL-7.8 to CL-7.10. */
static long node_memory(struct sysctl *ctl)
{
    struct xen_sysctl_homestead_node_memory *op = &ctl->op.u.node_memory;
    u32 nr = op->nodes ? MIN(op->num_nodes, mm_nr_nodes()) : mm_nr_nodes();
    struct xen_homestead_node_memory node;
    struct mm_host_info host;

    if (op->pad)
        return -EINVAL;
    for (nodeid_t nid = 0; nid < nr && op->nodes; nid++) {
        fill_node(nid, &node);
        int rc = copy_to_guest_element(ctl->c->v, op->nodes, nid, &node, sizeof(node));
        if (rc)
            return rc;
    }
    mm_host_get_info(&host);
    op->num_nodes = nr;
    op->free_pages = host.free_pages;
    op->outstanding_pages = host.outstanding_pages;
    op->host_claimed_pages = host.host_claimed_pages;
    return 0;
}

/* claims.md CL-7.8. */
static int copy_domain_nodes(struct sysctl *ctl, const struct claim_view *view, u32 nr)
{
    for (u32 nid = 0; nid < nr; nid++) {
        const struct xen_homestead_domain_node node = {.own_pages = view->node[nid].own,
                                                       .claim_pages = view->node[nid].claim,
                                                       .claim_extents = view->node[nid].units,
                                                       .claim_order = view->node[nid].order};
        int rc = copy_to_guest_element(ctl->c->v, ctl->op.u.domain_memory.nodes, nid, &node, sizeof(node));
        if (rc)
            return rc;
    }
    return 0;
}

/* claims.md CL-7.9, CL-7.11. */
static long domain_memory(struct sysctl *ctl)
{
    struct xen_sysctl_homestead_domain_memory *op = &ctl->op.u.domain_memory;
    u32 nr = op->nodes ? MIN(op->num_nodes, mm_nr_nodes()) : mm_nr_nodes();
    struct claim_view view;

    if (op->pad || op->pad2)
        return -EINVAL;
    int rc = hypercall_target(ctl->c, op->domid);
    if (rc)
        return rc;
    claim_get_view(&ctl->c->target->mem, &view);
    rc = op->nodes ? copy_domain_nodes(ctl, &view, nr) : 0;
    if (rc)
        return rc;
    op->num_nodes = nr;
    op->tot_pages = view.tot;
    op->max_pages = view.max;
    op->overhead_pages = view.overhead;
    op->host_claim_pages = view.host_claim;
    op->outstanding_pages = view.outstanding;
    op->broken_pages = view.broken_pages;
    op->broken_extents = view.broken_units;
    op->claim_flags = view.flags;
    return 0;
}

/* claims.md CL-7.9, CL-7.12. */
static long refusals(struct sysctl *ctl)
{
    struct refusal_counts counts;
    struct refusal last;

    refusal_get(&counts, &last);
    struct xen_homestead_refusals out = {
        .nr_claims = counts.claims,
        .nr_allocs = counts.allocs,
        .kind = last.kind,
        .domid = last.domid,
        .nr_holders = (u16)last.nr_holders,
        .node = last.node == NODE_NONE ? XEN_INVALID_NODE_ID : last.node,
        .order = last.order,
        .pages = last.pages,
        .free_pages = last.free_pages,
        .claimed_pages = last.claimed_pages,
    };
    for (u32 i = 0; i < last.nr_holders; i++) {
        out.holder[i].domid = last.holder[i].domid;
        out.holder[i].node_pages = last.holder[i].node_pages;
        out.holder[i].host_pages = last.holder[i].host_pages;
    }
    return copy_to_guest(ctl->c->v, ctl->op.u.refusals.buffer, &out, sizeof(out));
}

_Static_assert(XEN_HOMESTEAD_REFUSAL_none == (int)REFUSAL_NONE &&
                   XEN_HOMESTEAD_REFUSAL_claim == (int)REFUSAL_CLAIM &&
                   XEN_HOMESTEAD_REFUSAL_alloc == (int)REFUSAL_ALLOC,
               "mm/ has the ABI's kinds under its own names");
_Static_assert(XEN_HOMESTEAD_HOLDERS == REFUSAL_HOLDERS && XEN_HOMESTEAD_NO_DOMAIN == REFUSAL_NOBODY,
               "and sizes");

static long run(struct sysctl *ctl)
{
    switch (ctl->op.cmd) {
    case XEN_SYSCTL_readconsole:
        return sysctl_readconsole(ctl);
    case XEN_SYSCTL_debug_keys:
        return sysctl_debug_keys(ctl);
    case XEN_SYSCTL_getcpuinfo:
        return sysctl_getcpuinfo(ctl);
    case XEN_SYSCTL_scheduler_op:
        return sysctl_scheduler_op(ctl);
    case XEN_SYSCTL_get_pmstat:
    case XEN_SYSCTL_psr_cmt_op:
    case XEN_SYSCTL_psr_alloc:
        return sysctl_no_device(ctl);
    case XEN_SYSCTL_pcitopoinfo:
        return sysctl_pcitopoinfo(ctl);
    case XEN_SYSCTL_physinfo:
        return physinfo(ctl);
    case XEN_SYSCTL_sched_id:
        ctl->op.u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2; /* whose parameters a domain has */
        return 0;
    case XEN_SYSCTL_getdomaininfolist:
        return getdomaininfolist(ctl);
    case XEN_SYSCTL_availheap:
        return availheap(ctl);
    case XEN_SYSCTL_cputopoinfo:
        return cputopoinfo(ctl);
    case XEN_SYSCTL_numainfo:
        return numainfo(ctl);
    case XEN_SYSCTL_cpupool_op:
        return cpupool_op(ctl);
    case XEN_SYSCTL_get_cpu_featureset:
        return sysctl_get_cpu_featureset(ctl->c, &ctl->op.u.cpu_featureset, &ctl->copy_back);
    case XEN_SYSCTL_get_cpu_policy:
        return sysctl_get_cpu_policy(ctl->c, &ctl->op.u.cpu_policy, &ctl->copy_back);
    case XEN_SYSCTL_page_offline_op:
        return page_offline_op(ctl);
    case XEN_SYSCTL_homestead_node_memory:
        return node_memory(ctl);
    case XEN_SYSCTL_homestead_domain_memory:
        return domain_memory(ctl);
    case XEN_SYSCTL_homestead_refusals:
        return refusals(ctl);
    default:
        return -ENOSYS;
    }
}

long hc_sysctl(struct hypercall *c)
{
    struct sysctl ctl; /* op is read below: not cleared before */
    struct guest_place place;

    ctl.c = c;
    ctl.copy_back = false;
    long rc = copy_from_guest_place(c->v, &ctl.op, c->arg[0], sizeof(ctl.op), &place);
    if (rc)
        return rc;
    if (ctl.op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    rc = run(&ctl);
    if ((!rc || ctl.copy_back) && copy_to_guest_place(c->v, &place, 0, &ctl.op, sizeof(ctl.op)))
        rc = -EFAULT;
    return rc;
}

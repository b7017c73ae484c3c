/*
 * The host as dom0 sees it: memory per node and in total, from numainfo and physinfo, and its CPUs. Facts
 * that do not change while the machine runs are read once, by host_print().
 */
#include <guest/dom0/dom0.h>
#include <guest/lib/lock.h>
#include <xen/version.h>

u32 host_nr_cpus, host_cpu_node[MAX_CPUS];

int host_read(struct host_state *out)
{
    xc_meminfo_t meminfo[MAX_NODES];
    unsigned int nodes = MAX_NODES;
    xc_physinfo_t info;

    int rc = xc_numainfo(xch, &nodes, meminfo, NULL);
    if (rc) {
        printf("dom0: numainfo failed: %s\n", explain_error(rc));
        return rc;
    }
    rc = xc_physinfo(xch, &info);
    if (rc) {
        printf("dom0: physinfo failed: %s\n", explain_error(rc));
        return rc;
    }
    out->nr_nodes = MIN(nodes, MAX_NODES);
    for (u32 i = 0; i < out->nr_nodes; i++) {
        bool there = meminfo[i].memsize != XEN_INVALID_MEM_SZ && meminfo[i].memsize != ~0ull;
        out->size_pages[i] = there ? meminfo[i].memsize >> PAGE_SHIFT : 0;
        out->free_pages[i] = there ? meminfo[i].memfree >> PAGE_SHIFT : 0;
    }
    out->free_total = info.free_pages;
    out->claimed_total = info.outstanding_pages;
    return 0;
}

/* Puts a domain among the largest holders of claims, largest first. claims[]: those of the holders. */
static void add_holder(struct memory_figures *f, u64 claims[EXPLAIN_HOLDERS], u32 domid, u64 pages)
{
    u32 at = MIN(f->nr_holders, EXPLAIN_HOLDERS);

    f->nr_holders++;
    while (at && claims[at - 1] < pages)
        at--;
    for (u32 i = EXPLAIN_HOLDERS; i > at + 1; i--) {
        claims[i - 1] = claims[i - 2];
        f->holder[i - 1] = f->holder[i - 2];
    }
    if (at < EXPLAIN_HOLDERS) {
        claims[at] = pages;
        f->holder[at] = domid;
    }
}

static int add_domains(struct memory_figures *f, u32 domid)
{
    u64 claims[EXPLAIN_HOLDERS] = {0};
    xc_domaininfo_t info[8];
    u32 next = 1;
    int nr;

    while ((nr = xc_domain_getinfolist(xch, next, ARRAY_SIZE(info), info)) > 0) {
        for (int i = 0; i < nr; i++) {
            next = info[i].domain + 1u;
            if (info[i].domain == domid)
                continue;
            f->in_use += info[i].tot_pages;
            if (info[i].outstanding_pages)
                add_holder(f, claims, info[i].domain, info[i].outstanding_pages);
        }
    }
    return nr;
}

int host_figures(u32 domid, struct memory_figures *out)
{
    static xc_node_claim_t nodes[MAX_NODES]; /* too large for the stack of a vCPU */
    static struct guest_lock nodes_lock;
    struct xen_sysctl_homestead_node_memory ours;
    u32 nr = ARRAY_SIZE(nodes);
    struct host_state host;

    int rc = host_read(&host);
    if (rc)
        return rc;
    *out = (struct memory_figures){.nr_nodes = host.nr_nodes, .host_claimed = host.claimed_total};
    guest_lock(&nodes_lock);
    bool by_node = xc_node_claim_info(xch, &nr, nodes, &ours) == 0;
    if (by_node)
        out->host_claimed = ours.host_claimed_pages;
    for (u32 n = 0; n < host.nr_nodes; n++) {
        out->node[n].size = host.size_pages[n];
        out->node[n].free = by_node && n < nr ? nodes[n].free_pages : host.free_pages[n];
        out->node[n].claimed = by_node && n < nr ? nodes[n].claimed_pages : 0;
    }
    guest_unlock(&nodes_lock);
    return add_domains(out, domid);
}

static int read_cpus(void)
{
    static xc_cputopo_t topology[MAX_CPUS];
    unsigned int nr = MAX_CPUS;
    int rc = xc_cputopoinfo(xch, &nr, topology);

    if (rc) {
        printf("dom0: cputopoinfo failed: %s\n", explain_error(rc));
        return rc;
    }
    host_nr_cpus = MIN(nr, MAX_CPUS);
    for (u32 cpu = 0; cpu < host_nr_cpus; cpu++)
        host_cpu_node[cpu] = topology[cpu].node;
    return 0;
}

int host_print(void)
{
    static xc_meminfo_t meminfo[MAX_NODES];
    static u32 distance[MAX_NODES * MAX_NODES];
    unsigned int nodes = MAX_NODES;
    struct host_state h;
    xc_physinfo_t info;
    u64 avail;

    int rc = host_read(&h);
    if (!rc)
        rc = xc_physinfo(xch, &info);
    if (!rc)
        rc = xc_numainfo(xch, &nodes, meminfo, distance);
    if (!rc)
        rc = read_cpus();
    if (rc)
        return rc;
    printf("host      %u nodes, %u CPUs, %lu of %lu pages free, %lu claimed\n", h.nr_nodes, info.nr_cpus,
           info.free_pages, info.total_pages, info.outstanding_pages);
    for (u32 i = 0; i < h.nr_nodes; i++) {
        rc = xc_availheap(xch, 0, 0, (int)i, &avail);
        if (rc) {
            printf("dom0: availheap of node %u failed: %s\n", i, explain_error(rc));
            return rc;
        }
        printf("node %-4u %8lu of %8lu pages free, distances", i, avail >> PAGE_SHIFT, h.size_pages[i]);
        for (u32 j = 0; j < h.nr_nodes; j++)
            printf(" %u", distance[i * h.nr_nodes + j]);
        printf("\n");
    }
    return 0;
}

int host_print_vcpus(u32 domid)
{
    xc_vcpuinfo_t info;
    int rc = 0;

    for (u32 id = 0; !rc; id++) {
        rc = xc_vcpu_getinfo(xch, domid, id, &info);
        if (rc)
            break;
        if (info.online)
            printf("@vcpu domain=%u id=%u cpu=%u node=%u ms=%lu\n", domid, id, info.cpu,
                   info.cpu < host_nr_cpus ? host_cpu_node[info.cpu] : 0, (u64)info.cpu_time / 1000000);
    }
    return rc == -EINVAL || rc == -ESRCH ? 0 : rc; /* no such vCPU: that was the last */
}

bool pages_within(s64 pages, u64 slack)
{
    return pages <= (s64)slack && -pages <= (s64)slack;
}

int host_settle(const struct host_state *before, u64 slack, u64 timeout_ms, s64 *pages, s64 *claims)
{
    u64 deadline = guest_now_ms() + timeout_ms;
    struct host_state now;

    for (;;) {
        int rc = host_read(&now);
        if (rc)
            return rc;
        *pages = (s64)(before->free_total - now.free_total);
        *claims = (s64)(now.claimed_total - before->claimed_total);
        if ((pages_within(*pages, slack) && *claims == 0) || guest_now_ms() >= deadline)
            return 0;
        watch_sleep(20);
    }
}

bool host_has_node_claims(void)
{
    static int known; /* 0: not asked, 1: yes, 2: no */
    memory_claim_t none = XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE);

    /* Probed by releasing a claim that dom0 does not have. The domain must exist: Xen looks it up before it
     * looks at the command. */
    if (!known)
        known = xc_domain_claim_memory(xch, 0, 1, &none) == -ENOSYS ? 2 : 1;
    return known == 1;
}

/*
 * Where a guest's memory and vCPUs go: its nodes and their shares, affinity, and the virtual nodes that it sees.
 * See dom0.h.
 */
#include <guest/dom0/cpus.h>
#include <guest/dom0/dom0.h>
#include <guest/lib/lock.h>
#include <lib/printf.h>
#include <lib/string.h>

static int no_such_node(struct build *b, const struct host_state *host, u32 node)
{
    struct memory_figures f = {.nr_nodes = host->nr_nodes};
    char why[64];

    for (u32 n = 0; n < host->nr_nodes; n++)
        f.node[n].size = host->size_pages[n];
    explain_node(why, sizeof(why), &f, node);
    return build_fail(b, -ENOENT, "%s", why);
}

/* The memory of its virtual nodes, or equal shares of a multiple of 2 MiB; the last node gets the rest. */
static void share_memory(struct build *b)
{
    u64 left = b->layout.nr_pages;

    for (u32 i = 0; i < b->nr_nodes; i++) {
        u64 share = ALIGN_DOWN(b->layout.nr_pages / b->nr_nodes, 512);
        if (b->vnuma.nr_vnodes)
            share = vnuma_pages_on(&b->vnuma, b->nodes[i]);
        else if (i + 1 == b->nr_nodes)
            share = left;
        b->quota[i] = share;
        left -= share;
    }
}

int nodes_choose(struct build *b, const struct host_state *host)
{
    const struct xlcfg *cfg = b->cfg;

    for (u32 n = 0; n < host->nr_nodes; n++) {
        if (!host->size_pages[n])
            continue;
        if (cfg->nodes_kind == NODES_ALL)
            b->nodes[b->nr_nodes++] = n;
        if (cfg->nodes_kind == NODES_LAST) {
            b->nodes[0] = n;
            b->nr_nodes = 1;
        }
    }
    for (u32 i = 0; cfg->nodes_kind == NODES_LIST && i < cfg->nr_nodes; i++) {
        u32 n = cfg->nodes[i];
        if (n >= host->nr_nodes || !host->size_pages[n])
            return no_such_node(b, host, n);
        b->nodes[b->nr_nodes++] = n;
    }
    for (u32 i = 0; i < b->vnuma.nr_vnodes; i++)
        if (b->vnuma.pnode[i] >= host->nr_nodes)
            return no_such_node(b, host, b->vnuma.pnode[i]);
    share_memory(b);
    return 0;
}

static int no_cpu(struct build *b, const char *key, const char *text)
{
    u32 node = 0;

    for (u32 cpu = 0; cpu < host_nr_cpus; cpu++)
        node = MAX(node, host_cpu_node[cpu]);
    return build_fail(b, -ENOENT, "%s \"%s\": no CPU is left, the host has CPUs 0 to %u on nodes 0 to %u",
                      key, text, host_nr_cpus - 1, node);
}

/* Sets the hard or soft affinity of each vCPU from the configuration. */
static int pin(struct build *b, bool soft, const char *key, u32 flag)
{
    bool by_vnuma = soft && b->vnuma.nr_vnodes && !b->cfg->cpus_soft.text;
    char text[XLCFG_CPUS_MAX];
    u8 map[MAX_CPUS / 8];

    for (u32 id = 0; id < b->cfg->maxvcpus && xlcfg_cpus(b->cfg, soft, id, text); id++) {
        int rc = cpus_parse(text, host_cpu_node, host_nr_cpus, map);
        if (rc && by_vnuma) {
            printf("%-9s vCPU %u may run anywhere: node %u, on which its virtual node is, has no CPUs\n",
                   b->cfg->name, id, b->vnuma.pnode[b->vnuma.vcpu_to_vnode[id]]);
            continue;
        }
        if (rc)
            return no_cpu(b, key, text);
        rc = xc_vcpu_setaffinity(xch, b->domid, id, flag, map);
        if (rc)
            return build_fail(b, rc, "the affinity of a vCPU cannot be set: %s", explain_error(rc));
    }
    return 0;
}

static int set_node_affinity(struct build *b)
{
    u8 map[MAX_NODES / 8] = {0};

    if (!b->nr_nodes)
        return 0;
    for (u32 i = 0; i < b->nr_nodes; i++)
        map[b->nodes[i] / 8] |= (u8)(1u << (b->nodes[i] % 8));
    int rc = xc_domain_node_setaffinity(xch, b->domid, map);
    return rc ? build_fail(b, rc, "its node affinity cannot be set: %s", explain_error(rc)) : 0;
}

static int set_vnuma(struct build *b)
{
    struct vnuma_plan *p = &b->vnuma;

    if (!p->nr_vnodes)
        return 0;
    int rc = xc_domain_setvnuma(xch, b->domid, p->nr_vnodes, p->nr_ranges, p->nr_vcpus, p->range, p->distance,
                                p->vcpu_to_vnode, p->pnode);
    return rc ? build_fail(b, rc, "its virtual nodes cannot be set: %s", explain_error(rc)) : 0;
}

int nodes_set(struct build *b)
{
    int rc = set_node_affinity(b);

    if (!rc)
        rc = pin(b, false, "cpus", XEN_VCPUAFFINITY_HARD);
    if (!rc)
        rc = pin(b, true, "cpus_soft", XEN_VCPUAFFINITY_SOFT);
    return rc ? rc : set_vnuma(b);
}

#define NUMBER_MAX 4u /* characters of one in a list, with its comma */

static u64 add_number(char *text, u64 size, u64 len, u32 number)
{
    return len + (u64)snprintf(text + len, size - len, "%s%u", len ? "," : "", number);
}

static void print_vnode(const struct build *b, const struct vnuma_plan *is, u32 vnode)
{
    char vcpus[XLCFG_VCPUS_MAX * NUMBER_MAX + 1] = "none", distances[VNUMA_MAX * NUMBER_MAX + 1] = "";
    u64 pages = 0, len = 0;

    for (u32 i = 0; i < is->nr_ranges; i++)
        pages += is->range[i].nid == vnode ? vnuma_range_pages(&is->range[i]) : 0;
    for (u32 id = 0; id < is->nr_vcpus; id++)
        if (is->vcpu_to_vnode[id] == vnode)
            len = add_number(vcpus, sizeof(vcpus), len, id);
    len = 0;
    for (u32 to = 0; to < is->nr_vnodes; to++)
        len = add_number(distances, sizeof(distances), len, is->distance[vnode * is->nr_vnodes + to]);
    printf("@vnuma domain=%u vnode=%u node=%u pages=%lu vcpus=%s distances=%s\n", b->domid, vnode,
           b->vnuma.pnode[vnode], pages, vcpus, distances);
}

bool nodes_check(const struct build *b)
{
    static struct vnuma_plan is; /* too large for the stack of a vCPU */
    static struct guest_lock lock;
    const struct vnuma_plan *p = &b->vnuma;

    if (!p->nr_vnodes)
        return true;
    guest_lock(&lock);
    memset(&is, 0, sizeof(is));
    is.nr_vnodes = VNUMA_MAX;
    is.nr_ranges = VNUMA_RANGES_MAX;
    is.nr_vcpus = XLCFG_VCPUS_MAX;
    int rc = xc_domain_getvnuma(xch, b->domid, &is.nr_vnodes, &is.nr_ranges, &is.nr_vcpus, is.range,
                                is.distance, is.vcpu_to_vnode);
    memcpy(is.pnode, p->pnode, sizeof(is.pnode)); /* is not read back */
    bool same = !rc && memcmp(&is, p, sizeof(is)) == 0;
    for (u32 i = 0; same && i < is.nr_vnodes; i++)
        print_vnode(b, &is, i);
    guest_unlock(&lock);
    if (!same)
        printf("%-9s the hypervisor has other virtual nodes than were set: %d\n", b->cfg->name, rc);
    return same;
}

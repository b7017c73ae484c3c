/* Claims by node: the guest's quotas with the order and flags of its configuration. See dom0.h. */
#include <guest/dom0/dom0.h>
#include <guest/lib/lock.h>
#include <guest/lib/smp.h>

/* What is claimed for the i-th node: its quota in whole extents. */
static u64 claimed_pages(const struct build *b, u32 i)
{
    return ALIGN_UP(b->quota[i], 1ull << b->cfg->claim_order);
}

bool claim_must_be_on_nodes(const struct xlcfg *cfg)
{
    return cfg->claim_order || cfg->claim_strict || cfg->claim_scrub;
}

int claim_on_nodes(struct build *b)
{
    const struct xlcfg *cfg = b->cfg;
    memory_claim_t set[MAX_NODES];
    u64 all = 0, surplus = 0;

    for (u32 i = 0; i < b->nr_nodes; i++) {
        set[i] = (memory_claim_t)XEN_NODE_CLAIM_INIT(claimed_pages(b, i), b->nodes[i]);
        set[i].pad = cfg->claim_order;
        all += set[i].pages;
        surplus += set[i].pages - b->quota[i];
    }
    u32 flags = (cfg->claim_order ? XEN_DOMCTL_CLAIM_ORDERS : 0) |
                (cfg->claim_strict ? XEN_DOMCTL_CLAIM_STRICT : 0) |
                (cfg->claim_scrub ? XEN_DOMCTL_CLAIM_SCRUB : 0);
    int rc = 0;
    if (cfg->claim_order)
        rc = xc_domain_setmaxmem(xch, b->domid, MAX(cfg->maxmem_mib << 10, all << (PAGE_SHIFT - 10)));
    if (!rc)
        rc = xc_domain_claim_memory_flags(xch, b->domid, b->nr_nodes, set, flags);
    b->surplus = rc ? 0 : surplus;
    return rc;
}

void claim_print(const struct build *b, int rc)
{
    for (u32 i = 0; i < b->nr_nodes; i++)
        printf("@claim domain=%u node=%u pages=%lu result=%d name=%s\n", b->domid, b->nodes[i],
               claimed_pages(b, i), rc, b->cfg->name);
}

int claim_short_of_extents(struct build *b)
{
    static xc_node_claim_t nodes[MAX_NODES]; /* too large for the stack of a vCPU */
    static struct guest_lock lock;
    u32 order = b->cfg->claim_order, nr = ARRAY_SIZE(nodes);
    u64 wanted = 0, there = 0;
    u32 i;

    guest_lock(&lock);
    int rc = order ? xc_node_claim_info(xch, &nr, nodes, NULL) : -EINVAL;
    for (i = 0; !rc && i < b->nr_nodes && wanted <= there; i++) {
        const xc_node_claim_t *n = &nodes[b->nodes[i]];
        wanted = claimed_pages(b, i) >> order;
        there = order == ORDER_2M ? n->free_2m - n->reserved_2m : n->free_1g - n->reserved_1g;
    }
    guest_unlock(&lock);
    if (wanted <= there)
        return 0;
    return build_fail(
        b, -ENOMEM,
        "wants %lu whole extents of %s on node %u, %lu are free there and not kept for others; lower its "
        "memory, or leave out claim_order",
        wanted, order == ORDER_2M ? "2 MiB" : "1 GiB", b->nodes[i - 1], there);
}

int claim_release(const struct build *b)
{
    memory_claim_t none = XEN_NODE_CLAIM_INIT(0, XEN_DOMCTL_CLAIM_MEMORY_NO_NODE);

    if (b->cfg->claim_mode == CLAIM_OFF)
        return 0;
    int rc = host_has_node_claims() ? xc_domain_claim_memory(xch, b->domid, 1, &none)
                                    : xc_domain_claim_pages(xch, b->domid, 0);
    return rc || !b->cfg->claim_order ? rc : xc_domain_setmaxmem(xch, b->domid, b->cfg->maxmem_mib << 10);
}

static struct guest_lock turn;
static u32 turn_of; /* atomic; smp_id() + 1 of the vCPU that has it, 0: none */

void claim_turn_begin(void)
{
    u32 self = smp_id() + 1;

    if (__atomic_load_n(&turn_of, __ATOMIC_RELAXED) == self)
        return;
    guest_lock(&turn);
    __atomic_store_n(&turn_of, self, __ATOMIC_RELAXED);
}

void claim_turn_end(void)
{
    if (__atomic_load_n(&turn_of, __ATOMIC_RELAXED) != smp_id() + 1)
        return;
    __atomic_store_n(&turn_of, 0, __ATOMIC_RELAXED);
    guest_unlock(&turn);
}

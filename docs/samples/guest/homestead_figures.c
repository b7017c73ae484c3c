/* Homestead's own figures: what a node has and has promised, what a domain has there, and who was refused last. */
#include <docs/samples/guest/samples.h>

static struct xen_homestead_node_memory node[64];
static struct xen_homestead_domain_node here[64];
static struct xen_homestead_refusals last;

static long read_node_0(void)
{
    struct xen_sysctl op = {.u.node_memory = {.num_nodes = 64, .nodes = XEN_HANDLE(node)}};

    return sysctl(&op, XEN_SYSCTL_homestead_node_memory);
}

static long read_domain(u32 domid)
{
    struct xen_sysctl op = {
        .u.domain_memory = {.domid = (domid_t)domid, .num_nodes = 64, .nodes = XEN_HANDLE(here)}};

    return sysctl(&op, XEN_SYSCTL_homestead_domain_memory);
}

static long read_refusals(void)
{
    struct xen_sysctl op = {.u.refusals.buffer = XEN_HANDLE(&last)};

    return sysctl(&op, XEN_SYSCTL_homestead_refusals);
}

int homestead_figures_sample(void)
{
    /* The domain may have 4 GiB; the host has not. */
    u32 domid = new_domain(1, 1u << 20);
    memory_claim_t some = XEN_NODE_CLAIM_INIT(100, 0), too_much = XEN_NODE_CLAIM_INIT(1u << 20, 0);

    if (!domid)
        return -ENOMEM;
    long rc = read_node_0();
    u64 claimed_before = node[0].claimed_pages;
    if (!rc && xc_domain_claim_memory(NULL, domid, 1, &too_much) != -ENOMEM)
        rc = SURPRISE;
    if (!rc)
        rc = read_refusals();
    if (!rc && (last.kind != XEN_HOMESTEAD_REFUSAL_claim || last.domid != domid || last.node != 0))
        rc = SURPRISE;
    if (!rc)
        rc = xc_domain_claim_memory(NULL, domid, 1, &some);
    if (!rc)
        rc = read_node_0();
    if (!rc)
        rc = read_domain(domid);
    if (!rc && (node[0].claimed_pages != claimed_before + 100 || here[0].claim_pages != 100))
        rc = SURPRISE;
    return end_domain(domid, rc);
}

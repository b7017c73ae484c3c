/*
 * The node affinity that a domain has because of its vCPUs' affinity, until setnodeaffinity gives another, and
 * again after all ones. Printed after each step: nodes=, getnodeaffinity's 64 bits. CPU n is on node n.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/printf.h>

#define HARD XEN_VCPUAFFINITY_HARD
#define SOFT XEN_VCPUAFFINITY_SOFT
#define BOTH (HARD | SOFT)

static u32 make(u32 vcpus)
{
    struct xen_domctl_createdomain config = xc_domain_config(vcpus);
    u32 domid = 0;

    long rc = xc_domain_create(xch, &domid, &config);
    if (rc)
        give_up("making a domain", rc);
    return domid;
}

static long vcpu_set(u32 domid, u32 vcpu, u32 flags, u64 hard, u64 soft)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvcpuaffinity, .domain = (domid_t)domid};

    op.u.vcpuaffinity =
        (struct xen_domctl_vcpuaffinity){.vcpu = vcpu,
                                         .flags = flags,
                                         .cpumap_hard = {.bitmap = XEN_HANDLE(&hard), .nr_bits = 64},
                                         .cpumap_soft = {.bitmap = XEN_HANDLE(&soft), .nr_bits = 64}};
    return domctl(&op);
}

static long node_set(u32 domid, u64 nodes, u32 nr_bits)
{
    u64 map[2] = {nodes, 0};
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setnodeaffinity, .domain = (domid_t)domid};

    op.u.nodeaffinity.nodemap = (struct xenctl_bitmap){.bitmap = XEN_HANDLE(map), .nr_bits = nr_bits};
    return domctl(&op);
}

#define SHOW(call, name, expr) CASE_SHOW(call, name, expr, " nodes=%lx", node_affinity(domid))
#define NEW(name)              SHOW("domctl.createdomain", name, 0)
#define VCPUS(name, n)         SHOW("domctl.max_vcpus", name, xc_domain_max_vcpus(xch, domid, n))
#define NODES(name, nodes)     SHOW("domctl.setnodeaffinity", name, node_set(domid, nodes, 64))
#define SET(name, vcpu, flags, hard, soft) \
    SHOW("domctl.setvcpuaffinity", name, vcpu_set(domid, vcpu, flags, hard, soft))

static void one_vcpu(u32 domid)
{
    VCPUS("auto_1_vcpu", 1);
    SET("auto_hard_1", 0, HARD, 2, 0);
    SET("auto_hard_0", 0, HARD, 1, 0);
    SET("auto_hard_both", 0, HARD, 3, 0);
    SET("auto_soft_1", 0, SOFT, 0, 2);
    SET("auto_soft_both", 0, SOFT, 0, 3);
    SET("auto_soft_0_of_hard_1", 0, BOTH, 2, 1);
    SET("auto_hard_then_meets_soft", 0, HARD, 3, 0);
    SET("auto_soft_empty", 0, SOFT, 0, 0);
    SET("auto_soft_no_such_cpu", 0, SOFT, 0, 1ull << 63);
    SET("auto_soft_1_and_no_such_cpu", 0, SOFT, 0, 1ull << 63 | 2);
    SET("auto_hard_1_and_no_such_cpu", 0, BOTH, 1ull << 40 | 2, ~0ull);
    SET("auto_hard_all_ones", 0, HARD, ~0ull, 0);
    SET("auto_before_refusals", 0, BOTH, 2, 3);
    SET("auto_refused_empty", 0, HARD, 0, 0);
    SET("auto_refused_no_such_cpu", 0, HARD, 1ull << 63, 0);
    SET("auto_refused_hard_with_good_soft", 0, BOTH, 0, 1);
    SET("auto_refused_vcpu", 1, HARD, 1, 0);
    SET("auto_refused_flags", 0, 0, 1, 1);
    SET("auto_force", 0, HARD | XEN_VCPUAFFINITY_FORCE, 1, 0);
}

static void explicit(u32 domid)
{
    NODES("auto_off_node_0", 1);
    SET("auto_off_hard_1", 0, HARD, 2, 0);
    SET("auto_off_soft_1", 0, SOFT, 0, 2);
    VCPUS("auto_off_vcpus_again", 1);
    NODES("auto_off_refused_empty", 0);
    NODES("auto_off_refused_no_such_node", 1ull << 63);
    NODES("auto_off_all_but_one", ~0ull >> 1);
    NODES("auto_off_node_1_and_no_such", 1ull << 63 | 2);
    NODES("auto_off_both_nodes", 3);
    SET("auto_off_both_nodes_hard_0", 0, BOTH, 1, 3);
    NODES("auto_on_again", ~0ull);
    SET("auto_on_again_hard_1", 0, HARD, 2, 0);
    NODES("auto_on_twice", ~0ull);
    NODES("auto_off_again", 1);
    NODES("auto_on_computes_at_once", ~0ull);
    NODES("auto_off_once_more", 1);
    SHOW("domctl.setnodeaffinity", "auto_stays_off_63_bits", node_set(domid, ~0ull, 63));
    SHOW("domctl.setnodeaffinity", "auto_on_65_bits", node_set(domid, ~0ull, 65));
    NODES("auto_refused_when_on", 0);
}

/* Affinity of nodes that was given before there are vCPUs, and that of a domain that never gets any. */
static void before_vcpus(void)
{
    u32 domid = make(2);

    NEW("auto_no_vcpus");
    SET("auto_no_vcpus", 0, HARD, 2, 0);
    VCPUS("auto_other_number", 1);
    VCPUS("auto_2_vcpus", 2);
    domain_end(domid);

    domid = make(1);
    NODES("auto_no_vcpus_node_1", 2);
    VCPUS("auto_off_before_vcpus", 1);
    SET("auto_off_before_vcpus_hard_0", 0, HARD, 1, 0);
    domain_end(domid);

    domid = make(1);
    NODES("auto_no_vcpus_node_0", 1);
    NODES("auto_no_vcpus_all_ones", ~0ull);
    VCPUS("auto_on_before_vcpus", 1);
    domain_end(domid);

    domid = make(1);
    NODES("auto_no_vcpus_never_off", ~0ull);
    NODES("auto_no_vcpus_refused", 0);
    domain_end(domid);
}

/* One digit for each pair of soft maps, 0 to 3 of vCPU 0 and inside that of vCPU 1. */
static void two_vcpus(void)
{
    u32 domid = make(2);

    VCPUS("auto_of_2_vcpus", 2);
    SET("auto_of_2_first_hard_1", 0, HARD, 2, 0);
    SET("auto_of_2_second_hard_1", 1, HARD, 2, 0);
    SET("auto_of_2_first_free_again", 0, HARD, 3, 0);
    for (u32 pair = 0; pair < 9; pair++) {
        u64 hard0 = pair / 3 + 1, hard1 = pair % 3 + 1;
        char name[32], nodes[17] = "";

        snprintf(name, sizeof(name), "auto_of_2_hard_%lu_%lu", hard0, hard1);
        case_begin();
        long rc = 0;
        for (u32 soft = 0; soft < 16; soft++) {
            rc |= vcpu_set(domid, 0, BOTH, hard0, soft / 4);
            rc |= vcpu_set(domid, 1, BOTH, hard1, soft % 4);
            nodes[soft] = "0123456789abcdef"[node_affinity(domid) & 15];
        }
        case_end("domctl.setvcpuaffinity", name, rc, " nodes=%s", nodes);
    }
    domain_end(domid);
}

static void many_vcpus(void)
{
    u32 domid = make(128);
    long rc = 0;

    VCPUS("auto_of_128_vcpus", 128);
    case_begin();
    for (u32 id = 0; id < 127; id++)
        rc |= vcpu_set(domid, id, HARD, 2, 0);
    case_end("domctl.setvcpuaffinity", "auto_of_128_all_but_the_last", rc, " nodes=%lx",
             node_affinity(domid));
    SET("auto_of_128_the_last_too", 127, HARD, 2, 0);
    SET("auto_of_128_one_soft_0", 64, BOTH, 3, 1);
    domain_end(domid);
}

/* Its affinity was set before (cases_affinity_nodes.c). It has one vCPU on both hypervisors. */
static void own_domain(void)
{
    const u32 domid = 0;

    NODES("auto_own_all_ones", ~0ull);
    SET("auto_own_hard_1", 0, HARD, 2, 0);
    SET("auto_own_soft_0", 0, BOTH, ~0ull, 1);
    SET("auto_own_all", 0, BOTH, ~0ull, ~0ull);
}

void affinity_auto(void)
{
    u32 domid = make(1);

    one_vcpu(domid);
    explicit(domid);
    domain_end(domid);
    before_vcpus();
    two_vcpus();
    many_vcpus();
    own_domain();
}

/*
 * Virtual NUMA: setvnumainfo, get_vnumainfo, and memory by virtual node. What is between the toolstack and the guest
 * (distances, ranges) is printed as it comes back.
 * lint: long: one short function for each kind of argument.
 */
#include <tests/guests/conformance/cases.h>
#include <tests/guests/conformance/compat.h>
#include <tests/guests/conformance/guest_caller.h>
#include <lib/string.h>

#define SET        "domctl.setvnumainfo"
#define GET        "memory_op.get_vnumainfo"
#define RANGES_MAX 171u
#define NODES_MAX  33u

static u32 dom; /* 1 vCPU */

/* What is set: 2 nodes with a range each, virtual node 0 on the host's node 1 and the other way round. */
static struct {
    struct xen_domctl_vnuma vnuma;
    u32 distance[NODES_MAX * NODES_MAX];
    u32 vcpu[2], pnode[NODES_MAX];
    struct xen_vmemrange range[RANGES_MAX];
} in;

static void begin(void)
{
    memset(&in, 0, sizeof(in));
    in.vnuma = (struct xen_domctl_vnuma){.nr_vnodes = 2,
                                         .nr_vmemranges = 2,
                                         .nr_vcpus = 1,
                                         .vdistance = XEN_HANDLE(in.distance),
                                         .vcpu_to_vnode = XEN_HANDLE(in.vcpu),
                                         .vnode_to_pnode = XEN_HANDLE(in.pnode),
                                         .vmemrange = XEN_HANDLE(in.range)};
    memcpy(in.distance, (u32[]){10, 20, 30, 10}, 4 * sizeof(u32));
    in.vcpu[0] = 1;
    in.pnode[0] = 1;
    in.range[0] = (struct xen_vmemrange){.start = 0, .end = MIB(1), .nid = 0};
    in.range[1] = (struct xen_vmemrange){.start = MIB(1), .end = MIB(2), .nid = 1};
}

static long set(u32 domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvnumainfo, .domain = (domid_t)domid, .u.vnuma = in.vnuma};

    return domctl(&op);
}

/* What is read. */
static struct {
    struct xen_vnuma_topology_info info;
    u32 distance[NODES_MAX * NODES_MAX], vcpu[2];
    struct xen_vmemrange range[RANGES_MAX];
} out;

static void get_begin(u32 domid)
{
    memset(&out, 0xee, sizeof(out));
    out.info = (struct xen_vnuma_topology_info){.domid = (domid_t)domid,
                                                .nr_vnodes = 8,
                                                .nr_vcpus = 2,
                                                .nr_vmemranges = 8,
                                                .vdistance.h = XEN_HANDLE(out.distance),
                                                .vcpu_to_vnode.h = XEN_HANDLE(out.vcpu),
                                                .vmemrange.h = XEN_HANDLE(out.range)};
}

static void get_shown(const char *name, u64 cmd, const void *arg)
{
    const struct xen_vmemrange *r = out.range;

    CASE_SHOW(
        GET, name, memory_op(cmd, arg),
        " nodes=%u vcpus=%u ranges=%u distance=%x,%x,%x,%x,%x vcpu=%x,%x range=%lx-%lx/%x/%x,%lx-%lx/%x/%x",
        out.info.nr_vnodes, out.info.nr_vcpus, out.info.nr_vmemranges, out.distance[0], out.distance[1],
        out.distance[2], out.distance[3], out.distance[4], out.vcpu[0], out.vcpu[1], r[0].start, r[0].end,
        r[0].flags, r[0].nid, r[1].start, r[1].end, r[1].flags, r[1].nid);
}

static void get(const char *name)
{
    get_begin(dom);
    get_shown(name, XENMEM_get_vnumainfo, &out.info);
}

static void without_topology(void)
{
    get("without");
    get_begin(DOMID_SELF);
    get_shown("without_self", XENMEM_get_vnumainfo, &out.info);
    get_begin(DOMID_UNKNOWN);
    get_shown("unknown_domain", XENMEM_get_vnumainfo, &out.info);
    out.info.pad = 1;
    get_shown("unknown_domain_pad", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.pad = 0x8000;
    get_shown("pad", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    get_shown("start_extent_1", XENMEM_get_vnumainfo | 1 << MEMOP_EXTENT_SHIFT, &out.info);
    CASE(GET, "start_extent_1_unmapped",
         memory_op(XENMEM_get_vnumainfo | 1 << MEMOP_EXTENT_SHIFT, bad_ptr()));
    CASE(GET, "unmapped", memory_op(XENMEM_get_vnumainfo, bad_ptr()));
    CASE(GET, "over_the_edge", memory_op(XENMEM_get_vnumainfo, edge_ptr(sizeof(out.info) - 1)));
}

static void set_refused(void)
{
    begin();
    CASE(SET, "unknown_domain", set(DOMID_UNKNOWN));
    CASE(SET, "self", set(DOMID_SELF));
    in.vnuma.nr_vcpus = 2;
    CASE(SET, "two_vcpus_of_one", set(dom));
    in.vnuma.nr_vcpus = 0;
    CASE(SET, "no_vcpus_of_one", set(dom));
    begin();
    in.vnuma.pad = 1;
    CASE(SET, "pad", set(dom));
    begin();
    in.vnuma.nr_vnodes = 0;
    CASE(SET, "no_nodes", set(dom));
    in.vnuma.nr_vnodes = 33;
    CASE(SET, "33_nodes", set(dom));
    in.vnuma.nr_vnodes = 0x7fff;
    CASE(SET, "many_nodes", set(dom));
    begin();
    in.vnuma.nr_vmemranges = 171;
    CASE(SET, "171_ranges", set(dom));
    in.vnuma.nr_vmemranges = 0xffffffff;
    CASE(SET, "all_ones_ranges", set(dom));
    begin();
    in.vcpu[0] = 2;
    CASE(SET, "vcpu_on_node_2_of_2", set(dom));
    in.vcpu[0] = 0xffffffff;
    CASE(SET, "vcpu_on_node_all_ones", set(dom));
    in.pnode[0] = 64;
    in.range[1].flags = 1;
    CASE(SET, "vcpu_pnode_and_flags_wrong", set(dom));
    in.vcpu[0] = 0;
    CASE(SET, "pnode_and_flags_wrong", set(dom));
    in.pnode[0] = 0xff;
    in.range[1].flags = 0;
    CASE(SET, "pnode_255", set(dom));
    in.pnode[0] = 0xffffffff;
    CASE(SET, "pnode_all_ones", set(dom));
    begin();
    in.pnode[1] = 64;
    CASE(SET, "second_pnode_64", set(dom));
    begin();
    in.range[1].flags = 1;
    CASE(SET, "flags_1", set(dom));
    in.range[1].flags = 0x80000000;
    CASE(SET, "flags_bit_31", set(dom));
    get("after_refusals");
}

static void set_unmapped(void)
{
    static const char *const names[] = {"distances", "vcpus", "pnodes", "ranges"};

    for (u32 i = 0; i < 4; i++) {
        char name[32];
        begin();
        u64 *handle = i == 0   ? &in.vnuma.vdistance
                      : i == 1 ? &in.vnuma.vcpu_to_vnode
                      : i == 2 ? &in.vnuma.vnode_to_pnode
                               : &in.vnuma.vmemrange;
        *handle = XEN_HANDLE(bad_ptr());
        snprintf(name, sizeof(name), "%s_unmapped", names[i]);
        CASE(SET, name, set(dom));
        *handle = XEN_HANDLE(edge_ptr(3));
        snprintf(name, sizeof(name), "%s_over_the_edge", names[i]);
        CASE(SET, name, set(dom));
    }
    begin();
    in.vcpu[0] = 2;
    in.vnuma.vmemrange = XEN_HANDLE(bad_ptr());
    CASE(SET, "ranges_unmapped_vcpu_wrong", set(dom));
    in.vnuma.nr_vmemranges = 0;
    CASE(SET, "no_range_unmapped_vcpu_wrong", set(dom));
    begin();
    in.vcpu[0] = 2;
    in.vnuma.vnode_to_pnode = XEN_HANDLE(bad_ptr());
    CASE(SET, "pnodes_unmapped_vcpu_wrong", set(dom));
    get("after_unmapped");
}

/* Nobody looks at what the guest is told. */
static void set_accepted(void)
{
    begin();
    CASE(SET, "two_nodes", set(dom));
    get("two_nodes");
    in.range[0] = (struct xen_vmemrange){.start = MIB(2), .end = MIB(1), .nid = 77};
    in.range[1] = (struct xen_vmemrange){.start = 1, .end = ~0ull, .nid = 0xffffffff};
    in.distance[0] = 0;
    in.distance[1] = 0xffffffff;
    CASE(SET, "strange_ranges_and_distances", set(dom));
    get("strange_ranges_and_distances");
    begin();
    in.range[1] = in.range[0];
    CASE(SET, "overlap", set(dom));
    get("overlap");
    begin();
    in.pnode[0] = 63;
    CASE(SET, "pnode_63", set(dom));
    begin();
    in.vnuma.nr_vmemranges = 0;
    in.vnuma.vmemrange = XEN_HANDLE(bad_ptr());
    CASE(SET, "no_ranges", set(dom));
    get("no_ranges");
    begin();
    in.vnuma.nr_vnodes = 1;
    in.vcpu[0] = 0;
    CASE(SET, "one_node", set(dom));
    get("one_node");
    in.vcpu[0] = 1;
    CASE(SET, "one_node_vcpu_wrong", set(dom));
    get("one_node_still");
    begin();
    in.vnuma.nr_vnodes = 32;
    in.vnuma.nr_vmemranges = 170;
    CASE(SET, "32_nodes_170_ranges", set(dom));
    get("32_nodes_170_ranges");
    out.info.nr_vnodes = 33;
    out.info.nr_vmemranges = 171;
    get_shown("32_nodes_170_ranges_enough_room", XENMEM_get_vnumainfo, &out.info);
    begin();
    CASE(SET, "two_nodes_again", set(dom));
    get("two_nodes_again");
}

static void get_with_less(void)
{
    get_begin(dom);
    out.info.nr_vnodes = 1;
    get_shown("room_for_1_node", XENMEM_get_vnumainfo, &out.info);
    get_shown("room_that_it_said", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.nr_vcpus = 0;
    get_shown("room_for_no_vcpu", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.nr_vmemranges = 1;
    get_shown("room_for_1_range", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.nr_vnodes = out.info.nr_vcpus = out.info.nr_vmemranges = 0xffffffff;
    get_shown("room_all_ones", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.nr_vnodes = 0;
    out.info.vdistance.h = out.info.vcpu_to_vnode.h = out.info.vmemrange.h = 0;
    get_shown("no_room_no_pointers", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.vdistance.h = XEN_HANDLE(bad_ptr());
    get_shown("distances_unmapped", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.vcpu_to_vnode.h = XEN_HANDLE(bad_ptr());
    get_shown("vcpus_unmapped", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.vmemrange.h = XEN_HANDLE(bad_ptr());
    get_shown("ranges_unmapped", XENMEM_get_vnumainfo, &out.info);
    get_begin(dom);
    out.info.vmemrange.h = XEN_HANDLE(edge_ptr(2 * sizeof(out.range[0])));
    get_shown("ranges_to_the_edge", XENMEM_get_vnumainfo, &out.info);
}

static long by_vnode(u32 vnode, u64 gfn, u64 nr, u32 order, u32 flags)
{
    return frames_from(XENMEM_populate_physmap, dom, gfn, nr, order,
                       XENMEMF_vnode | (vnode == NODE_ANY ? 0 : XENMEMF_node(vnode)) | flags);
}

/* By virtual nodes, 0 is the host's node 1. */
static void populate(void)
{
    watch(dom, WATCH_DOMAIN | WATCH_NODES);
    CASE(POPULATE, "vnode_0", by_vnode(0, 0, 10, 0, 0));
    CASE(POPULATE, "vnode_1", by_vnode(1, 10, 10, 0, 0));
    CASE(POPULATE, "vnode_0_exact", by_vnode(0, 20, 10, 0, XENMEMF_exact_node_request));
    CASE(POPULATE, "vnode_1_exact_2m", by_vnode(1, 512, 2, 9, XENMEMF_exact_node_request));
    CASE(POPULATE, "vnode_2_of_2", by_vnode(2, 30, 1, 0, 0));
    CASE(POPULATE, "vnode_254", by_vnode(254, 30, 1, 0, 0));
    CASE(POPULATE, "vnode_none", by_vnode(NODE_ANY, 30, 1, 0, 0));
    CASE(POPULATE, "vnode_none_exact", by_vnode(NODE_ANY, 30, 1, 0, XENMEMF_exact_node_request));
    CASE(POPULATE, "vnode_too_large_an_order", by_vnode(0, 0, 1, 19, 0));
    CASE("memory_op.decrease_reservation", "vnode_0",
         frames_from(XENMEM_decrease_reservation, dom, 0, 5, 0, XENMEMF_vnode | XENMEMF_node(0)));
    CASE("memory_op.decrease_reservation", "vnode_2_of_2",
         frames_from(XENMEM_decrease_reservation, dom, 5, 5, 0, XENMEMF_vnode | XENMEMF_node(2)));
    CASE("memory_op.increase_reservation", "vnode_0_exact",
         frames_from(XENMEM_increase_reservation, dom, 0, 5, 0, XENMEMF_vnode | XENMEMF_exact_node(0)));
    watch(dom, WATCH_DOMAIN | WATCH_NODES | WATCH_HOST);
    CASE("memory_op.claim_pages", "2048", claim(dom, 2048));
    CASE(POPULATE, "vnode_0_exact_with_a_claim", by_vnode(0, 4096, 2, 9, XENMEMF_exact_node_request));
    CASE(POPULATE, "vnode_1_with_a_claim", by_vnode(1, 8192, 100, 0, 0));
    CASE("memory_op.claim_pages", "release", claim(dom, 0));
    watch(dom, WATCH_DOMAIN | WATCH_NODES);
    begin();
    in.pnode[0] = 7;
    CASE(SET, "pnode_that_is_not_there", set(dom));
    CASE(POPULATE, "vnode_on_no_node", by_vnode(0, 12288, 10, 0, 0));
    CASE(POPULATE, "vnode_on_no_node_exact", by_vnode(0, 12298, 10, 0, XENMEMF_exact_node_request));
    watch(dom, WATCH_NOTHING);
}

static void populate_without(void)
{
    watch(dom, WATCH_DOMAIN);
    CASE(POPULATE, "vnode_1_without_topology", by_vnode(1, 0, 10, 0, 0));
    CASE(POPULATE, "vnode_77_exact_without_topology", by_vnode(77, 10, 10, 0, XENMEMF_exact_node_request));
    CASE(POPULATE, "vnode_none_without_topology", by_vnode(NODE_ANY, 20, 10, 0, 0));
    watch(dom, WATCH_NOTHING);
}

/* The helper for itself, and for others. */
static long helper_get(u32 domid, u32 nr_vnodes)
{
    struct xen_vnuma_topology_info info = {.domid = (domid_t)domid,
                                           .nr_vnodes = nr_vnodes,
                                           .nr_vcpus = 1,
                                           .nr_vmemranges = 2,
                                           .vdistance.h = helper_gaddr() + 64,
                                           .vcpu_to_vnode.h = helper_gaddr() + 128,
                                           .vmemrange.h = helper_gaddr() + 192};

    memset(helper_data(), 0, PAGE_SIZE);
    return helper_call(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, guest_put(0, &info, sizeof(info)), 0, 0,
                       0);
}

static void helper_get_shown(const char *name, u32 domid, u32 nr_vnodes)
{
    const u8 *data = helper_data();
    const struct xen_vnuma_topology_info *info = (const void *)data;
    const u32 *distance = (const void *)(data + 64), *vcpu = (const void *)(data + 128);
    const struct xen_vmemrange *r = (const void *)(data + 192);

    CASE_SHOW(GET, name, helper_get(domid, nr_vnodes),
              " nodes=%u distance=%u,%u,%u,%u vcpu=%u end=%lx,%lx nid=%u,%u", info->nr_vnodes, distance[0],
              distance[1], distance[2], distance[3], vcpu[0], r[0].end, r[1].end, r[0].nid, r[1].nid);
}

static long helper_populate(u64 gfn, u32 flags)
{
    struct xen_memory_reservation r = {.extent_start = guest_put(512, &gfn, sizeof(gfn)),
                                       .nr_extents = 1,
                                       .mem_flags = flags,
                                       .domid = DOMID_SELF};

    return helper_call(__HYPERVISOR_memory_op, XENMEM_populate_physmap, guest_put(0, &r, sizeof(r)), 0, 0, 0);
}

static void guest(void)
{
    u32 helper = helper_start();

    helper_get_shown("guest_without", DOMID_SELF, 2);
    begin();
    CASE(SET, "of_a_guest_that_runs", set(helper));
    helper_get_shown("guest_self", DOMID_SELF, 2);
    helper_get_shown("guest_own_id", helper, 2);
    helper_get_shown("guest_no_room", DOMID_SELF, 1);
    helper_get_shown("guest_of_another", dom, 2);
    helper_get_shown("guest_of_nobody", DOMID_UNKNOWN, 2);
    set_max(helper, 8192);
    watch(helper, WATCH_NODES);
    CASE(POPULATE, "guest_vnode_0_exact", helper_populate(0x8000, XENMEMF_vnode | XENMEMF_exact_node(0)));
    CASE(POPULATE, "guest_vnode_1_exact", helper_populate(0x8001, XENMEMF_vnode | XENMEMF_exact_node(1)));
    CASE(POPULATE, "guest_vnode_2_of_2", helper_populate(0x8002, XENMEMF_vnode | XENMEMF_node(2)));
    CASE(POPULATE, "guest_node_1_exact", helper_populate(0x8003, XENMEMF_exact_node(1)));
    watch(helper, WATCH_NOTHING);
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setvnumainfo,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                            .domain = (domid_t)helper,
                            .u.vnuma = in.vnuma};
    CASE(SET, "by_a_guest", helper_call(__HYPERVISOR_domctl, guest_put(0, &op, sizeof(op)), 0, 0, 0, 0));
    helper_stop();
}

static void compat(void)
{
    begin();
    CASE(SET, "two_nodes_for_32_bits", set(dom));
    get_begin(dom);
    CASE_SHOW("memory_op_32.get_vnumainfo", "two_nodes",
              hypercall32(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, PTR32(&out.info), 0, 0, 0),
              " nodes=%u vcpus=%u ranges=%u distance=%u,%u vcpu=%u end=%lx nid=%u", out.info.nr_vnodes,
              out.info.nr_vcpus, out.info.nr_vmemranges, out.distance[1], out.distance[2], out.vcpu[0],
              out.range[1].end, out.range[1].nid);
    get_begin(dom);
    out.info.vdistance.h |= 1ull << 32;
    out.info.vcpu_to_vnode.h |= 1ull << 40;
    out.info.vmemrange.h |= 1ull << 63;
    CASE_SHOW("memory_op_32.get_vnumainfo", "upper_halves",
              hypercall32(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, PTR32(&out.info), 0, 0, 0),
              " nodes=%u distance=%u vcpu=%u nid=%u halves=%lx", out.info.nr_vnodes, out.distance[1],
              out.vcpu[0], out.range[1].nid,
              (out.info.vdistance.h | out.info.vcpu_to_vnode.h | out.info.vmemrange.h) >> 32);
    get_begin(dom);
    out.info.nr_vmemranges = 1;
    CASE_SHOW("memory_op_32.get_vnumainfo", "no_room",
              hypercall32(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, PTR32(&out.info), 0, 0, 0),
              " nodes=%u vcpus=%u ranges=%u", out.info.nr_vnodes, out.info.nr_vcpus, out.info.nr_vmemranges);
    CASE("memory_op_32.get_vnumainfo", "unmapped",
         hypercall32(__HYPERVISOR_memory_op, XENMEM_get_vnumainfo, PTR32(hole_ptr()), 0, 0, 0));
}

void cases_vnuma(void)
{
    dom = domain_new(16384);
    without_topology();
    populate_without();
    set_refused();
    set_unmapped();
    domain_end(dom);

    dom = domain_new(16384);
    set_accepted();
    get_with_less();
    populate();
    guest();
    compat();
    domain_end(dom);
}

/* 32-bit callers of everything but memory_op: multicall, timers, polls, and the calls whose layout is the
 * same for all. */
#include <tests/guests/conformance/compat.h>
#include <tests/guests/conformance/conformance.h>
#include <homestead/errno.h>
#include <lib/string.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#define FAR_AWAY (1ull << 60) /* ns */

static long multicall32(const void *entries, u32 nr)
{
    return hypercall32(__HYPERVISOR_multicall, PTR32(entries), nr, 0, 0, 0);
}

static void multicalls(void)
{
    struct multicall_entry_32 e[3] = {
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
        {.op = 63},
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}},
    };
    struct multicall_entry_32 *edge = edge_ptr(sizeof(*edge));

    CASE_SHOW("multicall_32", "3_calls", multicall32(e, 3), " results=%x,%d,%x", e[0].result,
              (int)e[1].result, e[2].result);
    CASE("multicall_32", "none", multicall32(e, 0));
    CASE("multicall_32", "none_no_memory", multicall32(hole_ptr(), 0));
    memcpy(edge, &e[2], sizeof(*edge));
    edge->result = 7;
    CASE_SHOW("multicall_32", "to_the_edge", multicall32(edge, 1), " result=%x", edge->result);
    edge->result = 7;
    CASE_SHOW("multicall_32", "second_over_the_edge", multicall32(edge, 2), " result=%x", edge->result);
    edge->result = 7;
    CASE_SHOW("multicall_32", "all_ones_over_the_edge", multicall32(edge, ~0u), " result=%x", edge->result);
    CASE("multicall_32", "no_memory", multicall32(hole_ptr(), 1));
    e[0] = (struct multicall_entry_32){.op = __HYPERVISOR_multicall, .args = {PTR32(e + 1), 1}};
    CASE_SHOW("multicall_32", "nested", multicall32(e, 1), " result=%d", (int)e[0].result);
    u16 domid = 0x7fef;
    e[0] = (struct multicall_entry_32){.op = __HYPERVISOR_memory_op,
                                       .args = {XENMEM_current_reservation, PTR32(&domid)}};
    CASE_SHOW("multicall_32", "memory_op_unknown_domain", multicall32(e, 1), " result=%d", (int)e[0].result);
}

static long set_timer32(u64 ns)
{
    return hypercall32(__HYPERVISOR_set_timer_op, (u32)ns, (u32)(ns >> 32), 0, 0, 0);
}

static long vcpu32(u32 cmd, u32 vcpu, const void *arg)
{
    return hypercall32(__HYPERVISOR_vcpu_op, cmd, vcpu, PTR32(arg), 0, 0);
}

static void timers(void)
{
    struct set_singleshot_timer_32 t = {.timeout_abs_ns = FAR_AWAY};
    struct set_singleshot_timer_32 *edge = edge_ptr(sizeof(t));

    CASE("set_timer_op_32", "far_away", set_timer32(FAR_AWAY));
    CASE("set_timer_op_32", "stop", set_timer32(0));
    CASE("vcpu_op_32.set_singleshot_timer", "far_away", vcpu32(VCPUOP_set_singleshot_timer, 0, &t));
    CASE("vcpu_op_32.stop_singleshot_timer", "good", vcpu32(VCPUOP_stop_singleshot_timer, 0, NULL));
    t.flags = VCPU_SSHOTTMR_future;
    CASE("vcpu_op_32.set_singleshot_timer", "far_away_future", vcpu32(VCPUOP_set_singleshot_timer, 0, &t));
    t.timeout_abs_ns = 1ull << 32;
    t.flags = 0;
    memcpy(edge, &t, sizeof(t));
    CASE("vcpu_op_32.set_singleshot_timer", "to_the_edge", vcpu32(VCPUOP_set_singleshot_timer, 0, edge));
    CASE("vcpu_op_32.set_singleshot_timer", "over_the_edge",
         vcpu32(VCPUOP_set_singleshot_timer, 0, edge_ptr(sizeof(t) - 1)));
    CASE("vcpu_op_32.set_singleshot_timer", "vcpu_200", vcpu32(VCPUOP_set_singleshot_timer, 200, &t));
    CASE("vcpu_op_32.stop_periodic_timer", "good", vcpu32(VCPUOP_stop_periodic_timer, 0, NULL));
    CASE("vcpu_op_32.is_up", "vcpu_0", vcpu32(VCPUOP_is_up, 0, NULL));
    CASE("vcpu_op_32.is_up", "vcpu_200", vcpu32(VCPUOP_is_up, 200, NULL));
    CASE("vcpu_op_32.initialise", "no_memory", vcpu32(VCPUOP_initialise, 0, hole_ptr()));
    CASE("vcpu_op_32.register_vcpu_info", "no_memory", vcpu32(VCPUOP_register_vcpu_info, 0, hole_ptr()));
    CASE("vcpu_op_32.unknown", "nr_30", vcpu32(30, 0, NULL));
    vcpu32(VCPUOP_stop_singleshot_timer, 0, NULL);
}

static void runstate(const char *call, const char *name, u32 cmd, u32 vcpu, const void *arg,
                     struct runstate_info_32 *seen)
{
    memset(seen, 0xff, sizeof(*seen));
    case_begin();
    long rc = vcpu32(cmd, vcpu, arg);
    /* The upper half of a time of less than an hour; what follows the structure. */
    case_end(call, name, rc, " state=%d entered_high=%x blocked_high=%x offline_high=%x beyond=%x",
             seen->state, (u32)(seen->state_entry_time >> 42), (u32)(seen->time[2] >> 42),
             (u32)(seen->time[3] >> 42), *(u32 *)(seen + 1));
}

static void runstates(void)
{
    static struct {
        struct runstate_info_32 info;
        u32 beyond;
    } at = {.beyond = 0x12345678};
    u32 area = PTR32(&at), *edge = edge_ptr(sizeof(area));
    const char *get = "vcpu_op_32.get_runstate_info", *reg = "vcpu_op_32.register_runstate_memory_area";

    runstate(get, "good", VCPUOP_get_runstate_info, 0, &at, &at.info);
    runstate(get, "vcpu_1_of_1", VCPUOP_get_runstate_info, 1, &at, &at.info);
    runstate(get, "no_memory", VCPUOP_get_runstate_info, 0, hole_ptr(), &at.info);
    CASE(get, "to_the_edge", vcpu32(VCPUOP_get_runstate_info, 0, edge_ptr(sizeof(at.info))));
    CASE(get, "over_the_edge", vcpu32(VCPUOP_get_runstate_info, 0, edge_ptr(sizeof(at.info) - 1)));
    runstate(reg, "good", VCPUOP_register_runstate_memory_area, 0, &area, &at.info);
    memcpy(edge, &area, sizeof(area));
    runstate(reg, "argument_to_the_edge", VCPUOP_register_runstate_memory_area, 0, edge, &at.info);
    runstate(reg, "argument_over_the_edge", VCPUOP_register_runstate_memory_area, 0, edge_ptr(3), &at.info);
    runstate(reg, "vcpu_1_of_1", VCPUOP_register_runstate_memory_area, 1, &area, &at.info);
    area = PTR32(hole_ptr());
    runstate(reg, "no_memory", VCPUOP_register_runstate_memory_area, 0, &area, &at.info);
    area = ~0u;
    runstate(reg, "all_ones", VCPUOP_register_runstate_memory_area, 0, &area, &at.info);
    area = 0x90000000;
    runstate(reg, "not_mapped", VCPUOP_register_runstate_memory_area, 0, &area, &at.info);
    CASE("vm_assist_32.enable", "type_5", hypercall32(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 5, 0, 0, 0));
    CASE("vm_assist_32.disable", "type_5",
         hypercall32(__HYPERVISOR_vm_assist, VMASST_CMD_disable, 5, 0, 0, 0));
    CASE("vm_assist_32.enable", "type_3", hypercall32(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 3, 0, 0, 0));
    vcpu_op(VCPUOP_register_runstate_memory_area, 0,
            &(struct vcpu_register_runstate_memory_area){.addr.p = 0});
}

static long sched32(u32 cmd, const void *arg)
{
    return hypercall32(__HYPERVISOR_sched_op, cmd, PTR32(arg), 0, 0, 0);
}

static void polls(void)
{
    u32 ports[1] = {0xffffff};
    struct sched_poll_32 p = {.ports = PTR32(ports), .nr_ports = 1, .timeout = 1};
    struct sched_poll_32 *edge = edge_ptr(sizeof(p));
    struct sched_remote_shutdown remote = {.domain_id = 0x7fef};

    CASE("sched_op_32.yield", "good", sched32(SCHEDOP_yield, NULL));
    CASE("sched_op_32.poll", "bad_port", sched32(SCHEDOP_poll, &p));
    p.nr_ports = 0;
    CASE("sched_op_32.poll", "no_port_time_gone", sched32(SCHEDOP_poll, &p));
    memcpy(edge, &p, sizeof(p));
    CASE("sched_op_32.poll", "to_the_edge", sched32(SCHEDOP_poll, edge));
    CASE("sched_op_32.poll", "over_the_edge", sched32(SCHEDOP_poll, edge_ptr(sizeof(p) - 1)));
    p.nr_ports = 129;
    CASE("sched_op_32.poll", "129_ports", sched32(SCHEDOP_poll, &p));
    p.nr_ports = 1;
    p.ports = PTR32(hole_ptr());
    CASE("sched_op_32.poll", "ports_not_there", sched32(SCHEDOP_poll, &p));
    CASE("sched_op_32.remote_shutdown", "unknown_domain", sched32(SCHEDOP_remote_shutdown, &remote));
    CASE("sched_op_32.remote_shutdown", "no_memory", sched32(SCHEDOP_remote_shutdown, hole_ptr()));
    CASE("sched_op_32.shutdown", "no_memory", sched32(SCHEDOP_shutdown, hole_ptr()));
    CASE("sched_op_32.unknown", "nr_30", sched32(30, NULL));
}

static long version32(u32 cmd, const void *arg)
{
    return hypercall32(__HYPERVISOR_xen_version, cmd, PTR32(arg), 0, 0, 0);
}

static void versions(void)
{
    u32 words[4] = {~0u, ~0u, ~0u, ~0u};
    struct xen_feature_info features = {0, 0};
    static xen_capabilities_info_t text;

    CASE_SHOW("xen_version_32.platform_parameters", "good", version32(XENVER_platform_parameters, words),
              " beyond=%x", words[1]);
    CASE("xen_version_32.platform_parameters", "to_the_edge",
         version32(XENVER_platform_parameters, edge_ptr(4)));
    CASE("xen_version_32.platform_parameters", "over_the_edge",
         version32(XENVER_platform_parameters, edge_ptr(3)));
    CASE_SHOW("xen_version_32.get_features", "good", version32(XENVER_get_features, &features), " map=%x",
              features.submap);
    features.submap_idx = 5;
    CASE("xen_version_32.get_features", "submap_5", version32(XENVER_get_features, &features));
    CASE("xen_version_32.capabilities", "good", version32(XENVER_capabilities, text));
    CASE("xen_version_32.pagesize", "good", version32(XENVER_pagesize, NULL));
    CASE("xen_version_32.pagesize", "argument", version32(XENVER_pagesize, text));
    CASE("xen_version_32.guest_handle", "good", version32(XENVER_guest_handle, text));
    CASE("xen_version_32.unknown", "nr_30", version32(30, text));
}

static long domctl32(struct xen_domctl *op)
{
    return hypercall32(__HYPERVISOR_domctl, PTR32(op), 0, 0, 0, 0);
}

static long sysctl32(struct xen_sysctl *op)
{
    return hypercall32(__HYPERVISOR_sysctl, PTR32(op), 0, 0, 0, 0);
}

static void control(u32 d)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_getdomaininfo, .interface_version = XEN_DOMCTL_INTERFACE_VERSION, .domain = (u16)d};
    static xc_domaininfo_t infos[2];
    struct xen_sysctl s = {.cmd = XEN_SYSCTL_getdomaininfolist,
                           .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    CASE_SHOW("domctl_32.getdomaininfo", "good", domctl32(&op), " same=%u tot=%lu max=%lu",
              op.u.getdomaininfo.domain == d, op.u.getdomaininfo.tot_pages, op.u.getdomaininfo.max_pages);
    op.domain = 0x7fef;
    CASE("domctl_32.getdomaininfo", "unknown_domain", domctl32(&op));
    op.interface_version++;
    CASE("domctl_32.getdomaininfo", "wrong_version", domctl32(&op));
    CASE("domctl_32.getdomaininfo", "over_the_edge", domctl32(edge_ptr(sizeof(op) - 1)));
    op = (struct xen_domctl){.cmd = XEN_DOMCTL_max_mem,
                             .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                             .domain = (u16)d,
                             .u.max_mem = {.max_memkb = 128 * 4}};
    CASE("domctl_32.max_mem", "good", domctl32(&op));
    s.u.getdomaininfolist.first_domain = (u16)d;
    s.u.getdomaininfolist.max_domains = 1;
    s.u.getdomaininfolist.buffer = XEN_HANDLE(infos);
    CASE_SHOW("sysctl_32.getdomaininfolist", "good", sysctl32(&s), " nr=%u same=%u",
              s.u.getdomaininfolist.num_domains, infos[0].domain == d);
    s.u.getdomaininfolist.buffer = XEN_HANDLE(infos) | 1ull << 40;
    CASE("sysctl_32.getdomaininfolist", "handle_with_high_bits", sysctl32(&s));
    s.u.getdomaininfolist.buffer = XEN_HANDLE(hole_ptr());
    CASE("sysctl_32.getdomaininfolist", "no_buffer", sysctl32(&s));
    s.cmd = XEN_SYSCTL_sched_id;
    CASE("sysctl_32.sched_id", "good", sysctl32(&s));
    s.interface_version++;
    CASE("sysctl_32.sched_id", "wrong_version", sysctl32(&s));
    CASE("sysctl_32.sched_id", "over_the_edge", sysctl32(edge_ptr(sizeof(s) - 1)));
}

static long hvm32(u32 cmd, const void *arg)
{
    return hypercall32(__HYPERVISOR_hvm_op, cmd, PTR32(arg), 0, 0, 0);
}

static void params(u32 d)
{
    struct xen_hvm_param p = {.domid = (u16)d, .index = HVM_PARAM_STORE_PFN, .value = 0x123456789aull};

    CASE("hvm_op_32.set_param", "64_bits", hvm32(HVMOP_set_param, &p));
    p.value = 0;
    CASE_SHOW("hvm_op_32.get_param", "64_bits", hvm32(HVMOP_get_param, &p), " value=%lx", p.value);
    p.index = HVM_NR_PARAMS;
    CASE("hvm_op_32.get_param", "index_39", hvm32(HVMOP_get_param, &p));
    p.domid = 0x7fef;
    p.index = 0;
    CASE("hvm_op_32.get_param", "unknown_domain", hvm32(HVMOP_get_param, &p));
    CASE("hvm_op_32.get_param", "over_the_edge", hvm32(HVMOP_get_param, edge_ptr(sizeof(p) - 1)));
    CASE("hvm_op_32.unknown", "nr_60", hvm32(60, &p));
}

static void events(u32 d)
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = (u16)d};

    long rc = hypercall32(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, PTR32(&alloc), 0, 0, 0);
    CASE_SHOW("evtchn_op_32.alloc_unbound", "good", rc, " port=%u", alloc.port != 0);
    struct evtchn_status status = {.dom = DOMID_SELF, .port = alloc.port};
    CASE_SHOW("evtchn_op_32.status", "good",
              hypercall32(__HYPERVISOR_event_channel_op, EVTCHNOP_status, PTR32(&status), 0, 0, 0),
              " status=%u for=%u", status.status, status.u.unbound.dom == d);
    struct evtchn_close close = {.port = alloc.port};
    CASE("evtchn_op_32.close", "good",
         hypercall32(__HYPERVISOR_event_channel_op, EVTCHNOP_close, PTR32(&close), 0, 0, 0));
    CASE("evtchn_op_32.close", "no_memory",
         hypercall32(__HYPERVISOR_event_channel_op, EVTCHNOP_close, PTR32(hole_ptr()), 0, 0, 0));
    CASE("hypercall_32", "nr_64", hypercall32(64, 0, 0, 0, 0, 0));
    CASE("hypercall_32", "nr_bit_31", hypercall32(1u << 31, 0, 0, 0, 0, 0));
    CASE("console_io_32", "write_nothing", hypercall32(__HYPERVISOR_console_io, 0, 0, 0, 0, 0));
    CASE("console_io_32", "write_no_memory",
         hypercall32(__HYPERVISOR_console_io, 0, 1, PTR32(hole_ptr()), 0, 0));
    CASE("console_io_32", "unknown", hypercall32(__HYPERVISOR_console_io, 5, 0, 0, 0, 0));
}

void cases_compat_calls(void)
{
    u32 d = domain_new(64);

    multicalls();
    timers();
    runstates();
    polls();
    versions();
    watch(d, WATCH_DOMAIN);
    control(d);
    params(d);
    events(d);
    domain_end(d);
}

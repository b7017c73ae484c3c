/* The helper's event channels, HVM parameters, vCPU operations, scheduling and version. See cases_guest.c. */
#include <tests/guests/conformance/guest_caller.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

static u32 self;

static long call2(u64 nr, u64 cmd, const void *arg, u64 size)
{
    return helper_call(nr, cmd, guest_put(0, arg, size), 0, 0, 0);
}

static long evtchn(u64 cmd, const void *arg, u64 size)
{
    return call2(__HYPERVISOR_event_channel_op, cmd, arg, size);
}

static long alloc(u32 dom, u32 remote, u32 *port)
{
    struct evtchn_alloc_unbound arg = {.dom = (domid_t)dom, .remote_dom = (domid_t)remote};

    long rc = evtchn(EVTCHNOP_alloc_unbound, &arg, sizeof(arg));
    *port = ((struct evtchn_alloc_unbound *)helper_data())->port;
    return rc;
}

static long interdomain(u32 remote, u32 port, u32 *local)
{
    struct evtchn_bind_interdomain arg = {.remote_dom = (domid_t)remote, .remote_port = port};

    long rc = evtchn(EVTCHNOP_bind_interdomain, &arg, sizeof(arg));
    *local = ((struct evtchn_bind_interdomain *)helper_data())->local_port;
    return rc;
}

static long by_port(u64 cmd, u32 port)
{
    struct evtchn_close arg = {port};

    return evtchn(cmd, &arg, sizeof(arg));
}

static long status(u32 dom, u32 port, u32 *is)
{
    struct evtchn_status arg = {.dom = (domid_t)dom, .port = port, .status = 99};

    long rc = evtchn(EVTCHNOP_status, &arg, sizeof(arg));
    *is = ((struct evtchn_status *)helper_data())->status;
    return rc;
}

static long virq(u32 nr, u32 vcpu)
{
    struct evtchn_bind_virq arg = {nr, vcpu, 0};

    return evtchn(EVTCHNOP_bind_virq, &arg, sizeof(arg));
}

static void events_with_domain_0(void)
{
    struct evtchn_alloc_unbound ours = {.dom = DOMID_SELF, .remote_dom = (domid_t)self};
    struct evtchn_alloc_unbound not_its = {.dom = DOMID_SELF, .remote_dom = 0};
    u32 port = 0, local = 0, is = 0;

    evtchn_op(EVTCHNOP_alloc_unbound, &ours);
    evtchn_op(EVTCHNOP_alloc_unbound, &not_its);
    CASE("evtchn_op.alloc_unbound", "for_domain_0", alloc(DOMID_SELF, 0, &port));
    CASE_SHOW("evtchn_op.status", "unbound", status(DOMID_SELF, port, &is), " status=%u", is);
    CASE("evtchn_op.close", "good", by_port(EVTCHNOP_close, port));
    CASE("evtchn_op.alloc_unbound", "of_itself_by_number", alloc(self, 0, &port));
    by_port(EVTCHNOP_close, port);
    CASE("evtchn_op.alloc_unbound", "of_domain_0", alloc(0, self, &port));
    CASE("evtchn_op.alloc_unbound", "of_unknown_domain", alloc(0x7fef, 0, &port));
    CASE("evtchn_op.bind_interdomain", "to_domain_0", interdomain(0, ours.port, &local));
    CASE_SHOW("evtchn_op.status", "interdomain", status(DOMID_SELF, local, &is), " status=%u", is);
    CASE("evtchn_op.send", "to_domain_0", by_port(EVTCHNOP_send, local));
    CASE("evtchn_op.bind_interdomain", "to_domain_0_again", interdomain(0, ours.port, &local));
    CASE("evtchn_op.bind_interdomain", "port_is_for_another", interdomain(0, not_its.port, &local));
    CASE("evtchn_op.bind_interdomain", "port_0", interdomain(0, 0, &local));
    CASE("evtchn_op.bind_interdomain", "port_all_ones", interdomain(0, ~0u, &local));
    CASE("evtchn_op.bind_interdomain", "unknown_domain", interdomain(0x7fef, 1, &local));
    CASE("evtchn_op.status", "of_domain_0", status(0, ours.port, &is));
    CASE("evtchn_op.status", "of_unknown_domain", status(0x7fef, 1, &is));
    struct evtchn_reset reset = {0};
    CASE("evtchn_op.reset", "of_domain_0", evtchn(EVTCHNOP_reset, &reset, sizeof(reset)));
    reset.dom = 0x7fef;
    CASE("evtchn_op.reset", "of_unknown_domain", evtchn(EVTCHNOP_reset, &reset, sizeof(reset)));
    struct evtchn_close close = {ours.port};
    CASE("evtchn_op.close", "by_domain_0", evtchn_op(EVTCHNOP_close, &close));
    close.port = not_its.port;
    evtchn_op(EVTCHNOP_close, &close);
}

static void events_of_its_own(void)
{
    struct evtchn_bind_ipi ipi = {0, 0};
    struct evtchn_bind_vcpu vcpu = {1000, 0};
    struct evtchn_reset reset = {DOMID_SELF};
    char name[32];

    for (u32 nr = 0; nr <= NR_VIRQS; nr++) {
        snprintf(name, sizeof(name), "virq_%02u", nr);
        CASE("evtchn_op.bind_virq", name, virq(nr, 0));
    }
    CASE("evtchn_op.bind_virq", "again", virq(VIRQ_TIMER, 0));
    CASE("evtchn_op.bind_virq", "vcpu_1", virq(VIRQ_TIMER, 1));
    CASE("evtchn_op.bind_ipi", "good", evtchn(EVTCHNOP_bind_ipi, &ipi, sizeof(ipi)));
    ipi.vcpu = 1;
    CASE("evtchn_op.bind_ipi", "vcpu_1", evtchn(EVTCHNOP_bind_ipi, &ipi, sizeof(ipi)));
    CASE("evtchn_op.bind_vcpu", "closed_port", evtchn(EVTCHNOP_bind_vcpu, &vcpu, sizeof(vcpu)));
    CASE("evtchn_op.send", "closed_port", by_port(EVTCHNOP_send, 1000));
    CASE("evtchn_op.send", "port_all_ones", by_port(EVTCHNOP_send, ~0u));
    CASE("evtchn_op.unmask", "closed_port", by_port(EVTCHNOP_unmask, 1000));
    CASE("evtchn_op.close", "closed_port", by_port(EVTCHNOP_close, 1000));
    CASE("evtchn_op.reset", "self", evtchn(EVTCHNOP_reset, &reset, sizeof(reset)));
    CASE("evtchn_op.bind_virq", "after_reset", virq(VIRQ_TIMER, 0));
    reset.dom = (domid_t)self;
    CASE("evtchn_op.reset", "self_by_number", evtchn(EVTCHNOP_reset, &reset, sizeof(reset)));
    for (u32 nr = 0; nr < 16; nr++) {
        snprintf(name, sizeof(name), "not_mapped_nr_%02u", nr);
        CASE("evtchn_op", name, helper_call(__HYPERVISOR_event_channel_op, nr, BAD_GVA, 0, 0, 0));
    }
}

static long param(u64 cmd, u32 domid, u32 index, u64 value)
{
    struct xen_hvm_param arg = {.domid = (domid_t)domid, .index = index, .value = value};

    return call2(__HYPERVISOR_hvm_op, cmd, &arg, sizeof(arg));
}

/* Xen clears the TSS in the caller's memory when its place is set, without regard for what is there: not
 * here.
 */
static void hvm_params(void)
{
    char name[32];

    for (u32 i = 0; i < HVM_NR_PARAMS; i++) {
        snprintf(name, sizeof(name), "index_%02u", i);
        CASE("hvm_op.get_param", name, param(HVMOP_get_param, DOMID_SELF, i, 0));
        if (i != HVM_PARAM_VM86_TSS && i != HVM_PARAM_VM86_TSS_SIZED)
            CASE("hvm_op.set_param", name, param(HVMOP_set_param, DOMID_SELF, i, 0));
    }
    CASE("hvm_op.get_param", "index_39", param(HVMOP_get_param, DOMID_SELF, 39, 0));
    CASE("hvm_op.set_param", "index_39", param(HVMOP_set_param, DOMID_SELF, 39, 0));
    CASE("hvm_op.get_param", "index_all_ones", param(HVMOP_get_param, DOMID_SELF, ~0u, 0));
    CASE("hvm_op.get_param", "of_domain_0", param(HVMOP_get_param, 0, HVM_PARAM_STORE_PFN, 0));
    CASE("hvm_op.set_param", "of_domain_0", param(HVMOP_set_param, 0, HVM_PARAM_STORE_EVTCHN, 0));
    CASE("hvm_op.get_param", "of_domain_0_index_39", param(HVMOP_get_param, 0, 39, 0));
    CASE("hvm_op.get_param", "of_unknown_domain", param(HVMOP_get_param, 0x7fef, 0, 0));
    CASE("hvm_op.set_param", "of_unknown_domain", param(HVMOP_set_param, 0x7fef, 0, 0));
    CASE("hvm_op.get_param", "of_unknown_domain_index_39", param(HVMOP_get_param, 0x7fef, 39, 0));
    CASE("hvm_op.set_param", "fip_width_1", param(HVMOP_set_param, DOMID_SELF, HVM_PARAM_X87_FIP_WIDTH, 1));
    CASE("hvm_op.set_param", "fip_width_8", param(HVMOP_set_param, DOMID_SELF, HVM_PARAM_X87_FIP_WIDTH, 8));
    CASE("hvm_op.set_param", "store_evtchn_5", param(HVMOP_set_param, DOMID_SELF, HVM_PARAM_STORE_EVTCHN, 5));
    CASE_SHOW("hvm_op.get_param", "store_evtchn_5",
              param(HVMOP_get_param, DOMID_SELF, HVM_PARAM_STORE_EVTCHN, 0), " value=%lu",
              ((struct xen_hvm_param *)helper_data())->value);
    struct xen_hvm_evtchn_upcall_vector vector = {0, 5};
    CASE("hvm_op.set_evtchn_upcall_vector", "vector_5",
         call2(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &vector, sizeof(vector)));
    vector.vector = 0x50;
    vector.vcpu = 1;
    CASE("hvm_op.set_evtchn_upcall_vector", "vcpu_1",
         call2(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &vector, sizeof(vector)));
    vector.vector = 5;
    CASE("hvm_op.set_evtchn_upcall_vector", "vcpu_1_vector_5",
         call2(__HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, &vector, sizeof(vector)));
    for (u32 nr = 0; nr < 28; nr++) {
        snprintf(name, sizeof(name), "not_mapped_nr_%02u", nr);
        CASE("hvm_op", name, helper_call(__HYPERVISOR_hvm_op, nr, BAD_GVA, 0, 0, 0));
    }
}

/* Left out: an NMI to the helper's only vCPU, and taking it offline, would end the helper. */
static void vcpu_ops(void)
{
    char name[32];

    for (u32 nr = 0; nr < 16; nr++) {
        snprintf(name, sizeof(name), "vcpu_1_nr_%02u", nr);
        CASE("vcpu_op", name, helper_call(__HYPERVISOR_vcpu_op, nr, 1, BAD_GVA, 0, 0));
        if (nr == VCPUOP_down || nr == VCPUOP_send_nmi)
            continue;
        snprintf(name, sizeof(name), "not_mapped_nr_%02u", nr);
        CASE("vcpu_op", name, helper_call(__HYPERVISOR_vcpu_op, nr, 0, BAD_GVA, 0, 0));
    }
    struct vcpu_register_vcpu_info info = {.mfn = 0x7000, .offset = 0};
    CASE("vcpu_op.register_vcpu_info", "no_memory",
         helper_call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, guest_put(0, &info, sizeof(info)), 0,
                     0));
    info = (struct vcpu_register_vcpu_info){.mfn = 7, .offset = 4096 - 8};
    CASE("vcpu_op.register_vcpu_info", "across_pages",
         helper_call(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, guest_put(0, &info, sizeof(info)), 0,
                     0));
    CASE("vcpu_op", "vcpu_all_ones", helper_call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, ~0u, 0, 0, 0));
    CASE("vcpu_op", "vcpu_2_to_32", helper_call(__HYPERVISOR_vcpu_op, VCPUOP_is_up, 1ull << 32, 0, 0, 0));
}

/* Left out: blocking, shutdown and the watchdog would end the helper, too. */
static void scheduling(void)
{
    struct sched_remote_shutdown remote = {.domain_id = 0, .reason = SHUTDOWN_crash};
    struct sched_poll poll = {.timeout = 1};
    char name[32];

    CASE("sched_op.yield", "good", helper_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0, 0));
    CASE("sched_op.poll", "no_port", call2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll, sizeof(poll)));
    CASE("sched_op.remote_shutdown", "domain_0",
         call2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &remote, sizeof(remote)));
    remote.domain_id = (domid_t)self;
    CASE("sched_op.remote_shutdown", "self",
         call2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &remote, sizeof(remote)));
    remote.domain_id = 0x7fef;
    CASE("sched_op.remote_shutdown", "unknown_domain",
         call2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &remote, sizeof(remote)));
    for (u32 nr = SCHEDOP_shutdown; nr < 10; nr++) {
        snprintf(name, sizeof(name), "not_mapped_nr_%02u", nr);
        CASE("sched_op", name, helper_call(__HYPERVISOR_sched_op, nr, BAD_GVA, 0, 0, 0));
    }
}

static void versions(void)
{
    struct xen_feature_info features = {0, 0};
    const char *text = helper_data();
    char name[32];

    for (u32 nr = 0; nr < 12; nr++) {
        snprintf(name, sizeof(name), "nr_%02u", nr);
        memset(helper_data(), 0, PAGE_SIZE);
        CASE("xen_version", name, helper_call(__HYPERVISOR_xen_version, nr, helper_gaddr(), 0, 0, 0));
        snprintf(name, sizeof(name), "not_mapped_nr_%02u", nr);
        CASE("xen_version", name, helper_call(__HYPERVISOR_xen_version, nr, BAD_GVA, 0, 0, 0));
    }
    CASE_SHOW("xen_version.commandline", "text",
              helper_call(__HYPERVISOR_xen_version, XENVER_commandline, helper_gaddr(), 0, 0, 0), " text=%s",
              text);
    CASE_SHOW("xen_version.get_features", "map",
              call2(__HYPERVISOR_xen_version, XENVER_get_features, &features, sizeof(features)), " map=%x",
              ((struct xen_feature_info *)helper_data())->submap);
}

void cases_guest_calls(u32 domid)
{
    self = domid;
    events_with_domain_0();
    events_of_its_own();
    hvm_params();
    vcpu_ops();
    scheduling();
    versions();
}

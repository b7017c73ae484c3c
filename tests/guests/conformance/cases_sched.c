/*
 * Weight and cap of a domain: scheduler_op. The scheduler's own id is asked for, so that the cases are about the commands:
 * credit and credit2 have structures of the same form. weight= and cap= are what the command wrote back, then= what is read
 * afterwards.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/printf.h>

static u32 sched_id(void)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_sched_id};

    return sysctl(&op) ? 0 : op.u.sched_id.sched_id;
}

static long scheduler_op(struct xen_domctl *op, u32 domid, u32 id, u32 cmd, u32 weight, u32 cap)
{
    *op = (struct xen_domctl){.cmd = XEN_DOMCTL_scheduler_op, .domain = (domid_t)domid};
    op->u.scheduler_op.sched_id = id;
    op->u.scheduler_op.cmd = cmd;
    op->u.scheduler_op.u.credit2 = (struct xen_domctl_sched_credit2){.weight = (u16)weight, .cap = (u16)cap};
    return domctl(op);
}

static void try(const char *name, u32 domid, u32 id, u32 cmd, u32 weight, u32 cap)
{
    struct xen_domctl op, then;

    case_begin();
    long rc = scheduler_op(&op, domid, id, cmd, weight, cap);
    scheduler_op(&then, domid, sched_id(), XEN_DOMCTL_SCHEDOP_getinfo, 0xaaaa, 0xaaaa);
    case_end("domctl.scheduler_op", name, rc, " weight=%u cap=%u then=%u/%u",
             op.u.scheduler_op.u.credit2.weight, op.u.scheduler_op.u.credit2.cap,
             then.u.scheduler_op.u.credit2.weight, then.u.scheduler_op.u.credit2.cap);
}

static void vcpu_case(const char *name, u32 domid, u32 cmd, void *vcpus, u32 nr)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_scheduler_op, .domain = (domid_t)domid};

    op.u.scheduler_op.sched_id = sched_id();
    op.u.scheduler_op.cmd = cmd;
    op.u.scheduler_op.u.v.vcpus = XEN_HANDLE(vcpus);
    op.u.scheduler_op.u.v.nr_vcpus = nr;
    CASE_SHOW("domctl.scheduler_op", name, domctl(&op), " nr=%u", op.u.scheduler_op.u.v.nr_vcpus);
}

static void sched_ids(void)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_sched_id};

    CASE_SHOW("sysctl.sched_id", "is", sysctl(&op), " id=%u", op.u.sched_id.sched_id);
}

static void without_vcpus(u32 id)
{
    struct xen_domctl_createdomain config = xc_domain_config(2);
    u32 domid = 0;

    if (xc_domain_create(xch, &domid, &config))
        give_up("making a domain", 0);
    try("no_vcpus_get", domid, id, XEN_DOMCTL_SCHEDOP_getinfo, 1, 1);
    try("no_vcpus_put_weight", domid, id, XEN_DOMCTL_SCHEDOP_putinfo, 512, 0);
    try("no_vcpus_put_cap", domid, id, XEN_DOMCTL_SCHEDOP_putinfo, 512, 1);
    domain_end(domid);
}

void cases_sched(void)
{
    enum { PUT = XEN_DOMCTL_SCHEDOP_putinfo, GET = XEN_DOMCTL_SCHEDOP_getinfo };
    u32 id = sched_id(), domid = domain_new(16);
    static u8 array[64];
    char name[32];

    sched_ids();
    try("get_new", domid, id, GET, 0xaaaa, 0xaaaa);
    try("get_domain_0", 0, id, GET, 0xaaaa, 0xaaaa);
    try("get_no_domain", 0x7abc, id, GET, 1, 1);
    try("put_weight_512", domid, id, PUT, 512, 0);
    try("put_weight_1", domid, id, PUT, 1, 0);
    try("put_weight_65535", domid, id, PUT, 65535, 0);
    try("put_weight_0", domid, id, PUT, 0, 0);
    try("put_cap_50", domid, id, PUT, 256, 50);
    try("put_cap_1", domid, id, PUT, 256, 1);
    try("put_cap_100", domid, id, PUT, 256, 100);
    try("put_cap_of_all_vcpus", domid, id, PUT, 256, 200);
    try("put_cap_above_all_vcpus", domid, id, PUT, 256, 1000);
    try("put_cap_65534", domid, id, PUT, 256, 65534);
    try("put_weight_0_keeps_cap", domid, id, PUT, 0, 40);
    try("put_cap_65535", domid, id, PUT, 256, 65535);
    try("put_weight_and_bad_cap", domid, id, PUT, 700, 101);
    try("put_weight_256", domid, id, PUT, 256, 0);
    try("put_cap_0", domid, id, PUT, 256, 0);
    try("put_domain_0", 0, id, PUT, 300, 0);
    try("put_domain_0_back", 0, id, PUT, 256, 0);
    for (u32 other = 0; other < 12; other++)
        if (other != id && other != 5 && other != XEN_SCHEDULER_CREDIT2) {
            snprintf(name, sizeof(name), "scheduler_%u", other);
            try(name, domid, other, GET, 1, 1);
        }
    try("scheduler_ffffffff", domid, ~0u, GET, 1, 1);
    for (u32 cmd = 4; cmd < 7; cmd++) {
        snprintf(name, sizeof(name), "command_%u", cmd);
        try(name, domid, id, cmd, 1, 1);
    }
    try("command_ffffffff", domid, id, ~0u, 1, 1);
    vcpu_case("getvcpuinfo_null", domid, XEN_DOMCTL_SCHEDOP_getvcpuinfo, NULL, 1);
    vcpu_case("getvcpuinfo", domid, XEN_DOMCTL_SCHEDOP_getvcpuinfo, array, 1);
    vcpu_case("getvcpuinfo_none", domid, XEN_DOMCTL_SCHEDOP_getvcpuinfo, array, 0);
    vcpu_case("putvcpuinfo_null", domid, XEN_DOMCTL_SCHEDOP_putvcpuinfo, NULL, 1);
    vcpu_case("putvcpuinfo", domid, XEN_DOMCTL_SCHEDOP_putvcpuinfo, array, 1);
    vcpu_case("putvcpuinfo_bad", domid, XEN_DOMCTL_SCHEDOP_putvcpuinfo, bad_ptr(), 1);
    domain_end(domid);
    without_vcpus(id);
}

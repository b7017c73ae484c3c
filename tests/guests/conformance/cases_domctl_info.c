/* domctl: getdomaininfo of domains in all states but the ends (cases_life.c), vCPUs, getvcpuinfo. */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/string.h>
#include <xen/version.h>

#define FIRST_ID 0x7100u

static void info_case(const char *name, u32 domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = (domid_t)domid};
    const xc_domaininfo_t *info = &op.u.getdomaininfo;

    case_begin();
    long rc = domctl(&op);
    if (rc) {
        case_end("domctl.getdomaininfo", name, rc, " domid=%+d", (int)op.domain - (int)domid);
        return;
    }
    case_end("domctl.getdomaininfo", name, rc,
             " domid=%+d inside=%+d flags=%#x tot=%lu max=%#lx out=%lu shr=%lu paged=%lu shinfo=%#lx "
             "vcpus=%u/%d pool=%u emu=%#x time=%s",
             (int)op.domain - (int)domid, (int)info->domain - (int)domid, info->flags, info->tot_pages,
             info->max_pages, info->outstanding_pages, info->shr_pages, info->paged_pages,
             info->shared_info_frame, info->nr_online_vcpus, (int)info->max_vcpu_id, info->cpupool,
             info->arch_config.emulation_flags, info->cpu_time ? "some" : "none");
}

static u32 make(u32 domid, u32 max_vcpus)
{
    struct xen_domctl_createdomain config = xc_domain_config(max_vcpus);
    long rc = xc_domain_create(xch, &domid, &config);

    if (rc)
        give_up("making a domain with an id", rc);
    return domid;
}

static void max_vcpus(u32 domid, const char *name, u32 max)
{
    CASE_SHOW("domctl.max_vcpus", name, xc_domain_max_vcpus(xch, domid, max), " nodes=%lx",
              node_affinity(domid));
}

static void states(void)
{
    u32 domid = make(FIRST_ID, 2);

    info_case("new", domid);
    max_vcpus(domid, "one_less", 1);
    max_vcpus(domid, "zero", 0);
    max_vcpus(domid, "one_more", 3);
    max_vcpus(domid, "all_ones", ~0u);
    info_case("still_without_vcpus", domid);
    max_vcpus(domid, "good", 2);
    info_case("with_vcpus", domid);
    max_vcpus(domid, "good_again", 2);
    max_vcpus(domid, "less_than_there_are", 1);
    max_vcpus(domid, "more_than_there_are", 3);
    CASE("domctl.pausedomain", "twice", domctl_plain(domid, XEN_DOMCTL_pausedomain));
    info_case("paused_twice", domid);
    domctl_plain(domid, XEN_DOMCTL_unpausedomain);
    info_case("paused_once", domid);
    CASE("domctl.unpausedomain", "vcpus_without_context", domctl_plain(domid, XEN_DOMCTL_unpausedomain));
    info_case("unpaused", domid);
    max_vcpus(domid, "unpaused", 2);
    domain_end(domid);
}

/* An unused id means the next used one. */
static void next_ids(void)
{
    make(FIRST_ID, 1);
    make(FIRST_ID + 3, 1);
    info_case("the_lower", FIRST_ID);
    info_case("between_goes_up", FIRST_ID + 1);
    info_case("just_below_the_higher", FIRST_ID + 2);
    info_case("above_all", FIRST_ID + 4);
    info_case("highest_id", DOMID_UNKNOWN);
    info_case("first_reserved_id", DOMID_SELF);
    info_case("id_0x8000", 0x8000);
    domain_end(FIRST_ID);
    info_case("lower_is_gone", FIRST_ID);
    domain_end(FIRST_ID + 3);
    info_case("both_are_gone", FIRST_ID);
}

static void first_domain(void)
{
    xc_domaininfo_t info = {0};

    CASE_SHOW("domctl.getdomaininfo", "domain_0", xc_domain_getinfo_single(xch, 0, &info),
              " flags=%#x vcpus=%u/%d tot=%s time=%s emu=%#x", info.flags, info.nr_online_vcpus,
              (int)info.max_vcpu_id, info.tot_pages ? "some" : "none", info.cpu_time ? "some" : "none",
              info.arch_config.emulation_flags);
}

static void vcpu_case(const char *name, u32 domid, u32 vcpu)
{
    struct xen_domctl op = {
        .cmd = XEN_DOMCTL_getvcpuinfo, .domain = (domid_t)domid, .u.getvcpuinfo.vcpu = vcpu};
    const xc_vcpuinfo_t *info = &op.u.getvcpuinfo;

    CASE_SHOW("domctl.getvcpuinfo", name, domctl(&op), " online=%u blocked=%u running=%u time=%s",
              info->online, info->blocked, info->running, info->cpu_time ? "some" : "none");
}

static void vcpus(void)
{
    u32 domid = make(FIRST_ID, 2);

    vcpu_case("no_vcpus_yet", domid, 0);
    vcpu_case("no_vcpus_yet_beyond", domid, 2);
    xc_domain_max_vcpus(xch, domid, 2);
    vcpu_case("first", domid, 0);
    vcpu_case("last", domid, 1);
    vcpu_case("beyond", domid, 2);
    vcpu_case("vcpu_128", domid, 128);
    vcpu_case("vcpu_all_ones", domid, ~0u);
    vcpu_case("domain_0", 0, 0);
    vcpu_case("domain_0_beyond", 0, 1);
    domain_end(domid);
    domid = helper_start();
    helper_call(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0); /* it has run then */
    domctl_plain(domid, XEN_DOMCTL_pausedomain);
    vcpu_case("paused", domid, 0);
    CASE_SHOW("domctl.getdomaininfo", "helper_paused", 0, " flags=%#x", domain_flags(domid));
    domctl_plain(domid, XEN_DOMCTL_unpausedomain);
    CASE_SHOW("domctl.getdomaininfo", "helper_running", 0, " flags=%#x", domain_flags(domid));
    helper_stop();
}

void domctl_info(void)
{
    states();
    next_ids();
    first_domain();
    vcpus();
}

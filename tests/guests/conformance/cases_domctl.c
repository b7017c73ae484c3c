/*
 * domctl: the checks that come before the command, and the short commands. The same wrong domain ids and
 * versions go to every command. See cases_domctl_info.c and cases_domctl_memory.c.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <homestead/errno.h>
#include <lib/printf.h>
#include <lib/string.h>

static const struct {
    const char *name;
    u32 cmd;
} commands[] = {
    {"destroydomain", XEN_DOMCTL_destroydomain},
    {"pausedomain", XEN_DOMCTL_pausedomain},
    {"unpausedomain", XEN_DOMCTL_unpausedomain},
    {"getdomaininfo", XEN_DOMCTL_getdomaininfo},
    {"setvcpuaffinity", XEN_DOMCTL_setvcpuaffinity},
    {"shadow_op", XEN_DOMCTL_shadow_op},
    {"max_mem", XEN_DOMCTL_max_mem},
    {"setvcpucontext", XEN_DOMCTL_setvcpucontext},
    {"getvcpuinfo", XEN_DOMCTL_getvcpuinfo},
    {"max_vcpus", XEN_DOMCTL_max_vcpus},
    {"setdomainhandle", XEN_DOMCTL_setdomainhandle},
    {"settimeoffset", XEN_DOMCTL_settimeoffset},
    {"getvcpuaffinity", XEN_DOMCTL_getvcpuaffinity},
    {"gethvmcontext", XEN_DOMCTL_gethvmcontext},
    {"sethvmcontext", XEN_DOMCTL_sethvmcontext},
    {"gettscinfo", XEN_DOMCTL_gettscinfo},
    {"settscinfo", XEN_DOMCTL_settscinfo},
    {"setnodeaffinity", XEN_DOMCTL_setnodeaffinity},
    {"getnodeaffinity", XEN_DOMCTL_getnodeaffinity},
    {"get_paging_mempool_size", XEN_DOMCTL_get_paging_mempool_size},
    {"set_paging_mempool_size", XEN_DOMCTL_set_paging_mempool_size},
};

static const struct {
    const char *name;
    u32 domid;
} nobody[] = {
    {"unknown_domain", DOMID_UNKNOWN}, {"domid_self", DOMID_SELF},       {"domid_io", DOMID_IO},
    {"domid_xen", DOMID_XEN},          {"domid_invalid", DOMID_INVALID}, {"domid_all_ones", 0xffff},
};

static long send(u32 cmd, u32 domid, u32 version)
{
    struct xen_domctl op = {.cmd = cmd, .interface_version = version, .domain = (domid_t)domid};

    return domctl(&op);
}

static void every_command(u32 domid)
{
    char call[40];

    for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
        snprintf(call, sizeof(call), "domctl.%s", commands[i].name);
        for (u32 n = 0; n < ARRAY_SIZE(nobody); n++)
            CASE(call, nobody[n].name, domctl_plain(nobody[n].domid, commands[i].cmd));
        CASE(call, "version_before", send(commands[i].cmd, domid, XEN_DOMCTL_INTERFACE_VERSION - 1));
        CASE(call, "version_after_unknown_domain",
             send(commands[i].cmd, DOMID_UNKNOWN, XEN_DOMCTL_INTERFACE_VERSION + 1));
    }
    CASE("domctl.getdomaininfo", "above_the_highest", domctl_plain(DOMID_UNKNOWN, 5));
}

/* Numbers that neither has: gaps, obsolete numbers, numbers beyond the end. */
static void unknown_commands(u32 domid)
{
    static const u32 unknown[] = {0, 6, 26, 200, 999, 0x80000005, ~0u};
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(unknown); i++) {
        snprintf(name, sizeof(name), "command_%x", unknown[i]);
        CASE("domctl", name, domctl_plain(domid, unknown[i]));
    }
    CASE("domctl", "unknown_command_and_domain", domctl_plain(DOMID_UNKNOWN, 200));
    CASE("domctl", "unknown_command_and_version", send(200, domid, XEN_DOMCTL_INTERFACE_VERSION + 1));
    CASE("domctl", "arg_not_mapped", hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(bad_ptr())));
}

/* The whole structure is read, also for a command that needs little of it. */
static void argument_edges(u32 domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_pausedomain,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                            .domain = (domid_t)domid};
    struct xen_domctl *beyond = edge_ptr(sizeof(op) - 1), *edge;

    memcpy(beyond, &op, sizeof(op) - 1);
    CASE("domctl.pausedomain", "arg_one_byte_over", hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(beyond)));
    beyond = edge_ptr(16);
    memcpy(beyond, &op, 16);
    CASE("domctl.pausedomain", "arg_only_its_head", hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(beyond)));
    edge = edge_ptr(sizeof(op));
    memcpy(edge, &op, sizeof(op));
    CASE("domctl.pausedomain", "arg_fits_to_the_edge", hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(edge)));
    CASE("domctl.unpausedomain", "after_the_edge", domctl_plain(domid, XEN_DOMCTL_unpausedomain));
    op.cmd = XEN_DOMCTL_getdomaininfo;
    op._pad[0] = op._pad[1] = op._pad[2] = 0xffff;
    CASE_SHOW("domctl.getdomaininfo", "padding_not_0", domctl(&op), " pad=%x", op._pad[1]);
}

/* domctl has one layout for all callers; a frame number above 32 bits does not fit the other calls'. */
static void callers_of_32_bits(u32 domid)
{
    static struct xen_domctl op;

    op = (struct xen_domctl){.cmd = XEN_DOMCTL_getdomaininfo,
                             .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                             .domain = (domid_t)domid};
    CASE_SHOW("domctl.getdomaininfo", "from_32_bits",
              hypercall32(__HYPERVISOR_domctl, (u32)XEN_HANDLE(&op), 0, 0, 0, 0), " same_id=%s flags=%#x",
              op.u.getdomaininfo.domain == domid ? "yes" : "no", op.u.getdomaininfo.flags);
    op.cmd = XEN_DOMCTL_max_mem;
    op.u.max_mem.max_memkb = 256;
    watch(domid, WATCH_DOMAIN);
    CASE("domctl.max_mem", "from_32_bits",
         hypercall32(__HYPERVISOR_domctl, (u32)XEN_HANDLE(&op), 0, 0, 0, 0));
    watch(domid, WATCH_NOTHING);
    op.domain = DOMID_UNKNOWN;
    CASE("domctl.max_mem", "from_32_bits_unknown_domain",
         hypercall32(__HYPERVISOR_domctl, (u32)XEN_HANDLE(&op), 0, 0, 0, 0));
    op.interface_version = 0;
    CASE("domctl.max_mem", "from_32_bits_version_0",
         hypercall32(__HYPERVISOR_domctl, (u32)XEN_HANDLE(&op), 0, 0, 0, 0));
    CASE("domctl", "from_32_bits_not_mapped",
         hypercall32(__HYPERVISOR_domctl, (u32)XEN_HANDLE(hole_ptr()), 0, 0, 0, 0));
}

static void handle(u32 domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setdomainhandle, .domain = (domid_t)domid};
    xc_domaininfo_t info = {0};

    for (u32 i = 0; i < 16; i++)
        op.u.setdomainhandle.handle[i] = (u8)(0x10 + i);
    CASE("domctl.setdomainhandle", "good", domctl(&op));
    domain_info(domid, &info);
    CASE_SHOW("domctl.setdomainhandle", "read_back", 0, " first=%x last=%x", info.handle[0], info.handle[15]);
    memset(&op.u, 0, sizeof(op.u));
    CASE("domctl.setdomainhandle", "all_0", domctl(&op));
    domain_info(domid, &info);
    CASE_SHOW("domctl.setdomainhandle", "all_0_read_back", 0, " first=%x last=%x", info.handle[0],
              info.handle[15]);
}

static long time_offset(u32 domid, s64 seconds)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_settimeoffset,
                            .domain = (domid_t)domid,
                            .u.settimeoffset.time_offset_seconds = seconds};

    return domctl(&op);
}

static void time_offsets(u32 domid)
{
    CASE("domctl.settimeoffset", "zero", time_offset(domid, 0));
    CASE("domctl.settimeoffset", "an_hour_ahead", time_offset(domid, 3600));
    CASE("domctl.settimeoffset", "an_hour_back", time_offset(domid, -3600));
    CASE("domctl.settimeoffset", "far_back", time_offset(domid, (s64)1 << 63));
    CASE("domctl.settimeoffset", "back_to_zero", time_offset(domid, 0));
    CASE("domctl.settimeoffset", "own_domain", time_offset(0, 0));
}

/* khz_percent: the wanted frequency in percent of the host's. */
static void tsc_case(const char *name, u32 domid, u32 mode, u32 khz_percent, u32 incarnation)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_settscinfo, .domain = (domid_t)domid};

    op.u.tsc_info = (struct xen_domctl_tsc_info){
        .tsc_mode = mode,
        .gtsc_khz = khz_percent == 100 ? guest_env.tsc_khz : guest_env.tsc_khz / 100 * khz_percent,
        .incarnation = incarnation};
    case_begin();
    long rc = domctl(&op);
    op = (struct xen_domctl){.cmd = XEN_DOMCTL_gettscinfo, .domain = (domid_t)domid};
    long read = domctl(&op);
    const struct xen_domctl_tsc_info *info = &op.u.tsc_info;
    case_end("domctl.settscinfo", name, rc, " get=%ld mode=%u same_khz=%s incarnation=%u", read,
             info->tsc_mode, info->gtsc_khz == guest_env.tsc_khz ? "yes" : "no", info->incarnation);
}

static void tsc(u32 domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_gettscinfo, .domain = (domid_t)domid};

    CASE_SHOW("domctl.gettscinfo", "new_domain", domctl(&op), " mode=%u same_khz=%s incarnation=%u",
              op.u.tsc_info.tsc_mode, op.u.tsc_info.gtsc_khz == guest_env.tsc_khz ? "yes" : "no",
              op.u.tsc_info.incarnation);
    tsc_case("mode_default", domid, 0, 100, 0);
    tsc_case("mode_default_no_khz", domid, 0, 0, 7);
    tsc_case("mode_default_half_khz", domid, 0, 50, 0);
    tsc_case("mode_never", domid, 2, 100, 5);
    tsc_case("mode_never_half_khz", domid, 2, 50, ~0u);
    tsc_case("mode_3", domid, 3, 100, 9);
    tsc_case("mode_all_ones", domid, ~0u, 100, 9);
    tsc_case("mode_emulated", domid, 1, 100, 0);
    tsc_case("own_domain", 0, 0, 100, 0);
    op.domain = 0;
    CASE("domctl.gettscinfo", "own_domain", domctl(&op));
    CASE("domctl.unpausedomain", "once", domctl_plain(domid, XEN_DOMCTL_unpausedomain));
    tsc_case("running", domid, 2, 100, 1);
    CASE("domctl.pausedomain", "once", domctl_plain(domid, XEN_DOMCTL_pausedomain));
}

/* Commands that a domain may not use on itself. */
static void own_domain(void)
{
    CASE("domctl.destroydomain", "own_domain", domctl_plain(0, XEN_DOMCTL_destroydomain));
    CASE("domctl.pausedomain", "own_domain", domctl_plain(0, XEN_DOMCTL_pausedomain));
    CASE("domctl.unpausedomain", "own_domain", domctl_plain(0, XEN_DOMCTL_unpausedomain));
    CASE("domctl.max_vcpus", "own_domain", domctl_plain(0, XEN_DOMCTL_max_vcpus));
    CASE("domctl.shadow_op", "own_domain", domctl_plain(0, XEN_DOMCTL_shadow_op));
    CASE("domctl.gethvmcontext", "own_domain", domctl_plain(0, XEN_DOMCTL_gethvmcontext));
    CASE("domctl.sethvmcontext", "own_domain", domctl_plain(0, XEN_DOMCTL_sethvmcontext));
    CASE("domctl.setvcpucontext", "own_domain", domctl_plain(0, XEN_DOMCTL_setvcpucontext));
}

void cases_domctl(void)
{
    u32 domid = domain_new(64);

    every_command(domid);
    unknown_commands(domid);
    argument_edges(domid);
    callers_of_32_bits(domid);
    handle(domid);
    time_offsets(domid);
    tsc(domid);
    own_domain();
    domain_end(domid);
    domctl_info();
    domctl_memory();
}

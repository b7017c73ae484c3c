/*
 * Pausing (counted), destroying, and shutting down a domain from outside. Guests that shut down themselves:
 * cases_life_shutdown.c. Domains that are destroyed while their frames are mapped: cases_life_zombie.c.
 */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/printf.h>
#include <xen/sched.h>

#define PAUSES_MAX 300u

/* Repeats the command until it is refused; returns how often it succeeded. */
static u32 repeat(u32 domid, u32 cmd, long *rc)
{
    u32 done = 0;

    while (done < PAUSES_MAX && !(*rc = domctl_plain(domid, cmd)))
        done++;
    return done;
}

static void repeat_case(const char *call, const char *name, u32 domid, u32 cmd)
{
    long rc = 0;

    case_begin();
    u32 done = repeat(domid, cmd, &rc);
    case_end(call, name, rc, " done=%u flags=%#x", done, domain_flags(domid));
}

static void flags_case(const char *call, const char *name, u32 domid, u32 cmd)
{
    case_begin();
    long rc = domctl_plain(domid, cmd);
    case_end(call, name, rc, " flags=%#x", domain_flags(domid));
}

static void pauses(void)
{
    u32 domid = domain_new(16);

    CASE_SHOW("domctl.pausedomain", "as_created", 0, " flags=%#x", domain_flags(domid));
    repeat_case("domctl.pausedomain", "up_to_the_limit", domid, XEN_DOMCTL_pausedomain);
    flags_case("domctl.pausedomain", "beyond_the_limit", domid, XEN_DOMCTL_pausedomain);
    flags_case("domctl.unpausedomain", "one_of_many", domid, XEN_DOMCTL_unpausedomain);
    flags_case("domctl.pausedomain", "the_last_again", domid, XEN_DOMCTL_pausedomain);
    repeat_case("domctl.unpausedomain", "down_to_none", domid, XEN_DOMCTL_unpausedomain);
    flags_case("domctl.unpausedomain", "not_paused", domid, XEN_DOMCTL_unpausedomain);
    flags_case("domctl.pausedomain", "after_none", domid, XEN_DOMCTL_pausedomain);
    flags_case("domctl.unpausedomain", "the_only_one", domid, XEN_DOMCTL_unpausedomain);
    domain_end(domid);

    struct xen_domctl_createdomain config = xc_domain_config(1);
    domid = 0;
    xc_domain_create(xch, &domid, &config);
    flags_case("domctl.unpausedomain", "no_vcpus", domid, XEN_DOMCTL_unpausedomain);
    flags_case("domctl.unpausedomain", "no_vcpus_again", domid, XEN_DOMCTL_unpausedomain);
    flags_case("domctl.pausedomain", "no_vcpus", domid, XEN_DOMCTL_pausedomain);
    domain_end(domid);
}

/* A running guest is paused and unpaused. */
static void paused_guest(void)
{
    u32 domid = helper_start();
    xc_domaininfo_t before = {0}, after = {0};

    CASE("domctl.pausedomain", "running_guest", domctl_plain(domid, XEN_DOMCTL_pausedomain));
    domain_info(domid, &before);
    settle();
    domain_info(domid, &after);
    CASE_SHOW("domctl.getdomaininfo", "paused_guest", 0, " cpu_time=%s",
              after.cpu_time == before.cpu_time ? "stands" : "goes_on");
    CASE("domctl.pausedomain", "paused_guest", domctl_plain(domid, XEN_DOMCTL_pausedomain));
    CASE("domctl.unpausedomain", "once_of_two", domctl_plain(domid, XEN_DOMCTL_unpausedomain));
    domain_info(domid, &before);
    settle();
    domain_info(domid, &after);
    CASE_SHOW("domctl.getdomaininfo", "still_paused_guest", 0, " cpu_time=%s",
              after.cpu_time == before.cpu_time ? "stands" : "goes_on");
    CASE("domctl.unpausedomain", "twice_of_two", domctl_plain(domid, XEN_DOMCTL_unpausedomain));
    CASE("hypercall", "guest_runs_again", helper_call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0, 0));
    helper_stop();
}

static void destroy(void)
{
    u32 domid = domain_new(64);

    CASE("memory_op.populate_physmap", "before_the_end", domain_populate(domid, 0, 4, NODE_ANY));
    CASE("domctl.destroydomain", "domain_0", domctl_plain(0, XEN_DOMCTL_destroydomain));
    CASE("domctl.destroydomain", "good", domctl_plain(domid, XEN_DOMCTL_destroydomain));
    settle();
    CASE("domctl.destroydomain", "gone", domctl_plain(domid, XEN_DOMCTL_destroydomain));
    CASE("domctl.pausedomain", "gone", domctl_plain(domid, XEN_DOMCTL_pausedomain));
    CASE("memory_op.populate_physmap", "gone", domain_populate(domid, 0, 0, NODE_ANY));
    CASE("memory_op.add_to_physmap_batch", "gone", map_foreign_gfn(0, domid, 0));
    domid = helper_start();
    CASE("domctl.destroydomain", "running_guest", domctl_plain(domid, XEN_DOMCTL_destroydomain));
    CASE_SHOW("domctl.getdomaininfo", "running_guest_destroyed", 0, " flags=%#x", domain_flags(domid));
    helper_stop();
    CASE_SHOW("domctl.getdomaininfo", "and_let_go", 0, " flags=%#x", domain_flags(domid));
}

/* Shuts down a domain that has never run with this code; prints its information. */
static void remote_code(u32 code)
{
    u32 domid = domain_new(16);
    struct sched_remote_shutdown arg = {.domain_id = (domid_t)domid, .reason = code};
    char name[32];

    snprintf(name, sizeof(name), "code_%x", code);
    case_begin();
    long rc = sched_op(SCHEDOP_remote_shutdown, &arg);
    case_end("sched_op.remote_shutdown", name, rc, " flags=%#x", domain_flags(domid));
    domain_end(domid);
}

static void remote_shutdown(void)
{
    static const u32 codes[] = {0, 1, 2, 3, 4, 5, 6, 254, 255, 256, 0x103, ~0u};
    struct sched_remote_shutdown arg = {.reason = SHUTDOWN_reboot};

    for (u32 i = 0; i < ARRAY_SIZE(codes); i++)
        remote_code(codes[i]);
    u32 domid = domain_new(16);
    arg.domain_id = (domid_t)domid;
    CASE("sched_op.remote_shutdown", "arg_null_page", sched_op(SCHEDOP_remote_shutdown, bad_ptr()));
    CASE("sched_op.remote_shutdown", "arg_no_memory", sched_op(SCHEDOP_remote_shutdown, hole_ptr()));
    CASE("sched_op.remote_shutdown", "arg_one_byte_over",
         sched_op(SCHEDOP_remote_shutdown, edge_ptr(sizeof(arg) - 1)));
    CASE_SHOW("domctl.getdomaininfo", "nothing_happened", 0, " flags=%#x", domain_flags(domid));
    CASE("sched_op.remote_shutdown", "first", sched_op(SCHEDOP_remote_shutdown, &arg));
    arg.reason = SHUTDOWN_crash;
    case_begin();
    long rc = sched_op(SCHEDOP_remote_shutdown, &arg);
    case_end("sched_op.remote_shutdown", "second_with_another_code", rc, " flags=%#x", domain_flags(domid));
    flags_case("domctl.unpausedomain", "shut_down", domid, XEN_DOMCTL_unpausedomain);
    flags_case("domctl.pausedomain", "shut_down", domid, XEN_DOMCTL_pausedomain);
    domain_end(domid);
    CASE("sched_op.remote_shutdown", "gone", sched_op(SCHEDOP_remote_shutdown, &arg));
    arg.domain_id = DOMID_UNKNOWN;
    CASE("sched_op.remote_shutdown", "unknown_domain", sched_op(SCHEDOP_remote_shutdown, &arg));
    arg.domain_id = DOMID_SELF;
    CASE("sched_op.remote_shutdown", "domid_self", sched_op(SCHEDOP_remote_shutdown, &arg));
    arg.domain_id = DOMID_XEN;
    CASE("sched_op.remote_shutdown", "domid_xen", sched_op(SCHEDOP_remote_shutdown, &arg));
    arg.domain_id = DOMID_INVALID;
    CASE("sched_op.remote_shutdown", "domid_invalid", sched_op(SCHEDOP_remote_shutdown, &arg));
    arg.domain_id = 0xffff;
    CASE("sched_op.remote_shutdown", "domid_all_ones", sched_op(SCHEDOP_remote_shutdown, &arg));
}

void cases_life(void)
{
    pauses();
    paused_guest();
    destroy();
    remote_shutdown();
    life_shutdown();
    life_zombie();
}

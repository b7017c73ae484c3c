/* Guests that shut down with each code, and calls on a domain that has shut down. */
#include <tests/guests/conformance/cases_domain.h>
#include <lib/printf.h>
#include <xen/sched.h>

#define WAIT_MS 5000u

/* Waits until it has shut down, or WAIT_MS; returns its flags. */
static u32 wait_shutdown(u32 domid)
{
    struct patience patience = patience_of(WAIT_MS);

    while (!(domain_flags(domid) & XEN_DOMINF_shutdown) && patience_yield(&patience))
        ;
    return domain_flags(domid);
}

static void code(const char *name, u32 reason)
{
    u32 domid = helper_start();
    xc_domaininfo_t before = {0}, after = {0};

    domain_info(domid, &before);
    case_begin();
    helper_shutdown(reason);
    u32 flags = wait_shutdown(domid);
    domain_info(domid, &after);
    case_end("sched_op.shutdown", name, 0, " flags=%#x vcpus=%u tot=%s max=%s", flags, after.nr_online_vcpus,
             after.tot_pages == before.tot_pages ? "same" : "changed",
             after.max_pages == before.max_pages ? "same" : "changed");
    helper_stop();
}

static void after_shutdown(void)
{
    u32 domid = helper_start();
    struct sched_remote_shutdown arg = {.domain_id = (domid_t)domid, .reason = SHUTDOWN_crash};
    xc_vcpuinfo_t vcpu = {0};

    helper_shutdown(SHUTDOWN_reboot);
    wait_shutdown(domid);
    CASE_SHOW("domctl.getvcpuinfo", "shut_down", xc_vcpu_getinfo(xch, domid, 0, &vcpu),
              " online=%u blocked=%u", vcpu.online, vcpu.blocked);
    watch(domid, WATCH_DOMAIN);
    CASE("domctl.max_mem", "shut_down", xc_domain_setmaxmem(xch, domid, MIB(18) >> 10));
    CASE("memory_op.populate_physmap", "shut_down", domain_populate(domid, 0x2000, 3, NODE_ANY));
    CASE("memory_op.claim_pages", "shut_down", xc_domain_claim_pages(xch, domid, 0x1100));
    CASE("memory_op.claim_pages", "shut_down_release", xc_domain_claim_pages(xch, domid, 0));
    watch(domid, WATCH_NOTHING);
    CASE("memory_op.add_to_physmap_batch", "shut_down", map_foreign_gfn(0, domid, 0x2000));
    CASE("memory_op.remove_from_physmap", "shut_down", unmap_gfn(0));
    CASE_SHOW("sched_op.remote_shutdown", "shut_down", sched_op(SCHEDOP_remote_shutdown, &arg), " flags=%#x",
              domain_flags(domid));
    CASE_SHOW("domctl.pausedomain", "guest_shut_down", domctl_plain(domid, XEN_DOMCTL_pausedomain),
              " flags=%#x", domain_flags(domid));
    CASE_SHOW("domctl.unpausedomain", "guest_shut_down", domctl_plain(domid, XEN_DOMCTL_unpausedomain),
              " flags=%#x", domain_flags(domid));
    CASE("domctl.gethvmcontext", "shut_down", xc_domain_hvm_getcontext(xch, domid, NULL, 0) > 0 ? 0 : -1);
    CASE("domctl.max_vcpus", "shut_down", xc_domain_max_vcpus(xch, domid, 1));
    helper_stop();
}

void life_shutdown(void)
{
    code("poweroff", SHUTDOWN_poweroff);
    code("reboot", SHUTDOWN_reboot);
    code("suspend", SHUTDOWN_suspend);
    code("crash", SHUTDOWN_crash);
    code("watchdog", SHUTDOWN_watchdog);
    code("soft_reset", SHUTDOWN_soft_reset);
    code("unknown_6", 6);
    code("unknown_254", 254);
    code("unknown_255", 255);
    code("unknown_256", 256);
    code("unknown_0x103", 0x103);
    after_shutdown();
}

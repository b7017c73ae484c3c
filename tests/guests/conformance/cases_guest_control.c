/*
 * Calls for the control domain only, made by the helper: every domctl and sysctl number, the console, calls
 * within a multicall, and every hypercall number. See cases_guest.c.
 */
#include <tests/guests/conformance/guest_caller.h>
#include <lib/printf.h>
#include <lib/string.h>

#define DOMCTLS 100u
#define SYSCTLS 40u

static long guest_domctl(u32 cmd, u32 version, u32 domid)
{
    struct xen_domctl op = {.cmd = cmd, .interface_version = version, .domain = (domid_t)domid};

    return helper_call(__HYPERVISOR_domctl, guest_put(0, &op, sizeof(op)), 0, 0, 0, 0);
}

static long guest_sysctl(u32 cmd, u32 version)
{
    struct xen_sysctl op = {.cmd = cmd, .interface_version = version};

    return helper_call(__HYPERVISOR_sysctl, guest_put(0, &op, sizeof(op)), 0, 0, 0, 0);
}

static void domctls(u32 self)
{
    char name[32];

    for (u32 nr = 1; nr <= DOMCTLS; nr++) {
        snprintf(name, sizeof(name), "self_nr_%03u", nr);
        CASE("domctl", name, guest_domctl(nr, XEN_DOMCTL_INTERFACE_VERSION, self));
        snprintf(name, sizeof(name), "wrong_version_nr_%03u", nr);
        CASE("domctl", name, guest_domctl(nr, XEN_DOMCTL_INTERFACE_VERSION + 1, self));
    }
    CASE("domctl", "domain_0", guest_domctl(XEN_DOMCTL_getdomaininfo, XEN_DOMCTL_INTERFACE_VERSION, 0));
    CASE("domctl", "destroy_domain_0",
         guest_domctl(XEN_DOMCTL_destroydomain, XEN_DOMCTL_INTERFACE_VERSION, 0));
    CASE("domctl", "unknown_domain_max_mem",
         guest_domctl(XEN_DOMCTL_max_mem, XEN_DOMCTL_INTERFACE_VERSION, 0x7fef));
    CASE("domctl", "unknown_domain_getdomaininfo",
         guest_domctl(XEN_DOMCTL_getdomaininfo, XEN_DOMCTL_INTERFACE_VERSION, 0x7fef));
    CASE("domctl", "unknown_domain_createdomain",
         guest_domctl(XEN_DOMCTL_createdomain, XEN_DOMCTL_INTERFACE_VERSION, 0x7fef));
    CASE("domctl", "nr_all_ones", guest_domctl(~0u, XEN_DOMCTL_INTERFACE_VERSION, self));
    CASE("domctl", "not_mapped", helper_call(__HYPERVISOR_domctl, BAD_GVA, 0, 0, 0, 0));
    CASE("domctl", "no_memory", helper_call(__HYPERVISOR_domctl, HOLE_GVA, 0, 0, 0, 0));
}

static void sysctls(void)
{
    char name[32];

    for (u32 nr = 1; nr <= SYSCTLS; nr++) {
        snprintf(name, sizeof(name), "nr_%02u", nr);
        CASE("sysctl", name, guest_sysctl(nr, XEN_SYSCTL_INTERFACE_VERSION));
        snprintf(name, sizeof(name), "wrong_version_nr_%02u", nr);
        CASE("sysctl", name, guest_sysctl(nr, XEN_SYSCTL_INTERFACE_VERSION + 1));
    }
    CASE("sysctl", "nr_all_ones", guest_sysctl(~0u, XEN_SYSCTL_INTERFACE_VERSION));
    CASE("sysctl", "not_mapped", helper_call(__HYPERVISOR_sysctl, BAD_GVA, 0, 0, 0, 0));
    CASE("sysctl", "no_memory", helper_call(__HYPERVISOR_sysctl, HOLE_GVA, 0, 0, 0, 0));
}

static void console(void)
{
    u64 text = guest_put(0, "hello", 5);

    CASE("console_io", "write", helper_call(__HYPERVISOR_console_io, CONSOLEIO_write, 5, text, 0, 0));
    CASE("console_io", "write_nothing", helper_call(__HYPERVISOR_console_io, CONSOLEIO_write, 0, 0, 0, 0));
    CASE("console_io", "write_not_mapped",
         helper_call(__HYPERVISOR_console_io, CONSOLEIO_write, 5, BAD_GVA, 0, 0));
    CASE("console_io", "read", helper_call(__HYPERVISOR_console_io, CONSOLEIO_read, 5, text, 0, 0));
    CASE("console_io", "read_too_much",
         helper_call(__HYPERVISOR_console_io, CONSOLEIO_read, 1ull << 31, text, 0, 0));
    CASE("console_io", "nr_5", helper_call(__HYPERVISOR_console_io, 5, 0, 0, 0, 0));
}

/* One call in a multicall; its result. */
static void in_multicall(const char *name, u64 op, u64 a1, u64 a2)
{
    struct multicall_entry e = {.op = op, .result = 99, .args = {a1, a2}};
    const struct multicall_entry *back = helper_data();

    CASE_SHOW("multicall", name, helper_call(__HYPERVISOR_multicall, guest_put(0, &e, sizeof(e)), 1, 0, 0, 0),
              " result=%ld", (long)back->result);
}

static void multicalls(u32 self)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_pausedomain,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                            .domain = (domid_t)self};

    in_multicall("domctl", __HYPERVISOR_domctl, guest_put(0x100, &op, sizeof(op)), 0);
    in_multicall("console", __HYPERVISOR_console_io, CONSOLEIO_write, 0);
    in_multicall("version", __HYPERVISOR_xen_version, 0, 0);
    in_multicall("nested", __HYPERVISOR_multicall, helper_gaddr() + 0x100, 0);
    in_multicall("unknown", 63, 0, 0);
    CASE("multicall", "not_mapped", helper_call(__HYPERVISOR_multicall, BAD_GVA, 1, 0, 0, 0));
    CASE("multicall", "none_not_mapped", helper_call(__HYPERVISOR_multicall, BAD_GVA, 0, 0, 0, 0));
}

static void numbers(void)
{
    char name[32];

    for (u32 nr = 0; nr < 64; nr++) {
        snprintf(name, sizeof(name), "nr_%02u", nr);
        CASE("hypercall", name, helper_call(nr, 0, 0, 0, 0, 0));
    }
    for (u32 nr = 0; nr < 64; nr++) {
        snprintf(name, sizeof(name), "nr_%02u_32", nr);
        CASE("hypercall", name, helper_call32(nr, 0, 0, 0, 0, 0));
    }
}

void cases_guest_control(u32 self)
{
    domctls(self);
    sysctls();
    console();
    multicalls(self);
    numbers();
}

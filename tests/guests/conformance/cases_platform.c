/*
 * platform_op: the machine's CPUs, the clock, what the BIOS said; and the calls that a Linux of domain 0 makes besides, which
 * have no answer here. The clock is set as it was before the group ends.
 */
#include <tests/guests/conformance/guest_caller.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/memory.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

#define NS_PER_SECOND 1000000000u

static u32 nr_cpus;

static struct xen_platform_op op_of(u32 cmd)
{
    struct xen_platform_op op;

    memset(&op, 0x5a, sizeof(op));
    op.cmd = cmd;
    op.interface_version = XENPF_INTERFACE_VERSION;
    return op;
}

static long platform(struct xen_platform_op *op)
{
    return hypercall1(__HYPERVISOR_platform_op, XEN_HANDLE(op));
}

static void commands(void)
{
    static const u32 unknown[] = {0, 1, 16, 18, 30, 47, 65, 7777, 0x7fffffff, 0xffffffff};
    struct xen_platform_op op;
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(unknown); i++) {
        op = op_of(unknown[i]);
        snprintf(name, sizeof(name), "unknown_%x", unknown[i]);
        CASE_SHOW("platform_op", name, platform(&op), " same=%u", op.cmd == unknown[i]);
    }
    for (u32 version = XENPF_INTERFACE_VERSION - 1; version < XENPF_INTERFACE_VERSION + 3; version += 2) {
        op = op_of(XENPF_get_cpuinfo);
        op.interface_version = version;
        snprintf(name, sizeof(name), "version_%x", version);
        CASE_SHOW("platform_op", name, platform(&op), " version=%x", op.interface_version);
        op.cmd = 7777;
        snprintf(name, sizeof(name), "unknown_and_version_%x", version);
        CASE("platform_op", name, platform(&op));
    }
    CASE("platform_op", "not_mapped", platform(bad_ptr()));
    CASE("platform_op", "no_memory", platform(hole_ptr()));
    struct xen_platform_op *at = edge_ptr(sizeof(op));
    *at = op_of(XENPF_get_cpuinfo);
    CASE("platform_op", "to_the_edge", platform(at));
    at = edge_ptr(sizeof(op) - 1);
    at->cmd = XENPF_get_cpuinfo;
    at->interface_version = XENPF_INTERFACE_VERSION;
    CASE("platform_op", "one_byte_over", platform(at));
}

/* Numbers of CPUs: those that there are, the next, and absurd ones. */
static void cpus(void)
{
    const u32 ids[] = {0, nr_cpus - 1, nr_cpus, nr_cpus + 1, 255, 4096, 0x7fffffff, 0xffffffff};

    for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
        struct xen_platform_op op = op_of(XENPF_get_cpuinfo);
        const struct xenpf_pcpuinfo *info = &op.u.pcpu_info;
        const struct xenpf_pcpu_version *v = &op.u.pcpu_version;
        char name[32];

        snprintf(name, sizeof(name), "cpu_%u", i);
        op.u.pcpu_info.xen_cpuid = ids[i];
        CASE_SHOW("platform_op.get_cpuinfo", name, platform(&op), " same=%u max=%d flags=%x apic=%x acpi=%x",
                  info->xen_cpuid == ids[i], (int)(info->max_present - nr_cpus), info->flags, info->apic_id,
                  info->acpi_id);
        op = op_of(XENPF_get_cpu_version);
        op.u.pcpu_version.xen_cpuid = ids[i];
        CASE_SHOW("platform_op.get_cpu_version", name, platform(&op),
                  " same=%u max=%d vendor=%.12s family=%x model=%x stepping=%x", v->xen_cpuid == ids[i],
                  (int)(v->max_present - nr_cpus), v->vendor_id[0] ? v->vendor_id : "none", v->family,
                  v->model, v->stepping);
    }
    for (u32 i = 0; i < 2; i++) {
        struct xen_platform_op *at = edge_ptr(sizeof(*at));

        *at = op_of(i ? XENPF_get_cpu_version : XENPF_get_cpuinfo);
        at->u.pcpu_info.xen_cpuid = 0;
        CASE_SHOW("platform_op", i ? "get_cpu_version_32_bits" : "get_cpuinfo_32_bits",
                  hypercall32(__HYPERVISOR_platform_op, (u32)(uintptr_t)at, 0, 0, 0, 0), " max=%d",
                  (int)(at->u.pcpu_info.max_present - nr_cpus));
    }
}

static void firmware(void)
{
    for (u32 type = 0; type < 8; type++)
        for (u32 index = 0; index < 300; index += 127) {
            struct xen_platform_op op = op_of(XENPF_firmware_info);
            char name[32];

            op.u.firmware_info.type = type;
            op.u.firmware_info.index = index;
            snprintf(name, sizeof(name), "type_%u_index_%u", type, index);
            CASE("platform_op.firmware_info", name, platform(&op));
        }
}

/* The wall clock of this domain, and the guest's, as it was read before. */
struct clock {
    u64 seconds;
    u32 ns, version;
};
static const struct shared_info *shared;

static struct clock clock_now(void)
{
    return (struct clock){shared->wc_sec | (u64)shared->wc_sec_hi << 32, shared->wc_nsec, shared->wc_version};
}

static u32 guest_seconds(void)
{
    return (u32)helper_load(HOLE_GVA + offsetof(struct shared_info, wc_sec), 4);
}

static void show(const char *call, const char *name, long rc, const struct clock *was, u32 guest_was)
{
    struct clock is = clock_now();

    case_end(call, name, rc, " seconds=%lld ns=%d version=%u guest=%d",
             (long long)(is.seconds - was->seconds), (int)(is.ns - was->ns), is.version - was->version,
             (int)(guest_seconds() - guest_was));
}

static void set_clock_to(u64 seconds, u32 ns)
{
    struct xen_platform_op op = op_of(XENPF_settime64);

    op.u.settime64 = (struct xenpf_settime64){.secs = seconds, .nsecs = ns};
    if (platform(&op))
        give_up("settime64", -1);
}

static void set_64(const char *name, u64 seconds, u32 ns, u32 mbz, u64 system_time)
{
    struct xen_platform_op op = op_of(XENPF_settime64);
    struct clock was = clock_now();
    u32 guest_was = guest_seconds();

    op.u.settime64 = (struct xenpf_settime64){seconds, ns, mbz, system_time};
    case_begin();
    show("platform_op.settime64", name, platform(&op), &was, guest_was);
}

static void set_32(const char *name, u32 seconds, u32 ns, u64 system_time, bool in_32)
{
    struct xen_platform_op *op = edge_ptr(sizeof(*op));
    struct clock was = clock_now();
    u32 guest_was = guest_seconds();

    *op = op_of(XENPF_settime32);
    op->u.settime32 = (struct xenpf_settime32){seconds, ns, system_time};
    case_begin();
    long rc = in_32 ? hypercall32(__HYPERVISOR_platform_op, (u32)(uintptr_t)op, 0, 0, 0, 0) : platform(op);
    show("platform_op.settime32", name, rc, &was, guest_was);
}

static void set_clock(void)
{
    const u64 second = NS_PER_SECOND, s = 1800000000;
    const u32 ns = 123456789;

    set_64("the_same", s, ns, 0, 0);
    set_64("an_hour_ahead", s + 3600, ns, 0, 0);
    set_64("a_day_back", s - 86400, ns, 0, 0);
    set_64("at_a_system_time", s + 5, ns, 0, 5 * second);
    set_64("at_a_later_system_time", s + 1000, ns, 0, 100 * second);
    set_64("ns_0", s, 0, 0, 0);
    set_64("ns_borrowed", s, 0, 0, 1);
    set_64("ns_of_two_seconds", s, 2000000001, 0, 0);
    set_64("ns_all_ones", s, ~0u, 0, 0);
    set_64("mbz_1", s + 9, ns, 1, 0);
    set_64("mbz_all_ones", s + 9, ns, ~0u, 0);
    set_64("1970", 0, 0, 0, 0);
    set_clock_to(s, ns);
    set_64("before_1970", 0, 0, 0, 1);
    set_clock_to(s, ns);
    set_64("system_time_all_ones", s, ns, 0, ~0ull);
    set_clock_to(s, ns);
    set_64("2_to_34", 1ull << 34, 0, 0, 0);
    set_64("2_to_35", 1ull << 35, 0, 0, 0);
    set_64("all_ones", ~0ull, 0, 0, 0);
    set_clock_to(s, ns);
    set_32("the_same", (u32)s, ns, 0, false);
    set_32("an_hour_ahead", (u32)s + 3600, ns, 0, false);
    set_32("at_a_system_time", (u32)s + 5, ns, 5 * second, false);
    set_32("in_32_bits", (u32)s + 7, ns, 3 * second, true);
    set_32("all_ones", ~0u, ~0u, 0, false);
    set_32("the_same_again", (u32)s, ns, 0, false);
}

static void clock_cases(void)
{
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = HOLE_GVA >> PAGE_SHIFT};

    long rc =
        helper_call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, guest_put(0, &add, sizeof(add)), 0, 0, 0);
    add.gpfn = case_gfn(0);
    if (!rc)
        rc = memory_op(XENMEM_add_to_physmap, &add);
    if (rc)
        give_up("shared_info", rc);
    shared = case_page(0);
    struct clock first = clock_now();
    set_clock_to(1800000000, 123456789);
    set_clock();
    set_clock_to(first.seconds, first.ns);
    unmap_gfn(0);
}

/* By a guest: the call is domain 0's. */
static void by_a_guest(void)
{
    static const u32 cmds[] = {XENPF_settime32,   XENPF_settime64,       XENPF_firmware_info,
                               XENPF_get_cpuinfo, XENPF_get_cpu_version, 7777};
    char name[32];

    for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
        struct xen_platform_op op = op_of(cmds[i]);

        op.u.settime64.mbz = 0;
        snprintf(name, sizeof(name), "guest_%u", cmds[i]);
        CASE("platform_op", name,
             helper_call(__HYPERVISOR_platform_op, guest_put(0, &op, sizeof(op)), 0, 0, 0, 0));
    }
}

/* xsm_op (27), physdev_op (33), mca (48), and of memory_op the counters of shared memory. */
static void no_answers(void)
{
    static const u8 argument[128];
    char name[32];

    for (u32 cmd = 15; cmd < 32; cmd++) {
        snprintf(name, sizeof(name), "command_%u", cmd);
        CASE("physdev_op", name, hypercall2(33, cmd, bad_ptr()));
    }
    CASE("xsm_op", "zeros", hypercall1(27, XEN_HANDLE(argument)));
    CASE("xsm_op", "not_mapped", hypercall1(27, XEN_HANDLE(bad_ptr())));
    CASE("mca", "not_mapped", hypercall1(48, XEN_HANDLE(bad_ptr())));
    CASE("mca", "zeros", hypercall1(48, XEN_HANDLE(argument)));
    for (u32 cmd = XENMEM_get_sharing_freed_pages; cmd <= XENMEM_get_sharing_shared_pages; cmd++) {
        const char *call = cmd == XENMEM_get_sharing_freed_pages ? "memory_op.get_sharing_freed_pages"
                                                                 : "memory_op.get_sharing_shared_pages";

        CASE(call, "null", memory_op(cmd, NULL));
        CASE(call, "not_mapped", memory_op(cmd, bad_ptr()));
        CASE(call, "start_1", memory_op(cmd | 1 << 6, NULL));
        CASE(call, "in_32_bits", hypercall32(__HYPERVISOR_memory_op, cmd, 0, 0, 0, 0));
        CASE(call, "guest", helper_call(__HYPERVISOR_memory_op, cmd, 0, 0, 0, 0));
    }
    CASE("physdev_op", "guest", helper_call(33, 25, helper_gaddr(), 0, 0, 0));
    CASE("xsm_op", "guest", helper_call(27, helper_gaddr(), 0, 0, 0, 0));
    CASE("mca", "guest", helper_call(48, helper_gaddr(), 0, 0, 0, 0));
}

void cases_platform(void)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};

    if (sysctl(&op))
        give_up("physinfo", -1);
    nr_cpus = op.u.physinfo.nr_cpus;
    commands();
    cpus();
    firmware();
    helper_start();
    clock_cases();
    by_a_guest();
    no_answers();
    helper_stop();
}

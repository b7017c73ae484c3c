/*
 * The cost of exits and short hypercalls. Arguments are prepared beforehand, so that only the call is
 * measured. The I/O exit is an IN from port 0x21, a PIC that neither hypervisor emulates for a PVH domain 0
 * nor lets it have, and that reads as all ones on both.
 */
#include <tests/guests/bench/bench.h>
#include <guest/lib/hypercall.h>
#include <xen/version.h>

#define PORT_PIC 0x21u

static struct xen_sysctl physinfo_op = {.cmd = XEN_SYSCTL_physinfo,
                                        .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
static struct xen_sysctl numainfo_op = {.cmd = XEN_SYSCTL_numainfo,
                                        .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
static struct xen_domctl info_op = {.cmd = XEN_DOMCTL_getdomaininfo,
                                    .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
static xc_meminfo_t meminfo[MAX_NODES];
static u32 distance[MAX_NODES * MAX_NODES];

static void null_hypercall(void)
{
    hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
}
static void null_hypercall_page(void)
{
    hypercall_by_page(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
}
static void cpuid_exit(void)
{
    (void)cpuid(guest_env.xen_base, 0);
}
static u8 read_pic(void)
{
    u8 value;
    __asm__ volatile("inb %w1, %b0" : "=a"(value) : "Nd"(PORT_PIC));
    return value;
}
static void io_exit(void)
{
    (void)read_pic();
}
static void physinfo(void)
{
    hypercall1(__HYPERVISOR_sysctl, XEN_HANDLE(&physinfo_op));
}
static void numainfo(void)
{
    hypercall1(__HYPERVISOR_sysctl, XEN_HANDLE(&numainfo_op));
}
static void getdomaininfo(void)
{
    hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&info_op));
}

/* The measured calls cannot be checked one by one: that they succeed is shown here. */
static void prepare_info(void)
{
    unsigned int nodes = MAX_NODES;
    xc_domaininfo_t info;
    xc_physinfo_t phys;

    bench_check(xc_physinfo(bench_xch, &phys), "physinfo");
    bench_check(xc_numainfo(bench_xch, &nodes, meminfo, distance), "numainfo");
    bench_check(xc_domain_getinfo_single(bench_xch, 0, &info), "getdomaininfo");
    if (read_pic() != 0xff)
        bench_check(-EBUSY, "there is something at port 0x21");
    numainfo_op.u.numainfo.num_nodes = nodes;
    numainfo_op.u.numainfo.meminfo = XEN_HANDLE(meminfo);
    numainfo_op.u.numainfo.distance = XEN_HANDLE(distance);
}

void bench_exits(void)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } cases[] = {
        {"null_hypercall", null_hypercall},
        {"null_hypercall_page", null_hypercall_page},
        {"cpuid_exit", cpuid_exit},
        {"io_exit", io_exit},
        {"physinfo", physinfo},
        {"numainfo", numainfo},
        {"getdomaininfo", getdomaininfo},
    };

    prepare_info();
    for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
        bench_calls(cases[i].name, cases[i].fn);
}

/*
 * The cost of domains without memory: creation, a vCPU, limits, destruction. Between two domains the CPU
 * idles for a short time, so that the hypervisor's deferred work is in no figure.
 */
#include <tests/guests/bench/bench.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/image.h>
#include <xen/sched.h>

#define DOMAINS    21u
#define AHEAD_MS   600000u
#define WAIT_MS    20000u
#define BETWEEN    5u /* ms */
#define SOME_PAGES (MIB(64) >> PAGE_SHIFT)

static struct xen_domctl limit_op = {.cmd = XEN_DOMCTL_max_mem,
                                     .interface_version = XEN_DOMCTL_INTERFACE_VERSION};

/* Polling takes a system time, which may be ahead of our TSC: by how much is learned from sleeps too short.
 */
void bench_idle_ms(u64 ms)
{
    static u64 ahead; /* ms */

    for (; ahead < AHEAD_MS; ahead += 500) {
        u64 begin = rdtsc();
        struct sched_poll poll = {.timeout = (begin / guest_env.tsc_khz + ms + ahead) * 1000000};
        hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
        if (rdtsc() - begin >= ms * guest_env.tsc_khz)
            return;
    }
    bench_check(-ETIME, "sleeping");
}

static u32 create_empty(void)
{
    struct xen_domctl_createdomain config = xc_domain_config(1);
    u32 domid = 0;

    bench_check(xc_domain_create(bench_xch, &domid, &config), "creating a domain");
    return domid;
}

u32 bench_create(u64 pages)
{
    u32 domid = create_empty();

    bench_check(xc_domain_max_vcpus(bench_xch, domid, 1), "max_vcpus");
    bench_check(xc_domain_setmaxmem(bench_xch, domid, pages << (PAGE_SHIFT - 10)), "max_mem");
    bench_check(xc_set_paging_mempool_size(bench_xch, domid, xc_domain_overhead(pages, 1)),
                "the paging pool");
    return domid;
}

void bench_destroy(u32 domid)
{
    u64 end = guest_now_ms() + WAIT_MS;
    xc_domaininfo_t info;
    int rc;

    do
        rc = xc_domain_destroy(bench_xch, domid);
    while (rc == -ERESTART || rc == -EAGAIN);
    bench_check(rc, "destroying a domain");
    while (xc_domain_getinfo_single(bench_xch, domid, &info) != -ESRCH) {
        if (guest_now_ms() >= end)
            bench_check(-EBUSY, "a destroyed domain is still there");
    }
}

static void end(u32 domid)
{
    bench_destroy(domid);
    bench_idle_ms(BETWEEN);
}

static void measure_empty(void)
{
    bench_figure("create_empty");
    for (u32 i = 0; i < DOMAINS; i++) {
        bench_begin();
        u32 domid = create_empty();
        bench_end();
        end(domid);
    }
    bench_report(0);

    bench_figure("destroy_empty");
    for (u32 i = 0; i < DOMAINS; i++) {
        u32 domid = create_empty();
        bench_begin();
        bench_destroy(domid);
        bench_end();
        bench_idle_ms(BETWEEN);
    }
    bench_report(0);
}

/* A vCPU is made by max_vcpus, and can run when it has registers. */
static void measure_vcpu(void)
{
    bench_figure("vcpu_create");
    for (u32 i = 0; i < DOMAINS; i++) {
        u32 domid = create_empty();
        bench_begin();
        int rc = xc_domain_max_vcpus(bench_xch, domid, 1);
        bench_end();
        bench_check(rc, "max_vcpus");
        end(domid);
    }
    bench_report(0);

    bench_figure("vcpu_context");
    for (u32 i = 0; i < DOMAINS; i++) {
        u32 domid = bench_create(SOME_PAGES);
        bench_begin();
        int rc = image_set_context(bench_xch, domid, 0x100000, 0x1000);
        bench_end();
        bench_check(rc, "a vCPU's registers");
        end(domid);
    }
    bench_report(0);
}

static void set_limit(void)
{
    hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&limit_op));
}

static void measure_limit(void)
{
    u32 domid = bench_create(SOME_PAGES);

    limit_op.domain = (domid_t)domid;
    limit_op.u.max_mem.max_memkb = SOME_PAGES << (PAGE_SHIFT - 10);
    bench_calls("max_mem", set_limit);
    end(domid);
}

void bench_domains(void)
{
    measure_empty();
    measure_vcpu();
    measure_limit();
}

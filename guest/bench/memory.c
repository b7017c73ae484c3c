/*
 * What a domain's memory costs: claims by both hypercalls, populating and destroying by size, and the whole
 * way of a guest of 512 MiB. One domain at a time, all its memory asked for in one hypercall.
 *
 * `clean` waits before each case until idle scrubbing has cleaned all free memory. `dirty` is for a
 * hypervisor with idle-scrub=off, where free memory never becomes clean: it is cleared when it is given out.
 */
#include <guest/bench/bench.h>
#include <guest/lib/hypercall.h>
#include <guest/lib/xc.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <xen/sched.h>

#define PAGES_4K   (MIB(64) >> PAGE_SHIFT)
#define PAGES_2M   (MIB(512) >> PAGE_SHIFT)
#define PAGES_1G   (GIB(1) >> PAGE_SHIFT)
#define DOMAIN_GFN (GIB(1) >> PAGE_SHIFT) /* of the first page: every size is aligned there */
#define CLEAN_MS   60000u

static xc_interface *xch;
static const char *state;
static u32 domid;
static xen_pfn_t list[PAGES_4K];

/* The name of a figure in this state of memory; the last two stay. */
static const char *named(const char *name)
{
    static char buf[2][40];
    static u32 turn;

    turn ^= 1;
    snprintf(buf[turn], sizeof(buf[turn]), "%s_%s", name, state);
    return buf[turn];
}

static void report(const char *name, u64 ticks, u64 pages)
{
    printf("@bench name=%s instructions=%lu pages=%lu\n", name, ticks, pages);
}

/* Sleeps, so that the CPU idles. The TSC counts from reset, thus is never behind system time. */
static void idle_ms(u64 ms)
{
    struct sched_poll poll = {.timeout = (rdtsc() / guest_env.tsc_khz + ms) * 1000000};

    hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
}

static u64 dirty_pages(void)
{
    static xc_node_claim_t nodes[MAX_NODES];
    unsigned int nr = MAX_NODES;
    u64 dirty = 0;

    bench_check(xc_node_claim_info(xch, &nr, nodes, NULL), "reading the nodes' memory");
    for (u32 i = 0; i < nr; i++)
        dirty += nodes[i].dirty_pages;
    return dirty;
}

static void settle(void)
{
    if (strcmp(state, "clean"))
        return;
    u64 end = guest_now_ms() + CLEAN_MS;
    while (dirty_pages()) {
        if (guest_now_ms() >= end)
            bench_check(-EBUSY, "waiting for clean memory");
        idle_ms(10);
    }
}

/* A domain that has its limits and its paging pool, and no memory yet. */
static void create(u64 pages)
{
    struct xen_domctl_createdomain config = {
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
        .max_vcpus = 1,
        .max_evtchn_port = 1023,
        .max_grant_frames = 64,
        .max_maptrack_frames = 1024,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch = {.emulation_flags = XEN_X86_EMU_LAPIC},
    };

    domid = 0;
    bench_check(xc_domain_create(xch, &domid, &config), "creating a domain");
    bench_check(xc_domain_max_vcpus(xch, domid, 1), "max_vcpus");
    bench_check(xc_domain_setmaxmem(xch, domid, pages << (PAGE_SHIFT - 10)), "max_mem");
    bench_check(xc_set_paging_mempool_size(xch, domid, xc_domain_overhead(pages, 1)), "the paging pool");
}

static void destroy(void)
{
    xc_domaininfo_t info;
    int rc;

    do
        rc = xc_domain_destroy(xch, domid);
    while (rc == -ERESTART || rc == -EAGAIN);
    bench_check(rc, "destroying a domain");
    if (xc_domain_getinfo_single(xch, domid, &info) != -ESRCH)
        bench_check(-EBUSY, "a destroyed domain is still there");
}

static void claim(u64 pages)
{
    memory_claim_t entry = XEN_NODE_CLAIM_INIT(pages, 0);

    bench_check(xc_domain_claim_memory(xch, domid, 1, &entry), "claiming memory");
}

static u64 fill_list(u64 pages, u32 order)
{
    u64 nr = pages >> order;

    for (u64 i = 0; i < nr; i++)
        list[i] = DOMAIN_GFN + (i << order);
    return nr;
}

static void populate(u64 nr, u32 order)
{
    bench_check(xc_domain_populate_physmap_exact(xch, domid, nr, order, XENMEMF_exact_node(0), list), "populating");
}

/* --- claims, by the cheapest way: everything is laid out before --- */
static memory_claim_t wish[1];
static struct xen_domctl claim_op = {.cmd = XEN_DOMCTL_claim_memory,
                                     .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
static struct xen_memory_reservation claim_pages_op;

static void claim_by_domctl(void)
{
    wish[0].pages = PAGES_4K;
    hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&claim_op));
    wish[0].pages = 0;
    hypercall1(__HYPERVISOR_domctl, XEN_HANDLE(&claim_op));
}

static void claim_by_memory_op(void)
{
    claim_pages_op.nr_extents = PAGES_4K;
    hypercall2(__HYPERVISOR_memory_op, XENMEM_claim_pages, &claim_pages_op);
    claim_pages_op.nr_extents = 0;
    hypercall2(__HYPERVISOR_memory_op, XENMEM_claim_pages, &claim_pages_op);
}

static void measure_claims(void)
{
    create(PAGES_4K);
    claim_op.domain = (domid_t)domid;
    claim_op.u.claim_memory.claims = XEN_HANDLE(wish);
    claim_op.u.claim_memory.nr_claims = 1;
    claim_pages_op.domid = (domid_t)domid;
    /* The measured calls cannot be checked one by one: that they succeed is shown here. */
    claim(PAGES_4K);
    claim(0);
    bench_check(xc_domain_claim_pages(xch, domid, PAGES_4K), "claiming memory host-wide");
    bench_check(xc_domain_claim_pages(xch, domid, 0), "releasing a claim");
    bench_measure(named("claim_domctl"), claim_by_domctl);
    bench_measure(named("claim_pages"), claim_by_memory_op);
    destroy();
}

/* --- populating and destroying by size --- */
static void measure_size(const char *size, u64 pages, u32 order)
{
    char name[40];

    for (u32 claimed = 0; claimed < 2; claimed++) {
        settle();
        create(pages);
        if (claimed)
            claim(pages);
        u64 nr = fill_list(pages, order);
        snprintf(name, sizeof(name), "populate_%s%s_%s", size, claimed ? "_claimed" : "", state);
        u64 begin = bench_begin(name);
        populate(nr, order);
        report(name, bench_end(name, begin), pages);
        snprintf(name, sizeof(name), "destroy_%s_%s", size, state);
        if (claimed) {
            destroy();
            continue;
        }
        begin = bench_begin(name);
        destroy();
        report(name, bench_end(name, begin), pages);
    }
}

static void measure_build(void)
{
    const char *name = named("build_512m");

    settle();
    u64 begin = bench_begin(name);
    create(PAGES_2M);
    claim(PAGES_2M);
    populate(fill_list(PAGES_2M, ORDER_2M), ORDER_2M);
    destroy();
    report(name, bench_end(name, begin), PAGES_2M);

    /* What of it has nothing to do with how much memory that is. */
    settle();
    name = named("create_pool");
    begin = bench_begin(name);
    create(PAGES_2M);
    u64 created = bench_end(name, begin);
    name = named("destroy_empty");
    begin = bench_begin(name);
    destroy();
    u64 destroyed = bench_end(name, begin);
    report(named("build_empty"), created + destroyed, 0);
    report(named("destroy_empty"), destroyed, 0);
}

void bench_memory(const char *wanted)
{
    xch = xc_interface_open();
    state = wanted;
    settle();
    measure_claims();
    measure_size("4k", PAGES_4K, ORDER_4K);
    measure_size("2m", PAGES_2M, ORDER_2M);
    measure_size("1g", PAGES_1G, ORDER_1G);
    measure_build();
}

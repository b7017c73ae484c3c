/*
 * What a domain's memory costs: populating and destroying by size, and the whole way of a guest of 512 MiB
 * and of 1 GiB. One domain at a time, all its memory asked for in one hypercall, from the last node, as
 * domain 0 starts on the first.
 *
 * `clean` waits before each figure until idle CPUs have cleaned all free memory: Homestead tells when, Xen is
 * given so much time that its figures no longer change with more. In `dirty` domain 0 never lets the CPU idle
 * (Homestead has idle-scrub=off besides), and memory is cleared when it is given out.
 */
#include <tests/guests/bench/bench.h>
#include <lib/printf.h>
#include <lib/string.h>

#define PAGES_4K   (MIB(64) >> PAGE_SHIFT)
#define PAGES_2M   (MIB(512) >> PAGE_SHIFT)
#define PAGES_1G   (GIB(1) >> PAGE_SHIFT)
#define DOMAIN_GFN (GIB(1) >> PAGE_SHIFT) /* of the first page: every size is aligned there */
#define CLEAN_MS   60000u
#define BLIND_MS   10000u /* where nobody tells what is clean: ten times what 4 GiB take */

enum where { EXACT, CLAIMED, ANYWHERE, NR_WHERE };
static const char *const where_names[NR_WHERE] = {"", "_claimed", "_anywhere"};

static const char *state;
static u32 node;
static xen_pfn_t list[PAGES_4K];

static void find_node(void)
{
    unsigned int nr = 0;

    bench_check(xc_numainfo(bench_xch, &nr, NULL, NULL), "numainfo");
    node = nr - 1;
}

static int dirty_pages(u64 *dirty)
{
    static xc_node_claim_t nodes[MAX_NODES];
    unsigned int nr = MAX_NODES;

    *dirty = 0;
    int rc = xc_node_claim_info(bench_xch, &nr, nodes, NULL);
    for (u32 i = 0; !rc && i < nr; i++)
        *dirty += nodes[i].dirty_pages;
    return rc;
}

static void settle(void)
{
    u64 end = guest_now_ms() + CLEAN_MS;
    u64 dirty;

    if (strcmp(state, "clean"))
        return;
    int rc;
    while (!(rc = dirty_pages(&dirty)) && dirty) {
        if (guest_now_ms() >= end)
            bench_check(-EBUSY, "waiting for clean memory");
        bench_idle_ms(10);
    }
    if (rc == -ENOSYS)
        bench_idle_ms(BLIND_MS);
    else
        bench_check(rc, "reading the nodes' memory");
}

/* On the node if the hypervisor has such claims, else on the host. */
static void claim(u32 domid, u64 pages)
{
    memory_claim_t entry = XEN_NODE_CLAIM_INIT(pages, node);

    int rc = xc_domain_claim_memory(bench_xch, domid, 1, &entry);
    if (rc == -ENOSYS)
        rc = xc_domain_claim_pages(bench_xch, domid, pages);
    bench_check(rc, "claiming memory");
}

static u64 fill_list(u64 pages, u32 order)
{
    u64 nr = pages >> order;

    for (u64 i = 0; i < nr; i++)
        list[i] = DOMAIN_GFN + (i << order);
    return nr;
}

static void populate(u32 domid, u64 nr, u32 order, enum where where)
{
    u32 flags = where == ANYWHERE ? 0 : XENMEMF_exact_node(node);

    bench_check(xc_domain_populate_physmap_exact(bench_xch, domid, nr, order, flags, list), "populating");
}

/* The figure `first` + `second` + "_" + state. */
static void figure(const char *first, const char *second)
{
    char name[40];

    snprintf(name, sizeof(name), "%s%s_%s", first, second, state);
    bench_figure(name);
}

static void measure_size(const char *size, u64 pages, u32 order)
{
    char name[24];

    for (enum where where = EXACT; where < NR_WHERE; where++) {
        settle();
        u32 domid = bench_create(pages);
        if (where == CLAIMED)
            claim(domid, pages);
        u64 nr = fill_list(pages, order);
        snprintf(name, sizeof(name), "populate_%s", size);
        figure(name, where_names[where]);
        bench_begin();
        populate(domid, nr, order, where);
        bench_end();
        bench_report(pages);
        if (where != EXACT) {
            bench_destroy(domid);
            continue;
        }
        snprintf(name, sizeof(name), "destroy_%s", size);
        figure(name, "");
        bench_begin();
        bench_destroy(domid);
        bench_end();
        bench_report(pages);
    }
}

static void measure_build(const char *name, u64 pages)
{
    settle();
    figure(name, "");
    bench_begin();
    u32 domid = bench_create(pages);
    claim(domid, pages);
    populate(domid, fill_list(pages, ORDER_2M), ORDER_2M, EXACT);
    bench_destroy(domid);
    bench_end();
    bench_report(pages);
}

/* What of building 512 MiB has nothing to do with how much memory that is. */
static void measure_pool(void)
{
    settle();
    figure("build_empty", "");
    bench_begin();
    bench_destroy(bench_create(PAGES_2M));
    bench_end();
    bench_report(0);

    settle();
    u32 domid = bench_create(PAGES_2M);
    figure("destroy_pool", "");
    bench_begin();
    bench_destroy(domid);
    bench_end();
    bench_report(0);
}

void bench_memory(const char *wanted)
{
    state = wanted;
    find_node();
    settle();
    measure_size("4k", PAGES_4K, ORDER_4K);
    measure_size("2m", PAGES_2M, ORDER_2M);
    measure_size("1g", PAGES_1G, ORDER_1G);
    measure_build("build_512m", PAGES_2M);
    measure_build("build_1g", PAGES_1G);
    measure_pool();
}

/*
 * What mm/ needs from below, and both allocators as subjects. Memory is only numbers here and is never
 * cleared: the figures are mm/'s alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/x86/cpu/percpu.h>
#include <arch/x86/cpu/frames.h>
#include <mm/claims.h>
#include <mm/mm.h>
#include <tests/bench/alloc/bench.h>
#include <tests/bench/alloc/buddy.h>
#include <tests/machine/machine.h>

static struct mem_account bench_accounts[BENCH_DOMAINS];
static struct buddy_frame *buddy_frames;

void *mfn_to_virt(mfn_t m)
{
    fprintf(stderr, "alloc-bench: frame %#lx has no memory here\n", (unsigned long)m.n);
    abort();
}

void frames_clear(mfn_t m, u64 nr_frames)
{
    (void)m;
    (void)nr_frames;
}

nodeid_t this_node(void)
{
    return 0;
}

void mm_wake_scrubber(nodeid_t nid)
{
    (void)nid;
}

struct mem_account *mem_account_find(u16 domid)
{
    return domid < BENCH_DOMAINS ? &bench_accounts[domid] : NULL;
}

/* Everything here is a number to be measured, so what fails ends the program. */
static void must(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "alloc-bench: %s: %d\n", what, rc);
    abort();
}

static void *fresh(void *old, u64 nr, size_t size)
{
    free(old);
    void *memory = calloc(nr, size);
    must(memory ? 0 : -1, "out of memory");
    return memory;
}

static void domain_init(u32 domain)
{
    mem_account_init(&bench_accounts[domain], (u16)domain);
    bench_accounts[domain].max_pages = ~0ull >> 1;
}

static void homestead_reset(u32 nr_nodes, u64 pages_per_node)
{
    static u8 near[MAX_NODES][MAX_NODES];

    for (u32 a = 0; a < nr_nodes; a++)
        for (u32 i = 0; i < nr_nodes; i++)
            near[a][i] = (u8)((a + i) % nr_nodes);
    mm_make_near(nr_nodes, bench_node_base(nr_nodes, pages_per_node), (const u8(*)[MAX_NODES])near);
    for (nodeid_t nid = 0; nid < nr_nodes; nid++)
        must(mm_add_range(mfn(bench_node_base(nid, pages_per_node)),
                          mfn(bench_node_base(nid + 1, pages_per_node)), nid),
             "mm_add_range");
    for (u32 domain = 0; domain < BENCH_DOMAINS; domain++)
        domain_init(domain);
}

static bool homestead_take(u32 domain, nodeid_t nid, u32 order, u64 *n)
{
    struct mm_request request = {.nid = nid, .order = order, .nr = 1, .flags = MM_EXACT_NODE};
    struct mm_taken taken;

    if (mm_take(&bench_accounts[domain], &request, &taken))
        return false;
    mm_take_done(&taken, 1);
    *n = taken.extent[0].n;
    return true;
}

static void homestead_give(u32 domain, u64 n, u32 order)
{
    must(release_range(&bench_accounts[domain], mfn(n), order), "mm_release_many");
}

static void homestead_bulk_pair(u32 domain, nodeid_t nid)
{
    struct mem_account *account = &bench_accounts[domain];
    struct mm_request request = {.nid = nid, .nr = BENCH_BULK, .flags = MM_EXACT_NODE};
    struct mm_taken taken;
    mfn_t all[BENCH_BULK];
    u32 nr = 0;

    /* One call when the allocator gives all at once, which it need not. */
    do {
        request.nr = BENCH_BULK - nr;
        must(mm_take(account, &request, &taken), "mm_take");
        mm_take_done(&taken, taken.nr);
        memcpy(&all[nr], taken.extent, taken.nr * sizeof(all[0]));
        nr += taken.nr;
    } while (nr < BENCH_BULK);
    must(mm_release_many(account, all, 0, BENCH_BULK), "mm_release_many");
}

void host_claim(u32 domain, nodeid_t nid, u64 pages)
{
    struct claim_entry entry = {.pages = pages, .node = nid};

    must(claim_install_set(&bench_accounts[domain], &entry, 1, 0), "claim_install_set");
}

void host_unclaim(u32 domain)
{
    must(claim_install_legacy(&bench_accounts[domain], 0), "claim_install_legacy");
}

void host_claim_set(u32 domain, u32 nr_nodes, u64 pages)
{
    struct claim_entry set[MAX_NODES];

    for (u32 i = 0; i < nr_nodes; i++)
        set[i] = (struct claim_entry){.pages = pages, .node = i};
    must(claim_install_set(&bench_accounts[domain], set, nr_nodes, CLAIM_REPLACE), "claim_install_set");
}

void host_destroy(u32 domain)
{
    mm_account_kill(&bench_accounts[domain]);
    while (mm_release_some(&bench_accounts[domain], 64)) /* as domain/stop.c does */
        ;
    domain_init(domain);
}

void host_scrub(nodeid_t nid)
{
    mm_scrub_step(nid);
}

static void yardstick_reset(u32 nr_nodes, u64 pages_per_node)
{
    u64 end = bench_node_base(nr_nodes, pages_per_node);

    buddy_frames = fresh(buddy_frames, end, sizeof(*buddy_frames));
    buddy_init(buddy_frames, bench_node_base(0, 0), end, pages_per_node);
}

static bool yardstick_take(u32 domain, nodeid_t nid, u32 order, u64 *n)
{
    return buddy_take((u16)domain, nid, order, n);
}

static void yardstick_give(u32 domain, u64 n, u32 order)
{
    buddy_give((u16)domain, n, order);
}

static void yardstick_bulk_pair(u32 domain, nodeid_t nid)
{
    u64 all[BENCH_BULK];

    for (u32 i = 0; i < BENCH_BULK; i++)
        must(buddy_take((u16)domain, nid, 0, &all[i]) ? 0 : -1, "buddy_take");
    for (u32 i = 0; i < BENCH_BULK; i++)
        buddy_give((u16)domain, all[i], 0);
}

const struct subject subject_homestead = {
    .name = "homestead",
    .reset = homestead_reset,
    .take = homestead_take,
    .give = homestead_give,
    .bulk_pair = homestead_bulk_pair,
    /* Of a window of 512 frames; the chunks' records are another page a GiB. */
    .metadata_bytes =
        sizeof(struct region) + MAP_BITS * sizeof(frame_word_t) + sizeof(struct chunk_page) / MAP_BITS,
};

const struct subject subject_buddy = {
    .name = "buddy",
    .reset = yardstick_reset,
    .take = yardstick_take,
    .give = yardstick_give,
    .bulk_pair = yardstick_bulk_pair,
    .metadata_bytes = 512u * sizeof(struct buddy_frame),
};

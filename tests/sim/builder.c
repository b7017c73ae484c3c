/* The machine, and the life of a domain on it: claim, paging pool, memory, and its end. Memory is only numbers. */
#include "storm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_TAKE 32u /* extents of 2 MiB: mm_extents_at_once() */
#define BUDGET   64u /* as domain/stop.c has it */

static struct mem_account *by_id[BUILDERS_MAX + 1];
u32 guest_extents = 256, pool_pages = 770; /* the domain of 512 MiB of docs/benchmarks.md */
u64 builder_calls;

struct cpu *cpus[MAX_CPUS];
u32 nr_cpus;

struct cpu *this_cpu(void)
{
    static struct cpu cpu;

    return &cpu;
}

nodeid_t this_node(void)
{
    return 0;
}

struct mem_account *mem_account_find(u16 domid)
{
    return domid <= BUILDERS_MAX ? by_id[domid] : NULL;
}

void mm_wake_scrubber(nodeid_t nid)
{
    (void)nid;
}

/* All of it is clean: `make bench`'s rows for clean memory are the costs. */
void frames_clear(mfn_t m, u64 nr)
{
    (void)m;
    (void)nr;
}

void *mfn_to_virt(mfn_t m)
{
    (void)m;
    abort();
}

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "boot-storm: not so: %s\n", what);
    exit(1);
}

void machine_build(u64 node_pages)
{
    mm_make(NODES, NODES * node_pages);
    for (nodeid_t nid = 0; nid < NODES; nid++)
        must(mm_add_range(mfn(nid * node_pages), mfn((nid + 1) * node_pages), nid) == 0,
             "the memory is there");
}

void machine_check_empty(bool all)
{
    struct mm_host_info host;

    mm_host_get_info(&host);
    must(host.free_pages == host.total_pages && !host.outstanding_pages,
         "every page and every claim is back");
    must(!all || mm_check() == 0, "mm_check() finds nothing");
}

void builder_init(struct builder *b, u32 id, u64 seed)
{
    memset(b, 0, sizeof(*b));
    b->id = id;
    rng_seed(&b->rng, seed * BUILDERS_MAX + id);
    by_id[id + 1] = &b->account;
}

static void begin(struct builder *b)
{
    mem_account_init(&b->account, (u16)(b->id + 1));
    b->account.max_pages = 1u << 20;
    b->node = rng_draw(&b->rng, NODES);
    b->nr_pool = b->nr_extents = 0;
}

static void claim(struct builder *b)
{
    struct claim_entry entry = {.pages = guest_extents * MAP_BITS + pool_pages, .node = b->node};

    must(claim_install_set(&b->account, &entry, 1, 0) == 0, "there is memory for all claims");
}

static void take(struct builder *b, u32 order, u32 nr, u32 flags)
{
    struct mm_request request = {.nid = b->node, .order = order, .nr = nr, .flags = MM_EXACT_NODE | flags};

    must(mm_take(&b->account, &request, &b->taken) == 0, "what is claimed is there");
    mm_take_done(&b->taken, b->taken.nr);
}

/* What comes next of the domain's life. */
static enum call next_call(const struct builder *b)
{
    if (b->step == 0)
        return CALL_CLAIM;
    if (!b->account.dying && b->nr_pool < pool_pages)
        return CALL_POOL;
    if (!b->account.dying && b->nr_extents < guest_extents)
        return CALL_POPULATE;
    if (!b->account.dying)
        return CALL_KILL;
    return b->account.tot_pages ? CALL_FREE : CALL_FREE_POOL;
}

bool builder_step(struct builder *b, struct trace *trace)
{
    if (b->step == 0)
        begin(b);
    enum call call = next_call(b);

    trace_begin(trace, b->counted);
    switch (call) {
    case CALL_CLAIM:
        claim(b);
        break;
    case CALL_POOL:
        take(b, 0, MIN(MM_TAKE_MAX, pool_pages - b->nr_pool), MM_OVERHEAD);
        break;
    case CALL_POPULATE:
        take(b, ORDER_2M, MIN(PER_TAKE, guest_extents - b->nr_extents), 0);
        break;
    case CALL_KILL:
        mm_account_kill(&b->account);
        break;
    case CALL_FREE:
        mm_release_some(&b->account, BUDGET);
        break;
    default:
        mm_free_overhead_many(&b->account, &b->pool[b->nr_pool - MIN(b->nr_pool, MM_TAKE_MAX)],
                              MIN(b->nr_pool, MM_TAKE_MAX));
    }
    trace_end();
    if (call == CALL_POOL) {
        memcpy(&b->pool[b->nr_pool], b->taken.extent, b->taken.nr * sizeof(mfn_t));
        b->nr_pool += b->taken.nr;
    } else if (call == CALL_POPULATE) {
        b->nr_extents += b->taken.nr;
    } else if (call == CALL_FREE_POOL) {
        b->nr_pool -= MIN(b->nr_pool, MM_TAKE_MAX);
    }
    if (b->counted) {
        b->instructions += trace->after;
        for (u32 i = 0; i < trace->nr; i++)
            b->instructions += trace->event[i].before;
        costs_learn(call, trace);
    } else if (!b->beside) {
        costs_apply(call, trace);
    }
    b->step++;
    if (!b->account.dying || b->account.tot_pages || b->nr_pool)
        return false;
    must(b->account.overhead_pages == 0 && b->account.outstanding == 0, "a domain's end leaves nothing");
    builder_calls = b->step;
    b->step = 0;
    b->builds++;
    return true;
}

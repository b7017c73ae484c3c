/*
 * The run with threads as CPUs: phases of many operations by all workers at once, and between two of them,
 * with all workers waiting, everything is counted: mm_check(), no node promised twice, no page gone.
 */
#include "worker.h"

#include <pthread.h>
#include <string.h>
#include <mm/node.h>

#define PHASE_OPS 60000u /* of each worker */

static struct {
    pthread_barrier_t barrier;
    u32 nr_workers, nr_nodes;
    u64 ram;
    bool stop, small;
    struct rng rng;
    struct stress_result *result;
} all;

static void while_cleared(u64 n, u64 nr)
{
    (void)n;
    (void)nr;
    if (me && fault())
        worker_intrude(me->clearing);
}

static void on_lock(u32 level)
{
    (void)level;
    if (me && me->faults && wrnd(4000) < me->faults)
        sched_yield();
}

static void wait_for_all(void)
{
    pthread_barrier_wait(&all.barrier);
}

static void *worker_main(void *arg)
{
    me = arg;
    use_cpu(me->id);
    for (;;) {
        wait_for_all(); /* the coordinator has chosen a phase */
        if (all.stop)
            return NULL;
        if (phase.fresh)
            worker_give_all_back();
        wait_for_all();
        wait_for_all(); /* it has made all domains anew */
        u64 end = run_step + PHASE_OPS;
        while (run_step < end && run_step < me->ops && !__atomic_load_n(&nr_wrong, __ATOMIC_RELAXED))
            worker_step();
        worker_end_all_takes(); /* mm_check() wants a quiet moment */
        wait_for_all();
    }
}

/* --- between the phases --- */

static u64 free_now(void)
{
    struct mm_host_info host;

    mm_host_get_info(&host);
    return host.free_pages;
}

static void audit_claims(void)
{
    u64 unclaimed = 0, host_claims = 0;

    for (u32 nid = 0; nid < all.nr_nodes; nid++) {
        struct mm_node_info node;
        u64 claimed = 0;

        mm_node_get_info(nid, &node);
        for (u32 d = FIRST_DOMID; d <= nr_domains(all.nr_workers); d++)
            claimed += accounts[d].node_claim[nid];
        if (claimed != node.claimed_pages)
            wrong("node %u: %llu claimed, %llu by domains", nid, (unsigned long long)node.claimed_pages,
                  (unsigned long long)claimed);
        all.result->oversubscribed += claimed > node.free_pages;
        unclaimed += node.free_pages - claimed;
    }
    for (u32 d = FIRST_DOMID; d <= nr_domains(all.nr_workers); d++)
        host_claims += accounts[d].host_claim;
    all.result->oversubscribed += host_claims > unclaimed;
}

/* Every page is free or somebody's. */
static void audit(void)
{
    u64 pages = free_now();

    run_op = "audit";
    if (mm_check())
        wrong("mm_check() found faults");
    audit_claims();
    for (u32 d = FIRST_DOMID; d <= nr_domains(all.nr_workers); d++)
        pages += accounts[d].tot_pages + accounts[d].overhead_pages;
    for (u32 i = 0; i < all.nr_workers; i++)
        pages += workers[i]->homestead_pages;
    for (u32 nid = 0; nid < all.nr_nodes; nid++) {
        struct node_counts counts;

        node_get_counts(nid, &counts);
        pages += counts.offline_pages;
    }
    if (pages != all.ram) {
        all.result->lost_pages += pages < all.ram ? all.ram - pages : pages - all.ram;
        wrong("%llu pages are accounted for, of %llu", (unsigned long long)pages,
              (unsigned long long)all.ram);
    }
}

/* Nobody holds anything any more; every domain ends, and all memory is back. */
static void end_domains(void)
{
    run_op = "end of all";
    for (u32 d = FIRST_DOMID; d <= nr_domains(all.nr_workers); d++) {
        struct mem_account *account = &accounts[d];

        mm_account_kill(account);
        while (mm_release_some(account, 1000))
            ;
        if (account->tot_pages || account->overhead_pages || account->outstanding)
            wrong("domain %u: %llu pages, %llu of overhead and %llu claimed remain", d,
                  (unsigned long long)account->tot_pages, (unsigned long long)account->overhead_pages,
                  (unsigned long long)account->outstanding);
    }
    if (free_now() != all.ram) {
        all.result->lost_pages += all.ram - free_now();
        wrong("%llu of %llu pages are free", (unsigned long long)free_now(), (unsigned long long)all.ram);
    }
}

/* Takes memory until about leave pages of the node are free, large extents first. */
static void fill_node(u32 nid, u64 leave)
{
    for (u32 order = MAX_ORDER + 1; order-- > 0;) {
        for (;;) {
            struct mm_node_info node;
            mfn_t m;

            mm_node_get_info(nid, &node);
            if (node.free_pages < leave + BIT(order) ||
                mm_alloc(&accounts[BALLAST], nid, order, MM_EXACT_NODE, &m))
                break;
            if (m.n >= pages_end)
                wrong("ballast at %llu", (unsigned long long)m.n);
        }
    }
}

static void make_domains(void)
{
    u32 nr = nr_domains(all.nr_workers);

    for (u32 d = FIRST_DOMID; d <= nr; d++) {
        u32 affinity = rng_draw(&all.rng, 1u << all.nr_nodes);
        u64 max = d == BALLAST ? ~0ull : phase.max_pages;
        account_new((u16)d, max)->affinity = rng_draw(&all.rng, 2) ? affinity : 0;
        atomic_fetch_add(&life[d].births, 1);
    }
    for (u32 nid = 0; nid < all.nr_nodes && phase.kind == PHASE_TIGHT; nid++)
        fill_node(nid, 200 + rng_draw(&all.rng, 8000));
}

static void choose_phase(bool first)
{
    bool was_tight = phase.kind == PHASE_TIGHT;
    u32 r = rng_draw(&all.rng, 10);
    /* What is in nobody's hands for a moment: extents on their way back, and overhead. */
    u64 slack = all.nr_workers * (MM_TAKE_MAX * (all.small ? 32 : 512) + 64 * 16);

    phase.kind = r < 6 ? PHASE_TIGHT : r < 8 ? PHASE_ROOMY : PHASE_HUGE;
    if (phase.kind == PHASE_ROOMY && slack > all.ram / 2)
        phase.kind = PHASE_TIGHT;
    phase.fresh = first || !was_tight || phase.kind != PHASE_TIGHT || rng_draw(&all.rng, 4) == 0;
    if (!phase.fresh)
        return;
    phase.max_pages = phase.kind == PHASE_ROOMY  ? (all.ram - slack) / nr_domains(all.nr_workers)
                      : phase.kind == PHASE_HUGE ? all.ram
                                                 : 100 + rng_draw(&all.rng, 6000);
}

static void run_phases(void)
{
    u64 done = 0, wanted = all.nr_workers * workers[0]->ops;

    for (bool first = true; done < wanted && !nr_wrong; first = false) {
        choose_phase(first);
        wait_for_all();
        wait_for_all(); /* all is given back, if it had to be */
        if (phase.fresh) {
            end_domains();
            make_domains();
        }
        wait_for_all();
        wait_for_all(); /* they are through */
        audit();
        done = 0;
        for (u32 i = 0; i < all.nr_workers; i++)
            done += stress_total(&workers[i]->result.counts);
    }
    if (!nr_wrong) { /* once more with nothing to do but to give back */
        phase.fresh = true;
        for (u32 i = 0; i < all.nr_workers; i++)
            workers[i]->ops = 0;
        wait_for_all();
        wait_for_all();
        end_domains();
        wait_for_all();
        wait_for_all();
        audit();
    }
    all.stop = true;
    wait_for_all();
}

/* --- the machine --- */

static void add(u64 start, u64 end, u32 nid)
{
    pages_add(start, end, nid);
    all.ram += end - start;
}

/* Nodes with whole GiBs, and small ones that end in the middle of everything. */
static void set_up(void)
{
    const u64 gib = all.small ? 4096 : 262144;
    u64 at = 0, end = 3 * gib + all.nr_nodes * 16000;

    pages_make(all.nr_nodes, end);
    on_pages_cleared = while_cleared;
    on_first_lock = on_lock;
    for (u32 nid = 0; nid < all.nr_nodes; nid++) {
        u64 size = nid == 0 ? 2 * gib + 2660 : nid == 1 ? gib - 2660 : all.small ? 2077 : 12877 + nid * 300;

        add(at + (nid == 0 ? 16 : 0), at + size / 3, nid);
        add(at + size / 3 + (nid > 1 ? 40 : 0), at + size, nid);
        at += size;
    }
}

static void add_counts(struct stress_result *to, const struct stress_result *from)
{
    const u64 *more = (const u64 *)&from->counts;
    u64 *sum = (u64 *)&to->counts;

    for (u32 i = 0; i < sizeof(to->counts) / sizeof(u64); i++)
        sum[i] += more[i];
    to->oversubscribed += from->oversubscribed;
    to->false_refusals += from->false_refusals;
    to->lost_pages += from->lost_pages;
}

void stress_threads(const struct stress_options *options, struct stress_result *result)
{
    pthread_t threads[WORKERS_MAX];

    memset(&all, 0, sizeof(all));
    all.result = result;
    all.nr_workers = options->threads;
    all.nr_nodes = options->nodes;
    all.small = options->ops < 300000;
    rng_seed(&all.rng, options->seed);
    set_up();
    for (u32 d = FIRST_DOMID; d <= nr_domains(all.nr_workers); d++)
        account_new((u16)d, 0);
    pthread_barrier_init(&all.barrier, NULL, all.nr_workers + 1);
    for (u32 i = 0; i < all.nr_workers; i++) {
        struct worker *w = calloc(1, sizeof(*w));

        w->id = i;
        w->nr_workers = all.nr_workers;
        w->nr_nodes = all.nr_nodes;
        w->faults = options->faults;
        w->ops = DIV_ROUND_UP(options->ops, all.nr_workers);
        rng_seed(&w->rng, options->seed * WORKERS_MAX + i + 1);
        workers[i] = w;
        cpus[i] = &cpu_on[i];
    }
    nr_cpus = all.nr_workers;
    for (u32 i = 0; i < all.nr_workers; i++)
        if (pthread_create(&threads[i], NULL, worker_main, workers[i]))
            abort();
    run_phases();
    for (u32 i = 0; i < all.nr_workers; i++) {
        pthread_join(threads[i], NULL);
        add_counts(result, &workers[i]->result);
    }
    for (u32 i = 0; i < all.nr_workers; i++)
        free(workers[i]);
    pthread_barrier_destroy(&all.barrier);
}

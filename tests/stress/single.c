/*
 * The single-threaded run: each operation is decided by the reference first, then made, and after it every
 * figure of mm/ is compared with the reference's. Now and then mm_check() reads everything, and the reference
 * counts all its frames anew.
 *
 * A run goes through phases of some thousand operations: small pages, mixed, huge extents; with nodes filled
 * up by one domain to a last remainder, or with everybody killed first.
 */
#include "single.h"

#include <string.h>
#include <mm/node.h>

#define PHASE_OPS 8192u
#define CHECK_OPS 4096u

struct single run;

bool single_expect(enum stress_op op, int rc, int expected)
{
    stress_count(&run.result->counts, op, rc);
    if (rc == expected)
        return true;
    run.result->false_refusals += rc == -ENOMEM && expected == 0;
    wrong("is %d, not %d", rc, expected);
    return false;
}

static void compare_domain(u32 d)
{
    const struct mem_account *a = &accounts[d];

    MUST(a->tot_pages == ref.tot[d] && a->overhead_pages == ref.over[d], "domain %u: tot %llu, not %llu", d,
         (unsigned long long)a->tot_pages, (unsigned long long)ref.tot[d]);
    MUST(a->host_claim == ref.h[d] && a->outstanding == ref_out(d), "domain %u: host claim %llu, not %llu", d,
         (unsigned long long)a->host_claim, (unsigned long long)ref.h[d]);
    for (u32 nid = 0; nid < ref.nr_nodes; nid++)
        MUST(a->own[nid] == ref.own[d][nid] && a->node_claim[nid] == ref.c[d][nid],
             "domain %u on node %u: own %llu, not %llu; claim %llu, not %llu", d, nid,
             (unsigned long long)a->own[nid], (unsigned long long)ref.own[d][nid],
             (unsigned long long)a->node_claim[nid], (unsigned long long)ref.c[d][nid]);
}

static void compare(void)
{
    struct mm_host_info host;
    u64 all = 0, dirty = 0, claimed = 0;
    struct node_counts counts;

    for (u32 nid = 0; nid < ref.nr_nodes; nid++) {
        struct mm_node_info info;
        u64 wanted = ref_claimed(nid);

        mm_node_get_info(nid, &info);
        run.result->oversubscribed += info.claimed_pages > info.free_pages;
        MUST(info.free_pages == ref.free[nid] && info.dirty_pages == ref.dirty[nid] &&
                 info.claimed_pages == wanted,
             "node %u: free %llu, not %llu; dirty %llu, not %llu; claimed %llu, not %llu", nid,
             (unsigned long long)info.free_pages, (unsigned long long)ref.free[nid],
             (unsigned long long)info.dirty_pages, (unsigned long long)ref.dirty[nid],
             (unsigned long long)info.claimed_pages, (unsigned long long)wanted);
        node_get_counts(nid, &counts);
        MUST(counts.offline_pages == ref.offline[nid]);
        all += ref.free[nid];
        dirty += ref.dirty[nid];
        claimed += wanted;
    }
    for (u32 d = 1; d < REF_DOMS; d++) {
        claimed += ref.h[d];
        compare_domain(d);
    }
    mm_host_get_info(&host);
    run.result->oversubscribed += host.outstanding_pages > host.free_pages;
    MUST(host.free_pages == all && host.dirty_pages == dirty && host.outstanding_pages == claimed);
}

static void check_all(void)
{
    while (run.nr_open) /* it wants a quiet moment */
        single_op_done();
    compare();
    run_op = "mm_check";
    if (mm_check())
        wrong("mm_check() found faults");
    if (ref_recount())
        wrong("the reference has lost count of itself");
}

static void kill_everybody(void)
{
    while (run.nr_open)
        single_op_done();
    for (u32 d = 1; d < REF_DOMS; d++)
        if (!ref.dying[d])
            single_op_kill(d);
    while (run.nr_held)
        single_op_free_overhead();
    while (run.nr_pinned && !nr_wrong)
        single_op_unpin();
    for (u32 dead = 1; dead && !nr_wrong;) {
        single_op_release_some();
        dead = 0;
        for (u32 d = 1; d < REF_DOMS; d++)
            dead += ref.dying[d];
    }
}

static void new_phase(void)
{
    run_op = "new phase";
    run.profile = rnd(5) < 3 ? 0 : 1 + rnd(2);
    if (rnd(4) == 0)
        kill_everybody();
    if (rnd(2))
        single_fill_up();
    else if (rnd(2) && !ref.dying[SINGLE_HOG])
        single_op_kill(SINGLE_HOG);
}

/* Often while the last page is claimed, by all who claim and the hog, so that claims are taken back. */
static void offline_some(void)
{
    bool all = rnd(2);

    if (all)
        single_op_claim_rest(SINGLE_HOG, true);
    do
        single_op_offline();
    while (ref_host_unclaimed() == 0 && rnd(16) && !nr_wrong);
    if (all)
        single_op_claim_rest(SINGLE_HOG, false);
}

static void one_step(void)
{
    u32 r = rnd(1000);

    if (r < 200)
        single_op_alloc();
    else if (r < 380)
        single_op_take();
    else if (r < 480)
        single_op_done();
    else if (r < 700)
        single_op_release();
    else if (r < 750)
        single_op_free_overhead();
    else if (r < 780)
        single_op_pin();
    else if (r < 810)
        single_op_unpin();
    else if (r < 840)
        single_op_legacy(single_domain());
    else if (r < 900)
        single_op_set(single_domain());
    else if (r < 980)
        single_op_scrub();
    else if (r < 982)
        single_op_kill(single_domain());
    else if (r < 990)
        single_op_release_some();
    else if (r < 993)
        offline_some();
    else if (r < 996)
        single_op_online();
    else
        single_op_settings();
}

static void add(u64 start, u64 end, u32 nid)
{
    pages_add(start, end, nid);
    ref_add(start, end, nid);
}

/* Node 0 has one whole GiB and ragged ends; nodes share a 2 MiB region, and have holes. Small: without the
 * GiB. */
static u64 set_up(u32 nr_nodes, bool small)
{
    static const u64 size[] = {0, 3 * 512 + 77, 4096, 1300, 9000, 600, 512, 2048};
    u64 base = small ? 0 : 262144 - 1500, at = small ? 3000 : 2 * 262144 + 700, end = at;

    for (u32 nid = 1; nid < nr_nodes; nid++)
        end += size[nid] + 30;
    pages_make(nr_nodes, end);
    ref_init(nr_nodes, end);
    add(base + 3, at, 0);
    for (u32 nid = 1; nid < nr_nodes; nid++) {
        add(at, at + size[nid] / 2, nid);
        add(at + size[nid] / 2 + 30, at + size[nid] + 30, nid);
        at += size[nid] + 30;
    }
    u64 ram = 0;
    for (u32 nid = 0; nid < nr_nodes; nid++)
        ram += ref.free[nid];
    return ram;
}

void stress_single(const struct stress_options *options, struct stress_result *result)
{
    memset(&run, 0, sizeof(run));
    run.result = result;
    run.faults = options->faults;
    rng_seed(&run.rng, options->seed);
    u64 ram = set_up(MIN(options->nodes, REF_NODES), options->ops < 300000);
    for (u32 d = 1; d < REF_DOMS; d++)
        account_new((u16)d, ref.max[d] = d == SINGLE_HOG ? ~0ull : 2000 * d);
    cpus[0] = here;
    nr_cpus = 1;
    on_pages_cleared = single_on_clear;
    compare();
    for (u64 next_check = 0, next_phase = 0; !nr_wrong && run_step < options->ops;
         run_step = stress_total(&result->counts)) {
        if (run_step >= next_phase) {
            next_phase = run_step + PHASE_OPS;
            new_phase();
        } else {
            one_step();
        }
        compare();
        if (run_step >= next_check) {
            next_check = run_step + CHECK_OPS;
            check_all();
        }
    }
    if (!nr_wrong)
        kill_everybody();
    while (run.nr_away && !nr_wrong)
        single_op_online();
    compare();
    check_all();
    for (u32 nid = 0; nid < ref.nr_nodes; nid++)
        while (!nr_wrong && ref.dirty[nid])
            single_op_scrub();
    compare();
    struct mm_host_info host;
    mm_host_get_info(&host);
    result->lost_pages = nr_wrong ? 0 : ram - host.free_pages;
    ref_free_all();
}

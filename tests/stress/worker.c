/* What a worker does next, and what comes in between. */
#include "worker.h"

struct worker *workers[WORKERS_MAX];
_Thread_local struct worker *me;
struct phase phase;
struct domain_life life[ACCOUNTS];
_Atomic u64 recent[RECENT];
_Atomic u64 offlined;

/* In the middle of the clearing of what somebody takes or scrubs; no lock is held. Nothing here may wait for
 * the pages that are being cleared. */
void worker_intrude(struct open_take *take)
{
    const char *op = run_op;
    u32 d = take && take->d && wrnd(2) ? take->d : private_domain(me->id, wrnd(PRIVATE_EACH));

    if (!take) { /* a scrubber's: somebody may wait for its pages, with the ledger's lock held */
        sched_yield();
        return;
    }
    if (!domain_enter(d))
        return;
    me->result.counts.injected++;
    if (wrnd(32) == 0)
        worker_kill(d);
    else if (wrnd(2))
        worker_op_claim(d);
    else
        sched_yield();
    domain_leave(d);
    run_op = op;
}

static void op_on(u32 d, void (*op)(u32 d))
{
    if (!domain_enter(d))
        return;
    op(d);
    domain_leave(d);
}

static void op_scrub(void)
{
    run_op = "scrub";
    call_begin();
    bool did = mm_scrub_step(wrnd(me->nr_nodes));
    call_end(OP_SCRUB, did ? 0 : -1);
}

static void op_figures(void)
{
    struct mm_host_info host;
    struct mm_node_info node;

    run_op = "figures";
    call_begin();
    mm_host_get_info(&host);
    mm_node_get_info(wrnd(me->nr_nodes), &node);
    call_end(OP_FIGURES, 0);
    bool over = host.outstanding_pages > host.free_pages || node.claimed_pages > node.free_pages;
    me->result.oversubscribed += over;
    if (over || node.dirty_pages > node.free_pages || host.free_pages > host.total_pages)
        wrong("host: free %llu, outstanding %llu; a node: free %llu, claimed %llu, dirty %llu",
              (unsigned long long)host.free_pages, (unsigned long long)host.outstanding_pages,
              (unsigned long long)node.free_pages, (unsigned long long)node.claimed_pages,
              (unsigned long long)node.dirty_pages);
}

void worker_step(void)
{
    u32 r = wrnd(1000);

    this_cpu_node = wrnd(64) ? me->id % me->nr_nodes : wrnd(me->nr_nodes);
    if (r < 420) {
        worker_op_take();
    } else if (r < 480) {
        if (me->nr_open)
            worker_end_take(wrnd(me->nr_open), fault() ? 0 : MM_TAKE_MAX);
    } else if (r < 800) {
        worker_op_release();
    } else if (r < 860) {
        op_on(worker_domain(75), worker_op_claim);
    } else if (r < 890) {
        worker_op_pin();
    } else if (r < 925) {
        worker_op_unpin();
    } else if (r < 965) {
        op_scrub();
    } else if (r < 985) {
        op_figures();
    } else if (r < 989) {
        if (wrnd(3) == 0)
            worker_op_offline();
        else
            worker_op_online();
    } else if (r < 990) {
        if (wrnd(4) == 0)
            op_on(worker_domain(50), worker_kill);
    } else {
        worker_op_release_some();
    }
}

void worker_end_all_takes(void)
{
    while (me->nr_open)
        worker_end_take(0, wrnd(MM_TAKE_MAX + 1));
}

void worker_give_all_back(void)
{
    while (me->nr_pinned && wrnd(64))
        worker_op_unpin();
    for (u32 k = 0; k < PRIVATE_EACH; k++) /* the others' memory goes while its owner is at it */
        if (wrnd(2)) {
            u32 d = private_domain(me->id, k);
            domain_enter_for_sure(d);
            worker_kill(d);
            domain_leave(d);
        }
    while (me->nr_held)
        worker_release_one(wrnd(me->nr_held));
    while (me->nr_pinned)
        worker_op_unpin();
    while (me->nr_away)
        worker_op_online();
}

/*
 * increase_reservation, decrease_reservation and populate_physmap: a list of extents, processed in batches of
 * up to LIST_MAX: one copy of their frame numbers, one transaction of the allocator, one physmap lock.
 *
 * The result is the number of extents done, whatever stopped the rest: a bad argument, a bad frame number, no
 * memory. Each extent is all or nothing, claims included: extents of a batch that cannot be mapped are freed,
 * and the claims are then as if only the others had been requested. The call can be preempted between
 * batches, and while dirty memory is cleaned that takes too long to clear at once; the number done is then in
 * the command word. No lock is held across batches: frames and limits may change between two of them.
 *
 * With XENMEMF_populate_on_demand, populate_physmap takes no memory: it marks the frames (physmap/pod.c). Only the control
 * domain may do that, and not to itself; for others the flag stops the call at once, as on Xen.
 */
#include <domain/vnuma.h>
#include <hypercall/compat.h>
#include <hypercall/memory_op.h>
#include <mm/claims.h>
#include <mm/mm.h>

#define GUEST_MAX_ORDER ORDER_2M /* limit for a domain's own request; the control domain: MAX_ORDER */
#define LIST_MAX        MM_TAKE_MAX

struct reservation {
    struct domain *d;
    u64 list; /* guest array of frame numbers, 0: none given (increase) */
    u32 order;
    nodeid_t nid; /* NODE_NONE: any */
    u32 mm_flags;
    u32 address_bits;  /* of struct mm_request */
    bool on_demand;    /* populate: no memory now */
    bool own;          /* a guest's request for itself; then: */
    nodeid_t main_nid; /* the node to try first */
};

/* A virtual node's, which guests may name too. Without a topology the node is ignored. */
static bool decode_vnode(u32 mem_flags, struct reservation *r)
{
    if (vnuma_pnode(r->d, XENMEMF_get_node(mem_flags), &r->nid))
        return false;
    if (r->nid != NODE_NONE && mem_flags & XENMEMF_exact_node_request)
        r->mm_flags = MM_EXACT_NODE;
    return true;
}

/* The node field of mem_flags; a guest's is ignored, but exact_node is an error. False: invalid. */
static bool decode_node(const struct domain *caller, u32 mem_flags, struct reservation *r)
{
    u32 nid = XENMEMF_get_node(mem_flags);

    r->nid = NODE_NONE;
    r->mm_flags = 0;
    if (mem_flags & XENMEMF_vnode)
        return decode_vnode(mem_flags, r);
    if (nid == 0xff) /* no node given */
        return true;
    if (!caller->is_control)
        return !(mem_flags & XENMEMF_exact_node_request);
    if (nid >= MAX_NODES)
        return false;
    /* A node that does not exist has no memory: exact_node then fails, otherwise any node is used. */
    if (mem_flags & XENMEMF_exact_node_request)
        r->mm_flags = MM_EXACT_NODE;
    r->nid = nid;
    return true;
}

/* The request's address limit, 0 if all of the host is below it. False: no memory could meet it. */
static bool decode_address_bits(u32 mem_flags, struct reservation *r)
{
    u32 bits = XENMEMF_get_address_bits(mem_flags);
    bool all_below = bits >= 64 || (bits > PAGE_SHIFT && memop_max_page() <= BIT(bits - PAGE_SHIFT));

    r->address_bits = all_below ? 0 : bits;
    return bits == 0 || bits > PAGE_SHIFT;
}

static bool decode(struct hypercall *c, const struct xen_memory_reservation *op, struct reservation *r)
{
    const struct domain *caller = c->v->domain;

    r->d = c->target;
    r->list = op->extent_start;
    r->order = op->extent_order;
    r->on_demand = memop_cmd(c) == XENMEM_populate_physmap && (op->mem_flags & XENMEMF_populate_on_demand);
    return decode_address_bits(op->mem_flags, r) && decode_node(caller, op->mem_flags, r) &&
           r->order <= (caller->is_control ? MAX_ORDER : GUEST_MAX_ORDER) &&
           !(r->on_demand && r->d == caller);
}

enum step {
    STEP_DONE,   /* at least one */
    STEP_FAILED, /* the one after those that were done */
    STEP_AGAIN,  /* some work was done for the next one: call again */
};

/* Memory for up to nr extents. STEP_DONE: mm_take_done() is due. */
static enum step take(const struct reservation *r, u32 nr, struct mm_taken *taken)
{
    struct mm_request request = {.nid = r->nid,
                                 .order = r->order,
                                 .nr = nr,
                                 .flags = r->mm_flags | MM_PREEMPT,
                                 .address_bits = r->address_bits};

    if (r->nid != NODE_NONE && r->nid >= mm_nr_nodes()) {
        if (r->mm_flags & MM_EXACT_NODE)
            return STEP_FAILED;
        request.nid = NODE_NONE;
    }
    int rc = mm_take(&r->d->mem, &request, taken);
    return rc == 0 ? STEP_DONE : rc == -ERESTART ? STEP_AGAIN : STEP_FAILED;
}

/* One extent at a frame number that its order does not divide, with more and smaller mappings. */
static enum step populate_unaligned(const struct reservation *r, gfn_t g, u32 *done)
{
    struct mm_taken taken;

    enum step step = take(r, 1, &taken);
    if (step != STEP_DONE)
        return step;
    bool placed = physmap_place_unaligned(r->d, g, taken.extent[0], r->order) == 0;
    mm_take_done(&taken, placed);
    *done = placed;
    return placed ? STEP_DONE : STEP_FAILED;
}

/*
 * A guest's own request: memory of its virtual nodes stays on their nodes, other memory where most of it is. Returns how
 * many of the nr frames *on is right for.
 * claims.md CL-5.7, CL-5.8.
 */
static u32 keep_on_nodes(const struct reservation *r, const gfn_t *g, u32 nr, struct reservation *on)
{
    *on = *r;
    nr = vnuma_pnode_of_frames(r->d, g, nr, &on->nid);
    if (on->nid != NODE_NONE)
        on->mm_flags |= MM_EXACT_NODE;
    else
        on->nid = r->main_nid;
    return nr;
}

/* Allocates and maps extents at the first of the nr frame numbers. */
static enum step populate(const struct reservation *r, const gfn_t *g, u32 nr, u32 *done)
{
    struct reservation on_nodes;
    struct mm_taken taken;
    u32 lot = 0;

    if (!np_in_reach(g[0], BIT(r->order)))
        return STEP_FAILED;
    if (r->own && r->nid == NODE_NONE) {
        nr = keep_on_nodes(r, g, nr, &on_nodes);
        r = &on_nodes;
    }
    if (r->order > ORDER_2M && physmap_make_room(r->d, g[0], BIT(r->order)))
        return STEP_AGAIN;
    while (lot < nr && np_range_valid(g[lot], r->order))
        lot++;
    if (!lot)
        return populate_unaligned(r, g[0], done);
    enum step step = take(r, r->order > ORDER_2M ? 1 : lot, &taken);
    if (step != STEP_DONE)
        return step;
    int rc = physmap_place_many(r->d, g, taken.extent, r->order, taken.nr, done);
    mm_take_done(&taken, *done);
    return rc ? STEP_FAILED : STEP_DONE;
}

/* claims.md CL-4.20. */
static enum step mark(const struct reservation *r, const gfn_t *g, u32 nr, u32 *done)
{
    return physmap_mark_pod(r->d, g, r->order, r->order > ORDER_2M ? 1 : nr, done) ? STEP_FAILED : STEP_DONE;
}

/* Memory that is the domain's but mapped nowhere: as Xen does for a domain with nested paging. */
static enum step increase(const struct reservation *r, u32 nr, u32 *done)
{
    struct mm_taken taken;

    enum step step = take(r, nr, &taken);
    if (step != STEP_DONE)
        return step;
    mm_take_done(&taken, taken.nr);
    *done = taken.nr;
    return STEP_DONE;
}

/*
 * Unmaps and frees an extent above 2 MiB; all of it must be mapped. It is freed in pieces and can be
 * preempted: the freed pieces are then holes at its front, which the next call skips.
 */
static enum step decrease_big(const struct reservation *r, gfn_t g, u32 *done)
{
    u64 at = g.n, end = g.n + BIT(r->order);
    bool any = false;

    if (!np_in_reach(g, BIT(r->order)))
        return STEP_FAILED;
    while (at < end) {
        struct np_entry entry = physmap_lookup(r->d, gfn(at));
        u64 past = (at | (BIT(entry.order) - 1)) + 1; /* the whole mapping, or hole */
        bool whole = IS_ALIGNED(at, BIT(entry.order)) && past <= end;
        u32 given;

        if (entry.type == NP_NONE && !any) {
            at = past;
            continue;
        }
        if (entry.order <= ORDER_2M || !whole)
            past = MIN(end, (at | (BIT(ORDER_2M) - 1)) + 1);
        if (physmap_give_up(r->d, &(gfn_t){at}, past - at, 1, &given))
            return STEP_FAILED;
        any = true;
        at = past;
        if (at < end && sched_should_yield())
            return STEP_AGAIN;
    }
    *done = any;
    return any ? STEP_DONE : STEP_FAILED;
}

_Static_assert(sizeof(gfn_t) == sizeof(u64), "an array of frame numbers is one of numbers");

/* Does some of nr extents, from the index-th on. *done: how many. */
static enum step some_extents(struct hypercall *c, const struct reservation *r, u64 index, u32 nr, u32 *done)
{
    u32 cmd = memop_cmd(c);
    gfn_t g[LIST_MAX];

    *done = 0;
    if (cmd == XENMEM_increase_reservation)
        return increase(r, nr, done);
    bool big = r->order > ORDER_2M;
    nr = read_caller_array(c, &g[0].n, r->list, index, big ? 1 : nr);
    if (!nr)
        return STEP_FAILED;
    if (cmd == XENMEM_populate_physmap)
        return r->on_demand ? mark(r, g, nr, done) : populate(r, g, nr, done);
    if (big)
        return decrease_big(r, g[0], done);
    return physmap_give_up(r->d, g, BIT(r->order), nr, done) ? STEP_FAILED : STEP_DONE;
}

/* claims.md CL-5.6, CL-5.9. */
long memop_reservation(struct hypercall *c)
{
    struct xen_memory_reservation op;
    struct reservation r;
    u64 start = memop_start(c), index = start;
    enum step step = STEP_DONE;

    if (read_caller_struct(c, &op, c->arg[1], &compat_memory_reservation) ||
        op.nr_extents > MEMOP_START_MAX || start > op.nr_extents || hypercall_target(c, op.domid) ||
        !decode(c, &op, &r))
        return (long)start;
    /* A guest that takes back what it gave stays on the nodes that it was claimed on. */
    r.own = !c->v->domain->is_control;
    if (r.own) {
        bool given;

        r.main_nid = domain_main_node(r.d, &given);
        r.mm_flags |= given ? MM_AFFINITY_ONLY : 0;
    }
    for (;;) {
        u32 done;

        while (physmap_pod_trim(r.d)) { /* what the last batch has made superfluous */
            if (sched_should_yield()) {
                step = step == STEP_DONE ? STEP_AGAIN : step;
                break;
            }
        }
        if (step != STEP_DONE || index >= op.nr_extents)
            break;
        step = some_extents(c, &r, index, (u32)MIN(op.nr_extents - index, (u64)LIST_MAX), &done);
        index += done;
        if (step == STEP_DONE && index < op.nr_extents && sched_should_yield())
            step = STEP_AGAIN;
    }
    /* If the domain was destroyed meanwhile, memory freed here may have been its last. */
    if (domain_is_dying(r.d))
        domain_check_gone(r.d);
    return step == STEP_AGAIN ? memop_continue(c, index) : (long)index;
}

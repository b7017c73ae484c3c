/*
 * increase_reservation, decrease_reservation and populate_physmap: a list of extents, worked off one by one.
 *
 * The result is the number of extents done, whatever stopped the rest: a bad argument, a bad frame number, no
 * memory. Each extent is all or nothing, claims included. Between extents the call can stop; the number done
 * is then in the command word. Nothing is locked across extents: frames and limits may change between two of
 * them.
 */
#include <hypercall/compat.h>
#include <hypercall/memory_op.h>
#include <mm/claims.h>
#include <mm/mm.h>

#define GUEST_MAX_ORDER ORDER_2M /* what a domain may ask for itself; the control domain: MAX_ORDER */
#define PIECES_MAX      512u     /* a misaligned extent is mapped in at most that many pieces */

struct reservation {
    struct domain *d;
    u64 list; /* guest array of frame numbers, 0: none given (increase) */
    u32 order;
    nodeid_t nid; /* NODE_NONE: any */
    u32 mm_flags;
};

/* The node field of mem_flags: the control domain's business, a guest's is ignored unless it insists. False:
 * bad. */
static bool decode_node(const struct domain *caller, u32 mem_flags, struct reservation *r)
{
    u32 nid = XENMEMF_get_node(mem_flags);

    r->nid = NODE_NONE;
    r->mm_flags = 0;
    if (nid == 0xff) /* no node given */
        return true;
    if (!caller->is_control)
        return !(mem_flags & XENMEMF_exact_node_request);
    if (nid >= MAX_NODES)
        return false;
    /* A node that is not there has no memory: with exact_node nothing can be done, else any node will do. */
    if (mem_flags & XENMEMF_exact_node_request)
        r->mm_flags = MM_EXACT_NODE;
    r->nid = nid;
    return true;
}

/* Is every frame of the host below 2^bits bytes? Else a limit on the address cannot be honoured here. */
static bool decode_address_bits(u32 mem_flags)
{
    u32 bits = XENMEMF_get_address_bits(mem_flags);

    return bits == 0 || (bits > PAGE_SHIFT && (bits >= 64 || memop_max_page() <= BIT(bits - PAGE_SHIFT)));
}

static bool decode(struct hypercall *c, const struct xen_memory_reservation *op, struct reservation *r)
{
    const struct domain *caller = c->v->domain;

    r->list = op->extent_start;
    r->order = op->extent_order;
    return decode_address_bits(op->mem_flags) && !(op->mem_flags & XENMEMF_populate_on_demand) &&
           !(op->mem_flags & XENMEMF_vnode) && decode_node(caller, op->mem_flags, r) &&
           r->order <= (caller->is_control ? MAX_ORDER : GUEST_MAX_ORDER);
}

/* Memory for one extent. */
static int allocate(const struct reservation *r, struct mm_taken *taken)
{
    struct mm_request request = {.nid = r->nid, .order = r->order, .nr = 1, .flags = r->mm_flags};

    if (r->nid != NODE_NONE && r->nid >= mm_nr_nodes()) {
        if (r->mm_flags & MM_EXACT_NODE)
            return -ENOMEM;
        request.nid = NODE_NONE;
    }
    return mm_take(&r->d->mem, &request, taken);
}

/* The largest order in which frames at g can be mapped, at most order. */
static u32 piece_order(u64 g, u32 order)
{
    return g ? MIN((u32)__builtin_ctzll(g), order) : order;
}

/* Allocates and maps an extent at g. A frame number that the order does not divide costs more, smaller
 * mappings. */
static bool populate_one(const struct reservation *r, u64 g)
{
    u32 piece = piece_order(g, r->order);
    struct mm_taken taken;

    if (g >= NP_GFN_LIMIT || NP_GFN_LIMIT - g < BIT(r->order) || BIT(r->order - piece) > PIECES_MAX)
        return false;
    if (allocate(r, &taken))
        return false;
    mfn_t m = taken.extent[0];
    for (u64 done = 0; done < BIT(r->order); done += BIT(piece)) {
        if (!physmap_place(r->d, gfn(g + done), mfn_add(m, done), piece, NP_RAM))
            continue;
        /* Out of paging memory. What was mapped is unmapped, unless that fails too: then it stays, and is the
         * domain's. */
        for (u64 undone = 0; undone < done; undone += BIT(piece))
            if (physmap_remove(r->d, gfn(g + undone), piece, false)) {
                mm_take_done(&taken, 1);
                return false;
            }
        mm_take_done(&taken, 0);
        return false;
    }
    mm_take_done(&taken, 1);
    return true;
}

/* Memory that is the domain's but mapped nowhere: what Xen gives a domain with nested paging. */
static bool increase_one(const struct reservation *r)
{
    struct mm_taken taken;

    if (allocate(r, &taken))
        return false;
    mm_take_done(&taken, 1);
    return true;
}

enum step { STEP_DONE, STEP_FAILED, STEP_AGAIN };

/* Is every frame of [g, g + nr) mapped, and RAM of the domain or its shared_info? */
static bool all_removable(struct domain *d, u64 g, u64 nr)
{
    for (u64 frame = g; frame < g + nr;) {
        struct np_entry entry = physmap_lookup(d, gfn(frame));

        if (entry.type != NP_RAM && entry.type != NP_SPECIAL)
            return false;
        frame = (frame | (BIT(entry.order) - 1)) + 1;
    }
    return true;
}

/*
 * Takes an extent out of the map and back; all of it must be there. Above 2 MiB it goes piece by piece and
 * can stop in between: the pieces that have gone are then holes at its front, which the next call passes
 * over.
 */
static enum step decrease_one(const struct reservation *r, u64 g)
{
    bool big = r->order > ORDER_2M;
    u32 piece = piece_order(g, MIN(r->order, ORDER_2M));
    bool any = false;

    if (g >= NP_GFN_LIMIT || NP_GFN_LIMIT - g < BIT(r->order))
        return STEP_FAILED;
    if (!big && !all_removable(r->d, g, BIT(r->order)))
        return STEP_FAILED;
    u64 end = g + BIT(r->order);
    for (u64 at = g; at < end; at += BIT(piece)) {
        if (big && !any && physmap_lookup(r->d, gfn(at)).type == NP_NONE)
            continue;
        if (big && !all_removable(r->d, at, BIT(piece)))
            return STEP_FAILED;
        if (physmap_remove(r->d, gfn(at), piece, true))
            return STEP_FAILED;
        any = true;
        if (big && at + BIT(piece) < end && sched_should_yield())
            return STEP_AGAIN;
    }
    return any ? STEP_DONE : STEP_FAILED;
}

static enum step one_extent(struct hypercall *c, u32 cmd, const struct reservation *r, u64 index)
{
    xen_pfn_t g;

    if (cmd == XENMEM_increase_reservation)
        return increase_one(r) ? STEP_DONE : STEP_FAILED;
    if (read_caller_long(c, &g, r->list, index))
        return STEP_FAILED;
    if (cmd == XENMEM_decrease_reservation)
        return decrease_one(r, g);
    return populate_one(r, g) ? STEP_DONE : STEP_FAILED;
}

long memop_reservation(struct hypercall *c, u32 cmd, u64 start)
{
    struct xen_memory_reservation op;
    struct reservation r;
    u64 index = start;
    long rc = (long)start;

    if (read_caller_struct(c, &op, c->arg[1], &compat_memory_reservation) ||
        op.nr_extents > MEMOP_START_MAX || start >= op.nr_extents || !decode(c, &op, &r))
        return (long)start;
    r.d = hypercall_domain(c, op.domid);
    if (!r.d)
        return (long)start;
    while (hypercall_may_target(c, r.d) && index < op.nr_extents) {
        enum step step = one_extent(c, cmd, &r, index);

        if (step == STEP_DONE && ++index < op.nr_extents && !sched_should_yield())
            continue;
        if (step != STEP_FAILED && index < op.nr_extents)
            rc = memop_continue(c, index);
        else
            rc = (long)index;
        break;
    }
    domain_put(r.d);
    return rc;
}

/*
 * Populate on demand: a domain whose builder marks more frames than it gets memory for. Marked frames have no memory
 * until the first access, which takes a page from the domain's cache. The cache is filled by set_pod_target: its pages
 * are the domain's already, so an access takes no memory from the host and touches no lock but the physmap's. The
 * guest's balloon driver gives back the difference; until then an access beyond the target ends the domain, unless it has
 * pages of zeroes (pod_sweep.c).
 *
 * Cached pages are zero, but for the first words of some. Per node they are whole 2 MiB extents, linked through their
 * first words, and runs of single pages, whose first page has the link and the length. A run is used up from its end,
 * so that an extent becomes single pages without a touch of them all.
 *
 * Lock: the domain's physmap lock, but for what takes memory.
 */
#include <arch/x86/cpu/frames.h>
#include <arch/x86/cpu/percpu.h>
#include <domain/internal.h>
#include <domain/vnuma.h>
#include <homestead/errno.h>
#include <lib/assert.h>

const char pod_no_memory[] = "memory";

struct run { /* at the start of its first page */
    mfn_t next;
    u64 nr;
};

/* From the paging pool, which the domain has already: it costs no claimed page. */
int pod_make_lists(struct domain *d)
{
    struct pod *pod = &d->physmap.pod;

    if (likely(pod->lists))
        return 0;
    u64 maddr = physmap_pool_take(d);
    if (!maddr)
        return -ENOMEM;
    struct pod_lists *lists = maddr_virt(maddr); /* zeroed */
    lists->maddr = maddr;
    for (u32 i = 0; i < MAX_NODES; i++)
        lists->whole[i] = lists->runs[i] = INVALID_MFN;
    pod->lists = lists;
    return 0;
}

void pod_free_lists(struct domain *d)
{
    struct pod *pod = &d->physmap.pod;

    if (!pod->lists)
        return;
    physmap_pool_return(d, pod->lists->maddr);
    pod->lists = NULL;
}

void pod_push(struct pod *pod, mfn_t m, u32 order)
{
    nodeid_t nid = mm_mfn_node(m);
    mfn_t *list = order == ORDER_2M ? pod->lists->whole : pod->lists->runs;

    *(struct run *)mfn_to_virt(m) = (struct run){.next = list[nid], .nr = BIT(order)};
    list[nid] = m;
    pod->cache += BIT(order);
    pod->lists->cache_on[nid] += BIT(order);
    __atomic_store_n(&pod->short_of, NULL, __ATOMIC_RELAXED);
    pod->nr_sweeps = 0;
}

/* Of an order and on a node where has() says that there is one. */
static mfn_t pop(struct pod *pod, nodeid_t nid, u32 order)
{
    bool whole = order == ORDER_2M || !mfn_valid_value(pod->lists->runs[nid]);
    mfn_t first = whole ? pod->lists->whole[nid] : pod->lists->runs[nid];
    struct run *run = mfn_to_virt(first);

    BUG_ON(!mfn_valid_value(first));
    pod->cache -= BIT(order);
    pod->lists->cache_on[nid] -= BIT(order);
    if (whole)
        pod->lists->whole[nid] = run->next;
    if (whole && order != ORDER_2M) { /* becomes a run, the node's only one */
        run->next = INVALID_MFN;
        pod->lists->runs[nid] = first;
    }
    if (order != ORDER_2M && --run->nr)
        return mfn_add(first, run->nr);
    if (order != ORDER_2M)
        pod->lists->runs[nid] = run->next;
    *run = (struct run){.next = {0}};
    return first;
}

static bool has(const struct pod *pod, nodeid_t nid, u32 order)
{
    return order == ORDER_2M ? mfn_valid_value(pod->lists->whole[nid]) : pod->lists->cache_on[nid] != 0;
}

/* The node with most of the cache of those that have an extent of that order. NODE_NONE: none has. */
static nodeid_t fullest(const struct pod *pod, u32 order)
{
    nodeid_t best = NODE_NONE;

    for (nodeid_t i = 0; i < mm_nr_nodes(); i++)
        if (has(pod, i, order) && (best == NODE_NONE || pod->lists->cache_on[i] > pod->lists->cache_on[best]))
            best = i;
    return best;
}

/*
 * What a frame gets whose mapping has 2^*order frames. Of a virtual node: memory of its node, small before that of
 * another node. Otherwise a large extent counts more than that it is near the CPU that asks. NODE_NONE: nothing is left.
 * claims.md CL-4.24.
 */
static nodeid_t choose(const struct pod *pod, gfn_t g, u32 *order)
{
    nodeid_t own = pod->vnuma ? vnuma_pnode_of_frame(pod->vnuma, g) : NODE_NONE;
    nodeid_t nid = own != NODE_NONE ? own : this_cpu()->nid;
    bool large = *order >= ORDER_2M;

    *order = large ? ORDER_2M : ORDER_4K;
    if (has(pod, nid, *order))
        return nid;
    if (large && own != NODE_NONE && has(pod, nid, ORDER_4K)) {
        *order = ORDER_4K;
        return nid;
    }
    nodeid_t other = fullest(pod, *order);
    if (other != NODE_NONE || !large)
        return other;
    *order = ORDER_4K;
    return has(pod, nid, ORDER_4K) ? nid : fullest(pod, ORDER_4K);
}

/* claims.md CL-4.23. */
struct np_entry pod_populate(void *ctx, gfn_t g)
{
    struct domain *d = ctx;
    struct physmap *p = &d->physmap;
    struct np_entry entry = np_lookup(&p->np, g);

    if (entry.type != NP_POD)
        return entry;
    u32 order = entry.order;
    nodeid_t nid = choose(&p->pod, g, &order);
    if (nid == NODE_NONE || np_split(&p->np, g, order)) {
        const char *what = nid == NODE_NONE ? pod_no_memory : "page of its paging pool";

        __atomic_store_n(&p->pod.short_of, what, __ATOMIC_RELAXED);
        return entry;
    }
    np_fill_pod(&p->np, g, pop(&p->pod, nid, order));
    p->pod.entries -= BIT(order);
    return np_lookup(&p->np, g);
}

bool pod_keep(struct domain *d, mfn_t m, u32 order)
{
    struct pod *pod = &d->physmap.pod;

    if (pod->entries <= pod->cache || order > ORDER_2M || mm_any_pinned(m, order))
        return false;
    frames_clear(m, BIT(order));
    pod_push(pod, m, order);
    pod_want_trim(pod); /* in case it was more than is needed */
    return true;
}

/* Frees up to nr frames of the cache, some at least: single pages first. */
static void cut(struct domain *d, u64 nr)
{
    struct pod *pod = &d->physmap.pod;
    u32 order = ORDER_4K, taken = 0;
    mfn_t m[MM_TAKE_MAX];
    nodeid_t nid = 0;

    while (nid < mm_nr_nodes() && !mfn_valid_value(pod->lists->runs[nid]))
        nid++;
    if (nid == mm_nr_nodes()) {
        nid = fullest(pod, ORDER_4K);
        order = nr >= BIT(ORDER_2M) ? ORDER_2M : ORDER_4K;
    }
    while (taken < MM_TAKE_MAX && (taken + 1) * BIT(order) <= nr && has(pod, nid, order)) {
        m[taken++] = pop(pod, nid, order);
        if (order == ORDER_4K && !mfn_valid_value(pod->lists->runs[nid]))
            break; /* the next one would break an extent */
    }
    BUG_ON(mm_release_many(&d->mem, m, order, taken) != 0);
}

bool physmap_pod_trim(struct domain *d)
{
    struct pod *pod = &d->physmap.pod;

    if (likely(!__atomic_load_n(&pod->trim, __ATOMIC_RELAXED)))
        return false;
    spin_lock(&d->physmap.lock);
    bool over = !d->physmap.destroyed && pod->cache > pod->entries;
    if (over)
        cut(d, pod->cache - pod->entries);
    bool more = over && pod->cache > pod->entries;
    __atomic_store_n(&pod->trim, more, __ATOMIC_RELAXED);
    spin_unlock(&d->physmap.lock);
    return more;
}

/* Memory of nid exactly, or (NODE_NONE) of any node, for the cache: up to nr frames. */
static int grow_on(struct domain *d, nodeid_t nid, u64 nr)
{
    struct mm_request request = {.nid = nid, .flags = MM_PREEMPT | (nid == NODE_NONE ? 0 : MM_EXACT_NODE)};
    struct mm_taken taken;

    request.order = nr >= BIT(ORDER_2M) ? ORDER_2M : ORDER_4K;
    request.nr = (u32)MIN(nr >> request.order, (u64)MM_TAKE_MAX);
    spin_lock(&d->physmap.lock);
    int rc = d->physmap.destroyed ? -EINVAL : pod_make_lists(d);
    spin_unlock(&d->physmap.lock);
    if (rc)
        return rc;
    rc = mm_take(&d->mem, &request, &taken);
    if (rc == -ENOMEM && request.order) {
        request.order = ORDER_4K;
        request.nr = MM_TAKE_MAX;
        rc = mm_take(&d->mem, &request, &taken);
    }
    if (rc)
        return rc;
    spin_lock(&d->physmap.lock);
    bool keep = !d->physmap.destroyed;
    for (u32 i = taken.nr; keep && i-- > 0;) /* so that they are used in the order they were allocated */
        pod_push(&d->physmap.pod, taken.extent[i], taken.order);
    spin_unlock(&d->physmap.lock);
    mm_take_done(&taken, keep ? taken.nr : 0);
    return keep ? 0 : -EINVAL;
}

/*
 * nr frames more for the cache, or some of them: first where the domain has claims, exactly there.
 * claims.md CL-4.21, CL-4.22.
 */
static int grow(struct domain *d, u64 nr)
{
    struct mm_host_info host;

    /* What cannot be had is refused before anything is taken. */
    mm_host_get_info(&host);
    u64 others = host.outstanding_pages - MIN(claim_outstanding(&d->mem), host.outstanding_pages);
    if (host.free_pages < others || host.free_pages - others < nr)
        return -ENOMEM;
    for (nodeid_t nid = 0; nid < mm_nr_nodes(); nid++) {
        u64 claimed = __atomic_load_n(&d->mem.node_claim[nid], __ATOMIC_RELAXED);

        if (claimed) {
            int rc = grow_on(d, nid, MIN(nr, claimed));
            if (rc != -ENOMEM)
                return rc;
        }
    }
    return grow_on(d, NODE_NONE, nr);
}

/* One step towards a target. *more: call again. Frames that nobody has touched are the balloon driver's to give back, so
 * a target below what the domain has changes nothing, and the cache never has more than there are frames for. Before
 * anything is populated it may: builders set the target first. */
static int step_to_target(struct domain *d, u64 target, bool *more)
{
    struct pod *pod = &d->physmap.pod;
    u64 tot, grow_by = 0;

    spin_lock(&d->physmap.lock);
    spin_lock(&d->mem.lock);
    tot = d->mem.tot_pages;
    int rc = target > d->mem.max_pages ? -EINVAL : 0;
    spin_unlock(&d->mem.lock);
    u64 populated = tot - MIN(tot, pod->cache);
    *more = false;
    if (!rc && !d->physmap.destroyed && target >= tot && (!populated || pod->entries)) {
        u64 want = populated ? MIN(target - populated, pod->entries) : target;

        if (want > pod->cache)
            grow_by = want - pod->cache;
        else if (want < pod->cache)
            cut(d, pod->cache - want);
        *more = want != pod->cache;
    }
    spin_unlock(&d->physmap.lock);
    return grow_by ? grow(d, grow_by) : rc;
}

int physmap_set_pod_target(struct domain *d, u64 target)
{
    for (;;) {
        bool more;
        int rc = step_to_target(d, target, &more);

        if (rc || !more)
            return rc == -ESRCH || rc == -E2BIG ? -EINVAL : rc;
        if (sched_should_yield())
            return -ERESTART;
    }
}

void physmap_pod_figures(struct domain *d, u64 *tot, u64 *cache, u64 *entries)
{
    spin_lock(&d->physmap.lock);
    spin_lock(&d->mem.lock);
    *tot = d->mem.tot_pages;
    spin_unlock(&d->mem.lock);
    *cache = d->physmap.pod.cache;
    *entries = d->physmap.pod.entries;
    spin_unlock(&d->physmap.lock);
}

void pod_set_vnuma(struct domain *d, const struct vnuma *vnuma)
{
    spin_lock(&d->physmap.lock);
    d->physmap.pod.vnuma = vnuma;
    spin_unlock(&d->physmap.lock);
}

/*
 * A domain's guest-physical memory. What is mapped and who owns it change together here: a frame is removed
 * from the nested tables first, then every CPU stops using it, and only then is it freed.
 *
 * Lock: physmap.lock (LOCK_PHYSMAP) of one domain at a time. Under it the allocator's locks may be taken. A
 * last unpin can free another domain; that is done after the unlock (domain_reap).
 *
 * lint: long: mapping, unmapping and teardown follow one set of rules about which CPU still uses a frame.
 */
#include <domain/internal.h>
#include <homestead/errno.h>
#include <lib/assert.h>

int physmap_init(struct domain *d, u64 pool_pages)
{
    struct physmap *p = &d->physmap;

    spin_lock_init(&p->lock, LOCK_PHYSMAP);
    p->destroyed = false;
    p->pool_pages = p->pool_used = 0;
    p->pool_free = INVALID_MFN;
    p->pod = (struct pod){0};
    p->np = (struct np_table){
        .alloc = physmap_pool_take, .free = physmap_pool_return, .populate = pod_populate, .ctx = d};
    spin_lock(&p->lock);
    int rc = physmap_pool_grow(d, pool_pages);
    if (!rc) {
        rc = np_init(&p->np);
        if (rc)
            physmap_pool_shrink(d, 0);
    }
    spin_unlock(&p->lock);
    return rc;
}

int physmap_set_pool(struct domain *d, u64 pages)
{
    struct physmap *p = &d->physmap;
    int rc = 0;

    spin_lock(&p->lock);
    if (p->destroyed)
        rc = -EINVAL;
    else if (pages < p->pool_used)
        rc = -EBUSY;
    else if (pages >= p->pool_pages)
        rc = physmap_pool_grow(d, pages);
    else
        physmap_pool_shrink(d, pages);
    spin_unlock(&p->lock);
    return rc;
}

/* Without grants, which go only when they are unmapped as such. */
#define ANY_TYPE      (1u << NP_RAM | 1u << NP_FOREIGN | 1u << NP_SPECIAL | 1u << NP_RESOURCE | 1u << NP_POD)
#define GRANT_TYPES   (1u << NP_GRANT | 1u << NP_GRANT_RO)
#define FOREIGN_TYPES (1u << NP_FOREIGN | 1u << NP_RESOURCE)
#define OWN_TYPES     (1u << NP_RAM | 1u << NP_SPECIAL | 1u << NP_POD)
/* Approximate limit of mappings removed under one hold of the lock: under 0.5 ms. */
#define PIECES_A_CALL 1024u
/* The same of frames that are cleared for populate on demand. */
#define KEPT_A_CALL   1024u

/* Pieces removed from the tables but not freed yet: all CPUs must have stopped using them first. */
struct removed {
    bool release; /* own RAM goes back to the allocator */
    bool keep;    /* or stays for populate on demand, if it is wanted there */
    bool last;    /* a last unpin happened: a domain may have to be freed */
    u32 nr;
    u32 nr_kept;  /* frames that may have been kept */
    u32 nr_total; /* in total, including those freed */
    mfn_t mfn[MM_TAKE_MAX];
    u8 order[MM_TAKE_MAX];
    u8 type[MM_TAKE_MAX]; /* enum np_type */
};

/* nr pieces of own RAM, all of one size. */
static void release_ram(struct domain *d, const mfn_t *m, u32 order, u32 nr)
{
    /* Cannot fail: what is mapped as RAM is the domain's own. */
    if (nr)
        BUG_ON(mm_release_many(&d->mem, m, order, nr) != 0);
}

/* Lock held. A frame of another domain is not mapped here any more. True: that domain may be gone now. */
static bool forget_foreign(struct domain *d, enum np_type type, mfn_t m)
{
    d->physmap.nr_foreign--;
    return type == NP_RESOURCE ? grant_frame_unmapped(m) : mm_unpin(m);
}

/* Lock held. Frees what has been taken out of the tables, and tables that are not used any more. */
static void give_back(struct domain *d, struct removed *removed)
{
    struct np_table *np = &d->physmap.np;
    u32 order = 0, nr_ram = 0; /* the first entries of mfn[]: to be released together */

    if (removed->nr || np->retired_maddr)
        sched_sync_domain(d);
    /* Three for each removed piece; a 1 GiB mapping replaces 513, 64 of 2 MiB one each. */
    while (np->retired_maddr)
        np_reap(np, 64);
    for (u32 i = 0; i < removed->nr; i++) {
        mfn_t m = removed->mfn[i];

        if (FOREIGN_TYPES & 1u << removed->type[i]) { /* always single frames */
            removed->last |= forget_foreign(d, (enum np_type)removed->type[i], m);
        } else if (removed->type[i] == NP_RAM && removed->release) {
            if (unlikely(removed->nr_kept) && pod_keep(d, m, removed->order[i]))
                continue;
            if (removed->order[i] != order) {
                release_ram(d, removed->mfn, order, nr_ram);
                nr_ram = 0;
                order = removed->order[i];
            }
            removed->mfn[nr_ram++] = m;
        }
    }
    release_ram(d, removed->mfn, order, nr_ram);
    removed->nr = 0;
}

/* Begins a hold of the lock under which mappings may be removed. The pieces are not cleared: nr of them are valid. */
static void begin_change(struct domain *d, struct removed *removed, bool release)
{
    removed->release = release;
    removed->keep = removed->last = false;
    removed->nr = removed->nr_kept = removed->nr_total = 0;
    spin_lock(&d->physmap.lock);
}

/* Ends it. */
static inline void end_change(struct domain *d, struct removed *removed)
{
    if (removed->nr || d->physmap.np.retired_maddr)
        give_back(d, removed);
    spin_unlock(&d->physmap.lock);
    if (removed->last)
        domain_reap();
}

/* The largest aligned piece at `at` that ends by `end`, up to 1 GiB. */
static u32 piece_order(u64 at, u64 end)
{
    u32 order = MIN((u32)__builtin_ctzll(at | BIT(MAX_ORDER)), 63u - (u32)__builtin_clzll(end - at));

    return MIN(order, MAX_ORDER);
}

/*
 * Lock held. Unmaps what of the types is mapped in [from, end), visiting up to *budget mappings or holes,
 * counted down. Only a mapping that crosses the edge must be split, which can fail: -ENOMEM; what precedes it
 * is then unmapped already, which for aligned 2^n frames is nothing.
 */
static int unmap_range(struct domain *d, u64 from, u64 end, u32 types, u32 *budget, struct removed *removed)
{
    for (u64 at = from; at < end && *budget; --*budget) {
        struct np_entry old;
        int rc = np_unmap(&d->physmap.np, gfn(at), piece_order(at, end), types, &old);

        if (rc)
            return rc;
        at = (at | (BIT(old.order) - 1)) + 1;
        if (old.type == NP_NONE || !(types & 1u << old.type))
            continue;
        if (unlikely(old.type == NP_POD)) {
            d->physmap.pod.entries -= BIT(old.order);
            removed->nr_total++;
            continue;
        }
        if (removed->keep && old.type == NP_RAM && unlikely(d->physmap.pod.entries > d->physmap.pod.cache))
            removed->nr_kept += (u32)BIT(old.order);
        u32 i = removed->nr++;
        removed->mfn[i] = old.mfn;
        removed->order[i] = (u8)old.order;
        removed->type[i] = (u8)old.type;
        removed->nr_total++;
        if (removed->nr == ARRAY_SIZE(removed->mfn))
            give_back(d, removed);
    }
    return 0;
}

/* Lock held. Is every frame of [from, end) mapped, as RAM of the domain, now or on demand, or its shared_info? */
static bool all_own(struct domain *d, u64 from, u64 end)
{
    for (u64 at = from; at < end;) {
        struct np_entry entry = np_lookup(&d->physmap.np, gfn(at));

        if (!(OWN_TYPES & 1u << entry.type))
            return false;
        at = (at | (BIT(entry.order) - 1)) + 1;
    }
    return true;
}

/* Lock held. Is a grant mapped in [from, end)? */
static bool has_grant(struct domain *d, u64 from, u64 end)
{
    for (u64 at = from; at < end && d->physmap.nr_grants;) {
        struct np_entry entry = np_lookup(&d->physmap.np, gfn(at));

        if (GRANT_TYPES & 1u << entry.type)
            return true;
        at = (at | (BIT(entry.order) - 1)) + 1;
    }
    return false;
}

/*
 * Lock held. Replaces existing mappings: handles entries, from the first on, whose range has a mapping, as
 * many as the budget allows. Only the removal can fail, when a mapping must be split or is a grant's. Its tables stay in
 * place, so the new mappings need none. *done: how many entries.
 */
static int map_over(struct domain *d, const gfn_t *g, const mfn_t *m, u32 order, u32 nr, enum np_type type,
                    struct removed *removed, u32 *done)
{
    u32 cleared = 0;
    int rc = 0;

    while (cleared < nr && removed->nr_total < PIECES_A_CALL && np_range_valid(g[cleared], order)) {
        u32 before = removed->nr_total, no_limit = ~0u;

        rc = has_grant(d, g[cleared].n, g[cleared].n + BIT(order)) ? -EPERM : 0;
        if (!rc)
            rc = unmap_range(d, g[cleared].n, g[cleared].n + BIT(order), ANY_TYPE, &no_limit, removed);
        if (rc || removed->nr_total == before)
            break;
        cleared++;
    }
    give_back(d, removed);
    int map_rc = np_map_many(&d->physmap.np, g, m, order, cleared, type, done);
    BUG_ON(map_rc != 0 || (!rc && !cleared));
    return rc;
}

/* Lock held. After *done have been mapped and the next one could not: goes on, and replaces existing mappings. */
static __attribute__((noinline)) int place_rest(struct domain *d, const gfn_t *g, const mfn_t *m, u32 order,
                                                u32 nr, enum np_type type, struct removed *removed, u32 *done,
                                                int rc)
{
    struct physmap *p = &d->physmap;

    for (;;) {
        u32 more;

        if (rc == -EEXIST) {
            rc = map_over(d, g + *done, m + *done, order, nr - *done, type, removed, &more);
            *done += more;
        }
        if (rc == -ENOMEM && p->np.retired_maddr) { /* mapped one by one, these tables would be free */
            give_back(d, removed);
            rc = 0;
        }
        if (rc || *done == nr || removed->nr_total >= PIECES_A_CALL)
            return rc;
        rc = np_map_many(&p->np, g + *done, m + *done, order, nr - *done, type, &more);
        *done += more;
    }
}

/* Lock held. Maps m[i] at g[i], replacing existing mappings. */
static inline __attribute__((always_inline)) int place(struct domain *d, const gfn_t *g, const mfn_t *m,
                                                       u32 order, u32 nr, enum np_type type,
                                                       struct removed *removed, u32 *done)
{
    struct physmap *p = &d->physmap;

    *done = 0;
    if (p->destroyed)
        return -EINVAL;
    int rc = 0;
    if (nr == 1 && order == ORDER_4K) {
        rc = np_map_page(&p->np, *g, *m, type);
        *done = rc == 0;
    } else {
        rc = np_map_many(&p->np, g, m, order, nr, type, done);
    }
    if (unlikely(rc))
        rc = place_rest(d, g, m, order, nr, type, removed, done, rc);
    if (FOREIGN_TYPES & 1u << type)
        p->nr_foreign += *done;
    if (GRANT_TYPES & 1u << type)
        p->nr_grants += *done;
    return rc;
}

/* Inline, as most know order and nr. */
static inline __attribute__((always_inline)) int place_list(struct domain *d, const gfn_t *g, const mfn_t *m,
                                                            u32 order, u32 nr, enum np_type type, u32 *done)
{
    struct removed removed;

    begin_change(d, &removed, true);
    int rc = place(d, g, m, order, nr, type, &removed, done);
    end_change(d, &removed);
    return rc;
}

int physmap_place_many(struct domain *d, const gfn_t *g, const mfn_t *m, u32 order, u32 nr, u32 *done)
{
    return place_list(d, g, m, order, nr, NP_RAM, done);
}

int physmap_place(struct domain *d, gfn_t g, mfn_t m, u32 order, enum np_type type)
{
    u32 done;

    return place_list(d, &g, &m, order, 1, type, &done);
}

/* Lock held. All of it or nothing. */
static int place_pieces(struct domain *d, gfn_t g, mfn_t m, u32 order, u32 piece, struct removed *removed)
{
    u64 nr = BIT(order - piece), done = 0;
    int rc = 0;

    while (done < nr && !rc) {
        gfn_t at = gfn_add(g, done << piece);
        mfn_t from = mfn_add(m, done << piece);
        u32 one;

        rc = place(d, &at, &from, piece, 1, NP_RAM, removed, &one);
        removed->nr_total = 0; /* the caller has bounded it */
        done += one;
    }
    if (rc && done) {
        struct removed ours = {.release = false};
        u32 no_limit = ~0u;

        /* Only the guest's CPUs may have used them. Whole mappings: cannot fail. */
        int undo_rc = unmap_range(d, g.n, g.n + (done << piece), ANY_TYPE, &no_limit, &ours);
        BUG_ON(undo_rc != 0);
        give_back(d, &ours);
    }
    return rc;
}

int physmap_place_unaligned(struct domain *d, gfn_t g, mfn_t m, u32 order)
{
    struct removed removed;
    u32 piece = piece_order(g.n, g.n + BIT(order));

    if (!np_in_reach(g, BIT(order)) || BIT(order - piece) > PHYSMAP_PIECES_MAX)
        return -EINVAL;
    begin_change(d, &removed, true);
    int rc = place_pieces(d, g, m, order, piece, &removed);
    end_change(d, &removed);
    return rc;
}

bool physmap_make_room(struct domain *d, gfn_t g, u64 nr_frames)
{
    struct removed removed;
    u64 end = g.n + nr_frames, at = g.n;
    u32 budget = PIECES_A_CALL;

    begin_change(d, &removed, true);
    for (; at < end && budget && !d->physmap.destroyed; budget--)
        at = (at | (BIT(np_lookup(&d->physmap.np, gfn(at)).order) - 1)) + 1;
    bool more = at < end && !d->physmap.destroyed;
    if (more) {
        budget = PIECES_A_CALL;
        /* A call that found only holes would be repeated for ever; then there is room enough. */
        more = unmap_range(d, g.n, end, ANY_TYPE | NP_TRIM, &budget, &removed) == 0 && removed.nr_total;
    }
    end_change(d, &removed);
    return more;
}

int physmap_remove(struct domain *d, gfn_t g, u32 order, bool release)
{
    struct removed removed;
    u32 no_limit = ~0u;
    int rc = -EINVAL;

    if (!np_range_valid(g, order))
        return -EINVAL;
    begin_change(d, &removed, release);
    if (!d->physmap.destroyed)
        rc = unmap_range(d, g.n, g.n + BIT(order), ANY_TYPE | NP_TRIM, &no_limit, &removed);
    end_change(d, &removed);
    return rc;
}

/* Lock held. Single frames are checked and unmapped in one step, the common case. */
static int give_up(struct domain *d, u64 from, u64 nr_frames, struct removed *removed)
{
    u32 before = removed->nr_total, no_limit = ~0u;

    if (!np_in_reach(gfn(from), nr_frames))
        return -EINVAL;
    if (nr_frames > 1 && !all_own(d, from, from + nr_frames))
        return -EINVAL;
    int rc = unmap_range(d, from, from + nr_frames, OWN_TYPES | NP_TRIM, &no_limit, removed);
    return !rc && removed->nr_total == before ? -EINVAL : rc;
}

int physmap_give_up(struct domain *d, const gfn_t *g, u64 nr_frames, u32 nr, u32 *done)
{
    struct removed removed;

    begin_change(d, &removed, true);
    removed.keep = true;
    u64 entries = d->physmap.pod.entries;
    int rc = d->physmap.destroyed ? -EINVAL : 0;
    for (*done = 0; *done < nr && !rc && removed.nr_total < PIECES_A_CALL && removed.nr_kept < KEPT_A_CALL;) {
        rc = give_up(d, g[*done].n, nr_frames, &removed);
        *done += rc == 0;
    }
    if (d->physmap.pod.entries != entries)
        pod_want_trim(&d->physmap.pod);
    end_change(d, &removed);
    return rc;
}

/* Lock held. */
static inline struct np_entry lookup(struct domain *d, gfn_t g)
{
    if (d->physmap.destroyed)
        /* One hole throughout, of the largest order, so that walks over holes end soon. */
        return (struct np_entry){.type = NP_NONE, .order = NP_HOLE_ORDER_MAX, .mfn = INVALID_MFN};
    return np_lookup(&d->physmap.np, g);
}

struct np_entry physmap_lookup(struct domain *d, gfn_t g)
{
    spin_lock(&d->physmap.lock);
    struct np_entry entry = lookup(d, g);
    spin_unlock(&d->physmap.lock);
    return entry;
}

/* Lock held. */
static inline struct np_entry touch(struct domain *d, gfn_t g)
{
    struct np_entry entry = lookup(d, g);

    return unlikely(entry.type == NP_POD) ? pod_populate(d, g) : entry;
}

struct np_entry physmap_touch(struct domain *d, gfn_t g)
{
    spin_lock(&d->physmap.lock);
    struct np_entry entry = touch(d, g);
    spin_unlock(&d->physmap.lock);
    if (unlikely(entry.type == NP_POD))
        pod_refill(d, true);
    return entry;
}

int physmap_mark_pod(struct domain *d, const gfn_t *g, u32 order, u32 nr, u32 *done)
{
    struct removed nothing;

    begin_change(d, &nothing, false);
    int rc = d->physmap.destroyed ? -EINVAL : pod_make_lists(d);
    for (*done = 0; *done < nr && !rc;) {
        u64 marked = 0;

        rc = np_mark_pod(&d->physmap.np, g[*done], order, &marked);
        d->physmap.pod.entries += marked;
        *done += rc == 0;
    }
    end_change(d, &nothing); /* tables that are not needed any more */
    return rc;
}

/* CPUs that still have the large mapping see it refuse once more, which drops it: SDM 3C 29.4.3.1. */
int physmap_split_executed(struct domain *d, gfn_t g)
{
    if (!np_splits_executed())
        return -EINVAL;
    spin_lock(&d->physmap.lock);
    enum np_type type = lookup(d, g).type; /* now */
    int rc = type == NP_NONE || type == NP_POD ? 0 : np_split(&d->physmap.np, g, ORDER_4K);
    spin_unlock(&d->physmap.lock);
    return rc;
}

/* The pin is taken under the lock: d cannot give the frame away between the lookup and the pin. */
int physmap_pin_now(struct domain *d, gfn_t g, mfn_t *frame)
{
    int rc = -EINVAL;

    spin_lock(&d->physmap.lock);
    struct np_entry entry = touch(d, g);
    if (entry.type == NP_RAM)
        rc = mm_pin(d->id, entry.mfn);
    spin_unlock(&d->physmap.lock);
    if (!rc)
        *frame = entry.mfn;
    return rc;
}

int physmap_pin(struct domain *d, gfn_t g, mfn_t *frame)
{
    int rc = physmap_pin_now(d, g, frame);

    for (u32 i = 0; unlikely(rc) && i < POD_ATTEMPTS && pod_refill(d, false); i++)
        rc = physmap_pin_now(d, g, frame);
    return rc;
}

void physmap_unpin(struct domain *d, mfn_t frame)
{
    if (mm_unpin(frame))
        domain_check_gone(d);
}

int physmap_map_foreign(struct domain *d, gfn_t g, struct domain *src, gfn_t src_gfn)
{
    struct removed removed;
    mfn_t frame;
    u32 done;

    int rc = physmap_pin(src, src_gfn, &frame);
    if (rc)
        return rc;

    begin_change(d, &removed, true);
    rc = place(d, &g, &frame, ORDER_4K, 1, NP_FOREIGN, &removed, &done);
    if (rc)
        removed.last |= mm_unpin(frame);
    end_change(d, &removed);
    return rc;
}

int physmap_map_grant(struct domain *d, gfn_t g, mfn_t frame, bool readonly)
{
    u32 done;

    return place_list(d, &g, &frame, ORDER_4K, 1, readonly ? NP_GRANT_RO : NP_GRANT, &done);
}

void physmap_unmap_grants(struct domain *d, const gfn_t *g, const mfn_t *frame, u32 nr)
{
    struct physmap *p = &d->physmap;

    spin_lock(&p->lock);
    for (u32 i = 0; i < nr && !p->destroyed; i++) {
        struct np_entry old;
        int rc = np_unmap_page(&p->np, g[i], GRANT_TYPES, &old);

        BUG_ON(rc || !(GRANT_TYPES & 1u << old.type) || old.mfn.n != frame[i].n);
        p->nr_grants--;
        p->grants_unmapped++;
    }
    if (!p->destroyed)
        sched_sync_domain(d);
    spin_unlock(&p->lock);
}

/* Lock held. Unpins foreign frames, visiting up to budget mappings or holes. True: there are more. Without
 * foreign frames the mappings are not visited: only the tables are freed. */
static bool drop_foreign(struct domain *d, u32 budget, bool *last)
{
    struct physmap *p = &d->physmap;

    while (p->nr_foreign && p->sweep_gfn < NP_GFN_LIMIT) {
        struct np_entry entry = np_lookup(&p->np, gfn(p->sweep_gfn));

        if (!budget--)
            return true;
        if (FOREIGN_TYPES & 1u << entry.type) /* always single frames */
            *last |= forget_foreign(d, entry.type, entry.mfn);
        p->sweep_gfn = (p->sweep_gfn | (BIT(entry.order) - 1)) + 1;
    }
    return false;
}

/* The first step closes the map; then foreign pins are dropped, then tables and pool freed. */
bool physmap_destroy_step(struct domain *d, u32 budget)
{
    struct physmap *p = &d->physmap;
    bool last = false;

    spin_lock(&p->lock);
    if (!p->destroyed) {
        p->destroyed = true;
        p->np.generation++; /* nothing that is remembered of the map is so any more */
        p->sweep_gfn = 0;
        sched_sync_domain(d);
    }
    bool more = drop_foreign(d, budget, &last);
    if (!more) {
        more = p->np.root_maddr && np_destroy(&p->np, budget);
        if (!more) {
            p->np.root_maddr = 0;
            pod_free_lists(d);
            physmap_pool_shrink(d, p->pool_pages - MIN(p->pool_pages, budget));
            more = p->pool_pages != 0;
        }
    }
    spin_unlock(&p->lock);
    if (last)
        domain_reap();
    return more;
}

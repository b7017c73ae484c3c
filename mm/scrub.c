/*
 * Cleaning free memory in the background, a step of at most 2 MiB at a time. What is being cleaned is on no
 * map; it still counts as free and keeps its credits. It is cleared without any lock.
 *
 * A taker that finds the credits but not the extent waits for the scrubbers: they start nothing new on the
 * node while somebody waits, so what they have is soon back.
 */
#include <arch/x86/cpu/frames.h>
#include <mm/region.h>

#define REGIONS_AT_ONCE 4u /* cleaned by one call on demand */

static bool idle_scrub = true; /* [I] */

void mm_set_idle_scrub(bool on)
{
    idle_scrub = on;
}

void node_relax(void)
{
    for (u32 i = 0; i < 64; i++)
        cpu_relax();
}

void node_wait_scrubbers(struct node *node)
{
    __atomic_add_fetch(&node->nr_waiting, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        spin_lock(&node->lock);
        bool away = node->scrubbing_pages != 0;
        spin_unlock(&node->lock);
        if (!away)
            return;
        node_relax();
    }
}

void node_wait_done(struct node *node)
{
    __atomic_sub_fetch(&node->nr_waiting, 1, __ATOMIC_SEQ_CST);
}

static bool waited_for(const struct node *node)
{
    return __atomic_load_n(&node->nr_waiting, __ATOMIC_SEQ_CST) != 0;
}

void clear_runs(u64 base, const u64 map[MAP_WORDS], u64 frames_a_bit)
{
    for (u32 bit = 0, end; (bit = map_next(map, bit, true)) < MAP_BITS; bit = end) {
        end = map_next(map, bit, false);
        frames_clear(mfn(base + bit * frames_a_bit), (end - bit) * frames_a_bit);
    }
}

/* Node lock held, and dropped. claims.md CL-7.4. */
static void scrub_region(struct node *node, struct region *r)
{
    region_scrub_begin(node, r);
    spin_unlock(&node->lock);
    frames_clear(mfn(r->base), MAP_BITS);
    spin_lock(&node->lock);
    region_scrub_end(node, r);
    spin_unlock(&node->lock);
}

/* Node lock held, and dropped. */
static void scrub_frames(struct node *node, struct region *r)
{
    u64 frames[MAP_WORDS];

    region_scrub_frames_begin(node, r, frames);
    spin_unlock(&node->lock);
    clear_runs(r->base, frames, 1);
    spin_lock(&node->lock);
    region_scrub_frames_end(node, r, frames);
    spin_unlock(&node->lock);
}

/* Node lock held; dropped if there was something. Whole regions first: they make 1 GiB pieces clean. */
static bool scrub_one(struct node *node)
{
    if (node->dirty_chunks)
        scrub_region(node, chunk_region(node->dirty_chunks, map_find_run(node->dirty_chunks->dirty, 0)));
    else if (node->dirty_regions)
        scrub_frames(node, node->dirty_regions);
    else
        return false;
    return true;
}

bool mm_scrub_step(nodeid_t nid)
{
    if (nid >= mm_nr_nodes() || (!idle_scrub && !mm_scrub_wanted(nid)))
        return false;
    struct node *node = node_get(nid);
    spin_lock(&node->lock);
    /* Under the lock: a CPU that begins to wait after this check sees scrubbing_pages, and waits for it. */
    bool cleaned = !waited_for(node) && scrub_one(node);
    if (!cleaned)
        spin_unlock(&node->lock);
    return cleaned;
}

/* A dirty region of what an extent of that order would be made of; any: the search for it. Node lock held. */
static struct region *find_dirty_for(struct node *node, struct take *any)
{
    struct take clean = *any;
    struct chunk *c;
    u32 bit = 0;

    if (any->order == ORDER_1G) {
        for (c = node->chunks[CHUNKS_CLEAN] ? NULL : node->chunks[CHUNKS_DIRTY]; c && !c->nr_dirty;)
            c = c->next;
        return c ? chunk_region(c, map_find_run(c->dirty, 0)) : NULL;
    }
    clean.kinds = TAKE_CLEAN;
    clean.chunks = CHUNKS_NONE;
    if (node_find_regions(node, &clean, &bit))
        return NULL;
    c = node_find_regions(node, any, &bit);
    while (c && !map_test(c->dirty, bit))
        bit++;
    return c ? chunk_region(c, bit) : NULL;
}

bool node_clean_for(nodeid_t nid, u32 order)
{
    struct holdings nobody = {0};
    struct take any = {.holder = &nobody, .order = order, .kinds = TAKE_ANY, .limit = ~0ull};
    struct node *node = node_get(nid);
    bool cleaned = false;

    for (u32 i = 0; i < REGIONS_AT_ONCE;) {
        spin_lock(&node->lock);
        bool waited = waited_for(node);
        struct region *r = waited ? NULL : find_dirty_for(node, &any);
        if (r) {
            scrub_region(node, r);
            cleaned = true;
            any.chunks = CHUNKS_NONE;
            i++;
            continue;
        }
        spin_unlock(&node->lock);
        if (waited || !any.more)
            return cleaned || waited;
    }
    return cleaned;
}

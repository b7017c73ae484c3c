/*
 * Frames' words: where they are valid (mm/page.h), how all of a region become so, and how any frame is looked up.
 * Node lock held in every function.
 */
#include <mm/region.h>

void region_write_words(struct region *r)
{
    frame_word_t word = frame_word(r->owner, (enum owned_state)r->state), *words = region_words(r);

    if (r->has_words)
        return;
    for (u32 i = 0; i < MAP_BITS; i += 4)
        words[i] = words[i + 1] = words[i + 2] = words[i + 3] = word;
    r->has_words = true;
}

struct region *region_mark(struct chunk *c, u64 n)
{
    struct region *r = region_of(c, n);

    if (c->state != REGION_SPLIT && !map_test(c->marked, region_bit(n))) {
        map_set(c->marked, region_bit(n));
        r = chunk_region(c, region_bit(n));
        region_renew(r, NULL, c->owner, (enum owned_state)c->state);
    }
    if (r->state != REGION_SPLIT)
        region_write_words(r);
    return r;
}

frame_word_t frame_get(const struct chunk *c, u64 n)
{
    if (c->state != REGION_SPLIT)
        return map_test(c->marked, region_bit(n)) ? frame_tables.words[n]
                                                  : frame_word(c->owner, (enum owned_state)c->state);
    if (region_is_free(c, n))
        return FRAME_FREE;
    const struct region *r = region_of(c, n);
    if (r->state != REGION_SPLIT && !r->has_words)
        return frame_word(r->owner, (enum owned_state)r->state);
    if (r->state == REGION_SPLIT && map_test(r->free, (u32)(n % MAP_BITS)))
        return FRAME_FREE;
    return frame_tables.words[n];
}

void place_find(struct place *p, mfn_t m, nodeid_t nid)
{
    p->nid = nid;
    p->node = node_get(nid);
    p->c = chunk_of(m.n, nid);
    p->word = frame_get(p->c, m.n);
    p->state = frame_state(p->word);
    p->owner = frame_owner(p->word);
}

bool place_lock(struct place *p, mfn_t m)
{
    nodeid_t nid = mm_mfn_node(m);

    if (nid == NODE_NONE)
        return false;
    spin_lock(&node_get(nid)->lock);
    place_find(p, m, nid);
    return true;
}

/*
 * Frames' words (mm/page.h): how all of a region become valid, and how a frame is looked up.
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

struct region *chunk_mark_region(struct chunk *c, u32 bit)
{
    struct region *r = chunk_region(c, bit);

    if (!map_test(c->marked, bit)) {
        map_set(c->marked, bit);
        c->has_marks = true;
        if (bit >= c->nr_ready)
            region_renew(r, NULL, c->owner, (enum owned_state)c->state);
        region_write_words(r);
    }
    return r;
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

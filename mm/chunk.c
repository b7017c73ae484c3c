/*
 * Chunks of 1 GiB and the wholly free regions in them: two maps, clean and dirty, and the node's lists that
 * follow from them. Node lock held in every function.
 */
#include <lib/assert.h>
#include <lib/list.h>
#include <mm/region.h>

#define CHUNK_PAGES BIT(ORDER_1G)
#define SPLIT_STEP  32u /* regions that one hold of the lock makes ready; a divisor of MAP_BITS */

/* Where c belongs now. Whole chunks with a region at a scrubber count as whole, but not as clean. */
static enum chunk_list chunk_class(const struct chunk *c)
{
    if (c->nr_clean == MAP_BITS)
        return CHUNKS_CLEAN;
    if (c->nr_clean + c->nr_dirty + c->nr_scrubbing == MAP_BITS)
        return CHUNKS_DIRTY;
    return c->nr_clean ? CHUNKS_PARTLY : c->nr_dirty ? CHUNKS_PARTLY_DIRTY : CHUNK_UNLISTED;
}

void chunk_relist(struct node *node, struct chunk *c)
{
    enum chunk_list list = chunk_class(c);

    if (list != c->list) {
        node->free_1g += (list <= CHUNKS_DIRTY) - (u64)(c->list <= CHUNKS_DIRTY);
        if (c->list != CHUNK_UNLISTED)
            LIST_REMOVE(c, next, pprev);
        if (list != CHUNK_UNLISTED)
            LIST_PUSH(&node->chunks[list], c, next, pprev);
        c->list = (u8)list;
    }
    LIST_SET(c->nr_dirty, &node->dirty_chunks, c, dirty_next, dirty_pprev);
}

void chunk_add(struct node *node, struct chunk *c, u32 start, u32 end)
{
    u32 nr = end - start;

    map_set_range(c->dirty, start, end);
    c->nr_dirty = (u16)(c->nr_dirty + nr);
    node->free_2m += nr;
    node->free_pages += (u64)nr * MAP_BITS;
    node->dirty_pages += (u64)nr * MAP_BITS;
    chunk_relist(node, c);
}

void chunk_put_region(struct node *node, struct region *r, bool dirty)
{
    struct chunk *c = r->chunk;

    map_set(dirty ? c->dirty : c->clean, region_bit(r->base));
    ++*(dirty ? &c->nr_dirty : &c->nr_clean);
    node->free_2m++;
    chunk_relist(node, c);
}

void chunk_put_regions(struct node *node, struct chunk *c, u32 w, u64 bits, u32 nr)
{
    c->dirty[w] |= bits;
    c->nr_dirty = (u16)(c->nr_dirty + nr);
    node->free_2m += nr;
    node->free_pages += (u64)nr * MAP_BITS;
    node->dirty_pages += (u64)nr * MAP_BITS;
    chunk_relist(node, c);
}

void chunk_take_regions(struct node *node, struct chunk *c, u32 w, u64 bits, u32 nr, bool dirty)
{
    u64 *map = dirty ? c->dirty : c->clean;
    u16 *count = dirty ? &c->nr_dirty : &c->nr_clean;

    BUG_ON(bits & ~map[w]);
    map[w] &= ~bits;
    *count = (u16)(*count - nr);
    node->free_2m -= nr;
    node->free_pages -= (u64)nr * MAP_BITS;
    node->dirty_pages -= dirty ? (u64)nr * MAP_BITS : 0;
    chunk_relist(node, c);
}

bool chunk_take_region(struct node *node, struct region *r)
{
    struct chunk *c = r->chunk;
    u32 bit = region_bit(r->base);
    bool dirty = map_test(c->dirty, bit);

    BUG_ON(!dirty && !map_test(c->clean, bit));
    map_clear(dirty ? c->dirty : c->clean, bit);
    --*(dirty ? &c->nr_dirty : &c->nr_clean);
    node->free_2m--;
    chunk_relist(node, c);
    return dirty;
}

/* chunk_relist() is not asked: from its list to none and back to the one of dirty chunks, 90 instructions less. */
void chunk_take(struct node *node, struct chunk *c, const struct take *take)
{
    struct holdings *holder = take->holder;

    ASSERT(c->nr_clean + c->nr_dirty == MAP_BITS);
    if (c->nr_clean) { /* else the maps are already what they are to be */
        map_fill(c->marked, false);
        map_fill(c->dirty, true);
    }
    if (c->nr_dirty)
        LIST_REMOVE(c, dirty_next, dirty_pprev);
    node->free_1g--;
    node->free_2m -= MAP_BITS;
    node->free_pages -= CHUNK_PAGES;
    node->dirty_pages -= (u64)c->nr_dirty * MAP_BITS;
    c->nr_clean = c->nr_dirty = c->nr_ready = 0;
    c->ready = NULL;
    c->list = CHUNK_UNLISTED;
    c->state = (u8)take->state;
    c->owner = take->owner;
    c->holder = holder;
    LIST_REMOVE(c, next, pprev);
    LIST_PUSH(&holder->chunks, c, next, pprev);
}

static void chunk_disown(struct chunk *c)
{
    LIST_REMOVE(c, next, pprev);
    c->holder = NULL;
    c->state = REGION_SPLIT;
    if (unlikely(c->has_marks))
        map_fill(c->marked, false);
    c->has_marks = false;
}

void chunk_free(struct node *node, struct chunk *c)
{
    ASSERT(c->state != REGION_SPLIT && !c->nr_pinned && !c->nr_leaving);
    chunk_disown(c);
    c->nr_dirty = MAP_BITS;
    c->list = CHUNKS_DIRTY;
    LIST_PUSH(&node->chunks[CHUNKS_DIRTY], c, next, pprev);
    LIST_PUSH(&node->dirty_chunks, c, dirty_next, dirty_pprev);
    node->free_1g++;
    node->free_2m += MAP_BITS;
    node->free_pages += CHUNK_PAGES;
    node->dirty_pages += CHUNK_PAGES;
}

bool chunk_split_step(struct chunk *c)
{
    if (c->nr_ready == MAP_BITS)
        return true;
    for (u32 left = SPLIT_STEP; left; left--)
        region_inherit(chunk_region(c, c->nr_ready++));
    return false;
}

void chunk_split(struct chunk *c)
{
    struct region **full = &c->holder->full, *last = chunk_region(c, 0); /* each went to the front */

    while (!chunk_split_step(c))
        ;
    last->next = *full;
    if (last->next)
        last->next->pprev = &last->next;
    *full = c->ready;
    c->ready->pprev = full;
    chunk_disown(c);
    map_fill(c->dirty, false);
}

/*
 * Pins, which keep a frame from being freed. A frame that is pinned when its domain gives it up stays the
 * domain's, FRAME_RELEASED, until the last unpin.
 */
#include <homestead/errno.h>
#include <lib/assert.h>
#include <mm/ledger.h>
#include <mm/region.h>

static void count_pinned(struct region *r, s32 change)
{
    r->nr_pinned = (u16)(r->nr_pinned + change);
    r->chunk->nr_pinned = (u32)((s32)r->chunk->nr_pinned + change);
}

/* The chunk of a frame that is RAM. */
static inline struct chunk *chunk_of_ram(mfn_t m)
{
    struct chunk *c = &frame_tables.chunks[m.n >> ORDER_1G].chunk;

    return likely(!c->sibling) ? c : chunk_of(m.n, mm_mfn_node(m));
}

int mm_pin(u16 domid, mfn_t m)
{
    struct chunk *c = chunk_of_ram(m);
    struct node *node = node_get(c->nid);
    int rc = 0;

    spin_lock(&node->lock);
    frame_word_t word = frame_get(c, m.n);
    if (frame_state(word) != FRAME_GUEST || frame_owner(word) != domid)
        rc = -EINVAL;
    else if (frame_pins(word) == PAGE_PINS_MAX)
        rc = -EOVERFLOW;
    if (!rc) {
        if (!frame_pins(word))
            count_pinned(region_mark(c, m.n), 1);
        frame_tables.words[m.n] = word + (1u << FRAME_PINS_SHIFT);
    }
    spin_unlock(&node->lock);
    return rc;
}

bool mm_unpin(mfn_t m)
{
    struct chunk *c = chunk_of_ram(m);
    struct node *node = node_get(c->nid);

    spin_lock(&node->lock);
    frame_word_t word = frame_get(c, m.n);
    BUG_ON(!frame_pins(word)); /* not pinned at all: a reference count somewhere is wrong */
    word -= 1u << FRAME_PINS_SHIFT;
    frame_tables.words[m.n] = word;
    bool last = !frame_pins(word);
    if (last)
        count_pinned(region_of(c, m.n), -1);
    last = last && frame_state(word) == FRAME_RELEASED;
    if (last && region_free_released(node, region_of(c, m.n), (u32)(m.n % MAP_BITS)))
        ledger_credit(node, 1);
    spin_unlock(&node->lock);
    if (likely(!last))
        return false;

    struct mem_account *account = mem_account_find(frame_owner(word));
    BUG_ON(!account); /* it stays until its tot is 0 */
    spin_lock(&account->lock);
    account_uncharge(account, c->nid, 1);
    spin_unlock(&account->lock);
    return true;
}

u16 mm_overhead_owner(mfn_t m)
{
    struct place p;

    BUG_ON(!place_lock(&p, m));
    BUG_ON(p.state != FRAME_OWN || p.owner == PAGE_OWNER_NONE);
    spin_unlock(&p.node->lock);
    return p.owner;
}

bool mm_any_pinned(mfn_t m, u32 order)
{
    struct place p;

    if (!place_lock(&p, m))
        return false;
    bool pinned =
        order ? region_is_valid(p.c, m.n) && region_of(p.c, m.n)->nr_pinned : frame_pins(p.word) != 0;
    spin_unlock(&p.node->lock);
    return pinned;
}

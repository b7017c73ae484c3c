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

/* The region of a frame that is RAM. */
static inline struct region *region_of_ram(mfn_t m)
{
    struct region *r = &frame_table[m.n / MAP_BITS].region;

    return likely(!r->sibling) ? r : region_of(m.n, mm_mfn_node(m));
}

int mm_pin(u16 domid, mfn_t m)
{
    struct region *r = region_of_ram(m);
    struct node *node = node_get(r->nid);
    frame_word_t *word = &r->frame[m.n % MAP_BITS];
    u16 owner;
    int rc = 0;

    spin_lock(&node->lock);
    if (frame_get(r, m.n, &owner) != FRAME_GUEST || owner != domid)
        rc = -EINVAL;
    else if (frame_pins(*word) == PAGE_PINS_MAX)
        rc = -EOVERFLOW;
    if (!rc) {
        if (!frame_pins(*word))
            count_pinned(r, 1);
        *word += 1u << FRAME_PINS_SHIFT;
    }
    spin_unlock(&node->lock);
    return rc;
}

/* Has its domain given up the pinned frame of this word? Only frames of split regions are in that state, and only there
 * a word has one. */
static bool is_released(const struct region *r, frame_word_t word)
{
    return r->chunk->state == REGION_SPLIT && r->state == REGION_SPLIT && frame_state(word) == FRAME_RELEASED;
}

bool mm_unpin(mfn_t m)
{
    struct region *r = region_of_ram(m);
    struct node *node = node_get(r->nid);
    u32 bit = (u32)(m.n % MAP_BITS);
    frame_word_t *word = &r->frame[bit];

    spin_lock(&node->lock);
    BUG_ON(!frame_pins(*word)); /* not pinned at all: a reference count somewhere is wrong */
    *word -= 1u << FRAME_PINS_SHIFT;
    u16 owner = frame_owner(*word);
    bool last = !frame_pins(*word);
    if (last)
        count_pinned(r, -1);
    last = last && is_released(r, *word);
    if (last && region_free_released(node, r, bit))
        ledger_credit(node, 1);
    spin_unlock(&node->lock);
    if (likely(!last))
        return false;

    struct mem_account *account = mem_account_find(owner);
    BUG_ON(!account); /* it stays until its tot is 0 */
    spin_lock(&account->lock);
    account_uncharge(account, r->nid, 1);
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
    bool pinned = order ? p.r->nr_pinned != 0 : frame_pins(*p.word) != 0;
    spin_unlock(&p.node->lock);
    return pinned;
}

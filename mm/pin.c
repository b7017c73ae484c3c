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

int mm_pin(u16 domid, mfn_t m)
{
    const struct frame_range *range = frame_range_find(m.n);
    int rc = 0;
    u16 owner;

    if (!range)
        return -EINVAL;
    struct node *node = node_get(range->nid);
    spin_lock(&node->lock);
    struct region *r = region_of(m.n, range->nid);
    u64 *word = &r->frame[m.n % MAP_BITS];
    if (frame_get(r, m.n, &owner) != FRAME_GUEST || owner != domid)
        rc = -EINVAL;
    else if (frame_pins(*word) == PAGE_PINS_MAX)
        rc = -EOVERFLOW;
    if (!rc) {
        if (!frame_pins(*word))
            count_pinned(r, 1);
        *word += 1ull << FRAME_PINS_SHIFT;
    }
    spin_unlock(&node->lock);
    return rc;
}

bool mm_unpin(mfn_t m)
{
    const struct frame_range *range = frame_range_find(m.n);
    bool is_free = false;
    u16 owner;

    BUG_ON(!range);
    struct node *node = node_get(range->nid);
    spin_lock(&node->lock);
    struct region *r = region_of(m.n, range->nid);
    u64 *word = &r->frame[m.n % MAP_BITS];
    enum owned_state state = frame_get(r, m.n, &owner);
    BUG_ON(!frame_pins(*word)); /* not pinned at all: a reference count somewhere is wrong */
    *word -= 1ull << FRAME_PINS_SHIFT;
    bool last = !frame_pins(*word);
    if (last)
        count_pinned(r, -1);
    last = last && state == FRAME_RELEASED;
    if (last)
        is_free = region_free_released(node, r, (u32)(m.n % MAP_BITS));
    spin_unlock(&node->lock);
    if (!last)
        return false;

    if (is_free)
        ledger_credit(range->nid, 1);
    struct mem_account *account = mem_account_find(owner);
    BUG_ON(!account); /* it stays until its tot is 0 */
    spin_lock(&account->lock);
    account_uncharge(account, range->nid, 1);
    spin_unlock(&account->lock);
    return true;
}

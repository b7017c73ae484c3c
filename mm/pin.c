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
    struct place p;
    int rc = 0;

    if (!place_lock(&p, m))
        return -EINVAL;
    if (p.state != FRAME_GUEST || p.owner != domid)
        rc = -EINVAL;
    else if (frame_pins(*p.word) == PAGE_PINS_MAX)
        rc = -EOVERFLOW;
    if (!rc) {
        if (!frame_pins(*p.word))
            count_pinned(p.r, 1);
        *p.word += 1u << FRAME_PINS_SHIFT;
    }
    spin_unlock(&p.node->lock);
    return rc;
}

bool mm_unpin(mfn_t m)
{
    struct place p;

    BUG_ON(!place_lock(&p, m));
    BUG_ON(!frame_pins(*p.word)); /* not pinned at all: a reference count somewhere is wrong */
    *p.word -= 1u << FRAME_PINS_SHIFT;
    bool last = !frame_pins(*p.word);
    if (last)
        count_pinned(p.r, -1);
    last = last && p.state == FRAME_RELEASED;
    if (last && region_free_released(p.node, p.r, p.bit))
        ledger_credit(p.node, 1);
    spin_unlock(&p.node->lock);
    if (!last)
        return false;

    struct mem_account *account = mem_account_find(p.owner);
    BUG_ON(!account); /* it stays until its tot is 0 */
    spin_lock(&account->lock);
    account_uncharge(account, p.nid, 1);
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

/*
 * Frames that leave their node for good, or until they are brought back: the node's part, without credits. A
 * free frame goes at once, out of a region that is split for it; one in use is marked and goes when it is
 * freed (region.c).
 *
 * Scrubbers let go first, so that no frame is on its way. Locks: the ledger's is held, the node's taken.
 */
#include <homestead/errno.h>
#include <mm/internal.h>
#include <mm/ledger.h>

/* Node lock held, no memory with a scrubber. */
static enum owned_state look(const struct region *r, u64 n, u16 *owner, u64 *word)
{
    enum owned_state state = frame_get(r, n, owner);

    /* Words of free frames mean nothing. */
    *word = state == FRAME_ABSENT ? 0 : r->frame[n % MAP_BITS];
    return state;
}

static struct node *enter(mfn_t m, struct region **r)
{
    nodeid_t nid = mm_mfn_node(m);

    if (nid == NODE_NONE)
        return NULL;
    struct node *node = node_get(nid);
    node_wait_scrubbers(node);
    spin_lock(&node->lock);
    *r = region_of(m.n, nid);
    return node;
}

static void leave(struct node *node)
{
    spin_unlock(&node->lock);
    node_wait_done(node);
}

/* One in use goes when it is freed, or no longer. */
static void mark_leaving(struct region *r, u64 n, bool leaves)
{
    s32 change = leaves ? 1 : -1;

    r->frame[n % MAP_BITS] ^= FRAME_LEAVING;
    r->nr_leaving = (u16)(r->nr_leaving + change);
    r->chunk->nr_leaving += (u32)change;
}

int node_offline_frame(mfn_t m, bool *was_free)
{
    struct region *r;
    struct node *node = enter(m, &r);
    u16 owner;
    u64 word;

    *was_free = false;
    if (!node)
        return -EINVAL;
    enum owned_state state = look(r, m.n, &owner, &word);
    if (state == FRAME_ABSENT) {
        if (region_is_free(r))
            region_claim(node, r, NULL, 0, REGION_SPLIT);
        region_frame_offline(node, r, (u32)(m.n % MAP_BITS));
        *was_free = true;
    } else if (state != FRAME_OFFLINE && !(word & FRAME_LEAVING)) {
        mark_leaving(r, m.n, true);
    }
    leave(node);
    return 0;
}

int node_online_frame(mfn_t m, bool *now_free)
{
    struct region *r;
    struct node *node = enter(m, &r);
    u16 owner;
    u64 word;

    *now_free = false;
    if (!node)
        return -EINVAL;
    enum owned_state state = look(r, m.n, &owner, &word);
    if (state == FRAME_OFFLINE) {
        region_frame_online(node, r, (u32)(m.n % MAP_BITS));
        *now_free = true;
    } else if (word & FRAME_LEAVING) {
        mark_leaving(r, m.n, false);
    }
    leave(node);
    return 0;
}

u32 node_frame_state(mfn_t m)
{
    struct region *r;
    struct node *node = enter(m, &r);
    u16 owner;
    u64 word;

    if (!node)
        return 0;
    enum owned_state state = look(r, m.n, &owner, &word);
    leave(node);
    if (state == FRAME_ABSENT)
        return 0;
    if (state == FRAME_OFFLINE)
        return WHERE_OFFLINE;
    return (word & FRAME_LEAVING ? WHERE_PENDING : 0) |
           (state == FRAME_OWN ? WHERE_HOMESTEAD : WHERE_IN_USE | (u32)owner << 16);
}

u64 node_free_pages(nodeid_t nid)
{
    struct node *node = node_get(nid);

    spin_lock(&node->lock);
    u64 pages = node->free_pages;
    spin_unlock(&node->lock);
    return pages;
}

void node_get_whole(nodeid_t nid, struct node_whole *out)
{
    struct node *node = node_get(nid);

    spin_lock(&node->lock);
    *out = (struct node_whole){.free_2m = node->free_2m,
                               .free_1g = node->free_1g,
                               .reserved_2m = node->reserved_2m,
                               .reserved_1g = node->reserved_1g,
                               .offline_pages = node->offline_pages};
    spin_unlock(&node->lock);
}

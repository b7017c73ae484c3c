/* The plain buddy: see buddy.h. All state is under one lock. */
#include <lib/assert.h>
#include <lib/spinlock.h>
#include <tests/bench/alloc/buddy.h>

static struct {
    spinlock_t lock;
    struct buddy_frame *frames;
    u64 base, end, per_node;
    u64 free_pages;
    u64 owned[65536]; /* pages of each owner */
    u32 first[MAX_NODES][MAX_ORDER + 1];
} heap = {.lock = SPINLOCK_INIT(LOCK_NODE)};

static u32 node_of(u64 n)
{
    return (u32)((n - heap.base) / heap.per_node);
}

static void insert(u64 n, u32 order)
{
    struct buddy_frame *frame = &heap.frames[n];
    u32 *first = &heap.first[node_of(n)][order];

    frame->head = true;
    frame->order = (u8)order;
    frame->prev = BUDDY_NONE;
    frame->next = *first;
    if (*first != BUDDY_NONE)
        heap.frames[*first].prev = (u32)n;
    *first = (u32)n;
}

static void take_out(u64 n, u32 order)
{
    struct buddy_frame *frame = &heap.frames[n];

    frame->head = false;
    if (frame->prev != BUDDY_NONE)
        heap.frames[frame->prev].next = frame->next;
    else
        heap.first[node_of(n)][order] = frame->next;
    if (frame->next != BUDDY_NONE)
        heap.frames[frame->next].prev = frame->prev;
}

void buddy_init(struct buddy_frame *frames, u64 base, u64 end, u64 per_node)
{
    heap.frames = frames;
    heap.base = base;
    heap.end = end;
    heap.per_node = per_node;
    heap.free_pages = end - base;
    for (u32 i = 0; i < 65536; i++)
        heap.owned[i] = 0;
    for (u32 nid = 0; nid < MAX_NODES; nid++)
        for (u32 order = 0; order <= MAX_ORDER; order++)
            heap.first[nid][order] = BUDDY_NONE;
    for (u64 n = base; n < end; n++)
        frames[n].owner = BUDDY_FREE;
    for (u64 n = base; n < end; n += BIT(MAX_ORDER))
        insert(n, MAX_ORDER);
}

bool buddy_take(u16 owner, u32 nid, u32 order, u64 *out)
{
    u32 from = order;

    spin_lock(&heap.lock);
    while (from <= MAX_ORDER && heap.first[nid][from] == BUDDY_NONE)
        from++;
    if (from > MAX_ORDER) {
        spin_unlock(&heap.lock);
        return false;
    }
    u64 n = heap.first[nid][from];
    take_out(n, from);
    while (from > order) {
        from--;
        insert(n + BIT(from), from);
    }
    for (u64 i = 0; i < BIT(order); i++)
        heap.frames[n + i].owner = owner;
    heap.owned[owner] += BIT(order);
    heap.free_pages -= BIT(order);
    spin_unlock(&heap.lock);
    *out = n;
    return true;
}

void buddy_give(u16 owner, u64 n, u32 order)
{
    spin_lock(&heap.lock);
    for (u64 i = 0; i < BIT(order); i++) {
        BUG_ON(heap.frames[n + i].owner != owner);
        heap.frames[n + i].owner = BUDDY_FREE;
    }
    heap.owned[owner] -= BIT(order);
    heap.free_pages += BIT(order);
    for (; order < MAX_ORDER; order++) {
        u64 other = n ^ BIT(order);
        if (!heap.frames[other].head || heap.frames[other].order != order)
            break;
        take_out(other, order);
        n &= ~BIT(order);
    }
    insert(n, order);
    spin_unlock(&heap.lock);
}

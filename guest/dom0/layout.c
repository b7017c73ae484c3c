/* See layout.h. */
#include <guest/dom0/layout.h>

static void add(struct layout *l, u64 start, u64 end)
{
    if (start >= end)
        return;
    l->ranges[l->nr_ranges++] = (struct layout_range){start, end};
    l->nr_pages += end - start;
}

void layout_make(u64 memory_mib, struct layout *out)
{
    u64 frames = memory_mib << (20 - PAGE_SHIFT);

    *out = (struct layout){0};
    add(out, 0, MIN(frames, LAYOUT_HOLE_START));
    add(out, LAYOUT_HOLE_END, MIN(frames, LAYOUT_LOW_END));
    if (frames > LAYOUT_LOW_END)
        add(out, LAYOUT_HIGH_START, LAYOUT_HIGH_START + (frames - LAYOUT_LOW_END));
}

bool layout_contains(const struct layout *l, u64 paddr, u64 bytes)
{
    for (u32 i = 0; i < l->nr_ranges; i++) {
        u64 start = l->ranges[i].start << PAGE_SHIFT, end = l->ranges[i].end << PAGE_SHIFT;
        if (paddr >= start && paddr <= end && bytes <= end - paddr)
            return true;
    }
    return false;
}

u32 layout_order(u64 gfn, u64 end, u32 max_order)
{
    static const u32 orders[] = {ORDER_1G, ORDER_2M, ORDER_4K};

    for (u32 i = 0; i < ARRAY_SIZE(orders); i++) {
        u64 pages = 1ull << orders[i];
        if (orders[i] <= max_order && IS_ALIGNED(gfn, pages) && gfn + pages <= end)
            return orders[i];
    }
    return ORDER_4K;
}

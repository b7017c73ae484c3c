/* See layout.h. */
#include <guest/dom0/layout.h>
#include <xen/hvm/start_info.h>

static void own(struct layout *l, u64 start, u64 end)
{
    if (start >= end)
        return;
    l->ranges[l->nr_ranges++] = (struct layout_range){start, end, XEN_HVM_MEMMAP_TYPE_RAM};
    l->nr_pages += end - start;
}

static void describe(struct layout *l, u64 start, u64 end, u32 type)
{
    if (start < end)
        l->map[l->nr_map++] = (struct layout_range){start, end, type};
}

void layout_make(u64 memory_mib, struct layout *out)
{
    const u64 frames = memory_mib << (20 - PAGE_SHIFT);
    const u64 low_end = MIN(frames, LAYOUT_LOW_END), high_end = LAYOUT_HIGH_START + (frames - low_end);

    *out = (struct layout){0};
    own(out, 0, low_end);
    own(out, LAYOUT_HIGH_START, high_end);
    describe(out, 0, LAYOUT_HOLE_START, XEN_HVM_MEMMAP_TYPE_RAM);
    describe(out, LAYOUT_ACPI, LAYOUT_ROM, XEN_HVM_MEMMAP_TYPE_ACPI);
    describe(out, LAYOUT_ROM, LAYOUT_HOLE_END, XEN_HVM_MEMMAP_TYPE_RESERVED);
    describe(out, LAYOUT_HOLE_END, low_end, XEN_HVM_MEMMAP_TYPE_RAM);
    describe(out, LAYOUT_HIGH_START, high_end, XEN_HVM_MEMMAP_TYPE_RAM);
}

bool layout_contains(const struct layout *l, u64 paddr, u64 bytes)
{
    for (u32 i = 0; i < l->nr_map; i++) {
        u64 start = l->map[i].start << PAGE_SHIFT, end = l->map[i].end << PAGE_SHIFT;
        if (l->map[i].type == XEN_HVM_MEMMAP_TYPE_RAM && paddr >= start && paddr <= end &&
            bytes <= end - paddr)
            return true;
    }
    return false;
}

static bool overlaps(const struct elf_kernel *elf, u64 paddr, u64 bytes)
{
    for (u32 i = 0; i < elf->nr_segments; i++) {
        const struct elf_segment *s = &elf->segments[i];
        if (paddr < s->paddr + s->mem_size && s->paddr < paddr + bytes)
            return true;
    }
    return false;
}

u64 layout_place(const struct layout *l, const struct elf_kernel *elf, u64 bytes)
{
    const u64 lowest = LAYOUT_HOLE_END << PAGE_SHIFT;
    u64 best = 0;

    for (u32 i = 0; i <= elf->nr_segments; i++) {
        u64 at = lowest;
        if (i < elf->nr_segments)
            at = ALIGN_UP(elf->segments[i].paddr + elf->segments[i].mem_size, PAGE_SIZE);
        if (at >= lowest && at > best && at < GIB(4) && layout_contains(l, at, bytes) &&
            !overlaps(elf, at, bytes))
            best = at;
    }
    return best;
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

#include <boot/boot_mem.h>

#include <homestead/errno.h>
#include <lib/string.h>

static void drop(struct boot_ranges *r, u32 from, u32 to)
{
    memmove(&r->range[from], &r->range[to], (r->nr - to) * sizeof(r->range[0]));
    r->nr -= to - from;
}

int boot_ranges_add(struct boot_ranges *r, u64 start, u64 end)
{
    start = ALIGN_UP(start, PAGE_SIZE);
    end = ALIGN_DOWN(end, PAGE_SIZE);
    if (start >= end)
        return 0;
    u32 at = 0;
    while (at < r->nr && r->range[at].end < start)
        at++;
    u32 behind = at; /* ranges at..behind-1 touch the new one and melt into it */
    while (behind < r->nr && r->range[behind].start <= end) {
        start = MIN(start, r->range[behind].start);
        end = MAX(end, r->range[behind].end);
        behind++;
    }
    if (behind == at) {
        if (r->nr == BOOT_RANGES_MAX)
            return -ENOMEM;
        memmove(&r->range[at + 1], &r->range[at], (r->nr - at) * sizeof(r->range[0]));
        r->nr++;
        behind++;
    }
    r->range[at].start = start;
    r->range[at].end = end;
    drop(r, at + 1, behind);
    return 0;
}

int boot_ranges_remove(struct boot_ranges *r, u64 start, u64 end)
{
    start = ALIGN_DOWN(start, PAGE_SIZE);
    end = ALIGN_UP(end, PAGE_SIZE);
    if (start >= end)
        return 0;
    for (u32 i = 0; i < r->nr; i++) {
        u64 low = r->range[i].start, high = r->range[i].end;
        if (high <= start || low >= end)
            continue;
        if (low < start && high > end) {
            if (r->nr == BOOT_RANGES_MAX)
                return -ENOMEM;
            memmove(&r->range[i + 1], &r->range[i], (r->nr - i) * sizeof(r->range[0]));
            r->nr++;
            r->range[i].end = start;
            r->range[i + 1].start = end;
            return 0;
        }
        if (low < start)
            r->range[i].end = start;
        else if (high > end)
            r->range[i].start = end;
        else
            drop(r, i, i + 1), i--; /* the next one has moved here */
    }
    return 0;
}

u64 boot_ranges_take(struct boot_ranges *r, u64 size, u64 align, u64 low, u64 high)
{
    for (u32 i = r->nr; i-- > 0;) {
        u64 start = MAX(r->range[i].start, low), end = MIN(r->range[i].end, high);
        if (start >= end || end - start < size)
            continue;
        u64 at = ALIGN_DOWN(end - size, align);
        if (at < start || !at)
            continue;
        if (boot_ranges_remove(r, at, at + size))
            continue; /* the list is full: a range whose end can be cut will do */
        return at;
    }
    return 0;
}

u64 boot_ranges_total(const struct boot_ranges *r)
{
    u64 total = 0;

    for (u32 i = 0; i < r->nr; i++)
        total += r->range[i].end - r->range[i].start;
    return total;
}

#include <boot/boot_ranges.h>

#include <homestead/errno.h>
#include <lib/string.h>

#define LAST_PAGE ALIGN_DOWN(~0ull, PAGE_SIZE)

/* Index of the first range that ends at or above addr. */
static u32 first_reaching(const struct boot_ranges *r, u64 addr)
{
    u32 lo = 0, hi = r->nr;

    while (lo < hi) {
        u32 mid = (lo + hi) / 2;
        if (r->range[mid].end >= addr)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

static void drop(struct boot_ranges *r, u32 from, u32 to)
{
    memmove(&r->range[from], &r->range[to], (r->nr - to) * sizeof(r->range[0]));
    r->nr -= to - from;
}

int boot_ranges_add(struct boot_ranges *r, u64 start, u64 end)
{
    if (start > LAST_PAGE)
        return 0;
    start = ALIGN_UP(start, PAGE_SIZE);
    end = ALIGN_DOWN(end, PAGE_SIZE);
    if (start >= end)
        return 0;
    u32 at = first_reaching(r, start);
    u32 after = at; /* ranges at..after-1 touch the new one and are merged into it */
    while (after < r->nr && r->range[after].start <= end) {
        start = MIN(start, r->range[after].start);
        end = MAX(end, r->range[after].end);
        after++;
    }
    if (after == at) {
        if (r->nr == BOOT_RANGES_MAX)
            return -ENOMEM;
        memmove(&r->range[at + 1], &r->range[at], (r->nr - at) * sizeof(r->range[0]));
        r->nr++;
        after++;
    }
    r->range[at].start = start;
    r->range[at].end = end;
    drop(r, at + 1, after);
    return 0;
}

int boot_ranges_remove(struct boot_ranges *r, u64 start, u64 end)
{
    start = ALIGN_DOWN(start, PAGE_SIZE);
    end = end > LAST_PAGE ? LAST_PAGE : ALIGN_UP(end, PAGE_SIZE);
    if (start >= end)
        return 0;
    for (u32 i = first_reaching(r, start); i < r->nr && r->range[i].start < end; i++) {
        u64 low = r->range[i].start, high = r->range[i].end;
        if (high <= start)
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

u64 boot_ranges_take_phase(struct boot_ranges *r, u64 size, u64 align, u64 phase, u64 low, u64 high)
{
    u32 i = first_reaching(r, high);

    if (i < r->nr)
        i++; /* it may begin below */
    while (i-- > 0 && r->range[i].end > low) {
        u64 start = MAX(r->range[i].start, low), end = MIN(r->range[i].end, high);
        if (start >= end || end - start < size || end - size < phase)
            continue;
        u64 at = ALIGN_DOWN(end - size - phase, align) + phase;
        if (at < start || !at)
            continue;
        if (boot_ranges_remove(r, at, at + size))
            continue; /* the list is full: a range whose end can be cut will do */
        return at;
    }
    return 0;
}

u64 boot_ranges_take(struct boot_ranges *r, u64 size, u64 align, u64 low, u64 high)
{
    return boot_ranges_take_phase(r, size, align, 0, low, high);
}

u64 boot_ranges_total(const struct boot_ranges *r)
{
    u64 total = 0;

    for (u32 i = 0; i < r->nr; i++)
        total += r->range[i].end - r->range[i].start;
    return total;
}

void boot_ranges_copy(struct boot_ranges *out, const struct boot_ranges *a)
{
    out->nr = a->nr;
    memcpy(out->range, a->range, a->nr * sizeof(a->range[0]));
}

int boot_ranges_intersect(struct boot_ranges *out, const struct boot_ranges *a, const struct boot_ranges *b)
{
    out->nr = 0;
    for (u32 i = 0, k = 0; i < a->nr && k < b->nr;) {
        u64 start = MAX(a->range[i].start, b->range[k].start);
        u64 end = MIN(a->range[i].end, b->range[k].end);

        if (start < end && boot_ranges_add(out, start, end))
            return -ENOMEM;
        if (a->range[i].end < b->range[k].end)
            i++;
        else
            k++;
    }
    return 0;
}
